#include "postern/api/commands.h"

#include <cstring>

#include "report.h"
#include "request.h"
#include "trace_words.h"

namespace postern::api {

namespace {

Json error(const std::string& description) { return {{"error", {{"desc", description}}}}; }

/// slirp4netns says only that it failed; what failed stands beside it.
Json error(const std::string& description, const Error& cause) {
  Json reply = error(description);
  const char* name = cause.code ? ::strerrorname_np(cause.code.value()) : nullptr;
  if (name) reply["error"]["errno"] = name;
  reply["error"]["reason"] = cause.code ? cause.code.message() + ": " + cause.context : cause.context;
  return reply;
}

Json add_hostfwd(const Json& arguments, Instance& instance) {
  const auto request = read_port_request(arguments);
  if (const auto* bad = std::get_if<BadArgument>(&request)) {
    Json reply = error(std::string("bad request: add_hostfwd: bad arguments.") + bad->name);
    if (bad->why) reply["error"]["reason"] = bad->why;
    return reply;
  }
  const auto& wanted = std::get<forward::PortRequest>(request);
  const auto added = instance.add_forward(wanted);
  if (!added) return error("bad request: add_hostfwd: slirp_add_hostfwd failed", added.error());
  Json reply = {{"return", {{"id", added->id}}}};
  if (wanted.host_port.number == 0) reply["return"]["host_port"] = added->forward.host_port.number;
  return reply;
}

/// Twice: slirp4netns documents the one shape and sends the other.
Json list_hostfwd(const Json&, Instance& instance) {
  Json entries = Json::array();
  for (const forward::Published& published : instance.forwards()) entries.push_back(to_json(published));
  Json reply = {{"return", {{"entries", entries}}}};
  reply["entries"] = std::move(entries);
  return reply;
}

Json remove_hostfwd(const Json& arguments, Instance& instance) {
  const auto id = read_integer(arguments, "id", 0, UINT32_MAX);
  if (!id) return error("bad request: remove_hostfwd: bad arguments.id");
  const auto kill = arguments.find("kill");
  if (kill != arguments.end() && !kill->is_boolean()) return error("bad request: remove_hostfwd: bad arguments.kill");
  const bool resets = kill != arguments.end() && kill->get<bool>();
  const Status removed = instance.remove_forward(*id, resets ? forward::OpenConnections::reset : forward::OpenConnections::go_on);
  if (!removed && removed.error().is(std::errc::no_such_file_or_directory))
    return error("bad request: remove_hostfwd: bad arguments.id");
  if (!removed) return error("bad request: remove_hostfwd: slirp_remove_hostfwd failed", removed.error());
  return {{"return", Json::object()}};
}

Json status(const Json&, Instance& instance) { return {{"return", to_json(instance.status(), instance.forwards().size())}}; }

Json list_flows(const Json&, Instance& instance) { return {{"return", to_json(instance.flows(kMostFlowsListed))}}; }

Json counters(const Json&, Instance& instance) { return {{"return", to_json(instance.counters())}}; }

struct Command {
  std::string_view name;
  Json (*perform)(const Json& arguments, Instance& instance);
};
constexpr Command kCommands[] = {{"add_hostfwd", add_hostfwd}, {"list_hostfwd", list_hostfwd}, {"remove_hostfwd", remove_hostfwd},
                                 {"status", status},           {"list_flows", list_flows},     {"counters", counters}};

Json perform(const Json& request, Instance& instance, std::unique_ptr<Subscription>* events) {
  if (!request.is_object()) return error("bad request: json_object() failed");
  const auto execute = request.find("execute");
  if (execute == request.end() || !execute->is_string()) return error("bad request: no execute found");
  const std::string_view name = execute->get_ref<const std::string&>();
  const auto given = request.find("arguments");
  const Json arguments = given != request.end() && given->is_object() ? *given : Json::object();
  if (events && name == "trace") return answer_trace(arguments, instance, *events);
  for (const Command& command : kCommands) {
    if (name == command.name) return command.perform(arguments, instance);
  }
  return error("bad request: unknown execute");
}

/// What a program's name or a path in an error was may be any bytes: replaced rather than thrown at.
std::string to_text(const Json& reply) { return reply.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::optional<std::string> answer(std::string_view received, Input input, Instance& instance,
                                  std::unique_ptr<Subscription>* events) {
  try {
    if (received.size() > kMaxRequestBytes) return to_text(error("bad request: too large message"));
    const auto read = read_json(received);
    if (const auto* request = std::get_if<Json>(&read)) return to_text(perform(*request, instance, events));
    if (std::get<Unread>(read) == Unread::incomplete && input == Input::open) return std::nullopt;
    return to_text(error("bad request: cannot parse JSON"));
  } catch (const std::exception&) {  // out of memory, or a bug of ours in the use of the library; the network goes on
    return R"({"error":{"desc":"bad request: it could not be answered"}})";
  }
}

std::string timed_out_answer() {
  return R"({"error":{"desc":"bad request: cannot parse JSON","errno":"ETIMEDOUT","reason":"no whole request came in time"}})";
}

}  // namespace postern::api
