#include "trace_words.h"

#include "postern/packet_filter/filter.h"

namespace postern::api {

namespace {

using Extent = journey::Following::Extent;

constexpr int kVersion = 1;  // of the events' schema

Json refused(const std::string& reason) {
  return {{"error", {{"desc", "bad request: trace: it cannot be had"}, {"reason", reason}}}};
}

/// Where to look stands beside what is said.
Json misunderstood(const packet_filter::Complaint& complaint) {
  return {{"error",
           {{"desc", "bad request: trace: bad arguments.filter"},
            {"reason", complaint.what},
            {"offset", complaint.offset},
            {"length", complaint.length}}}};
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// Nothing: it is neither.
std::optional<Extent> read_follow(const Json& arguments) {
  const auto given = arguments.find("follow");
  if (given == arguments.end() || *given == "connection") return Extent::connection;
  return *given == "packet" ? std::optional(Extent::packet) : std::nullopt;
}

}  // namespace

Json answer_trace(const Json& arguments, Instance& instance, std::unique_ptr<Subscription>& events) {
  const auto given = arguments.find("filter");
  if (given != arguments.end() && !given->is_string()) return {{"error", {{"desc", "bad request: trace: bad arguments.filter"}}}};
  auto filter = packet_filter::Filter::parse(given != arguments.end() ? given->get_ref<const std::string&>() : "");
  if (const auto* complaint = std::get_if<packet_filter::Complaint>(&filter)) return misunderstood(*complaint);
  const auto follow = read_follow(arguments);
  if (!follow) return {{"error", {{"desc", "bad request: trace: bad arguments.follow"}}}};
  auto subscription = std::make_unique<Subscription>();
  auto tracing = instance.start_trace({std::move(std::get<packet_filter::Filter>(filter)), *follow}, subscription->stream);
  if (!tracing) return refused(tracing.error().context);
  subscription->tracing = *std::move(tracing);
  events = std::move(subscription);
  return {{"return", {{"version", kVersion}}}};
}

std::string trace_request(std::string_view filter, Extent follow) {
  const char* word = follow == Extent::packet ? "packet" : "connection";
  const Json request = {{"execute", "trace"}, {"arguments", {{"filter", std::string(filter)}, {"follow", word}}}};
  return request.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<std::string> trace_refusal(std::string_view first_line) {
  try {
    const auto read = read_json(first_line);
    const auto* answer = std::get_if<Json>(&read);
    if (!answer || !answer->is_object()) return "the answer is not understood";
    if (answer->contains("return")) return std::nullopt;
    const auto error = answer->find("error");
    if (error == answer->end() || !error->is_object()) return "the answer is not understood";
    const std::string reason = text_of(*error, "reason"), description = text_of(*error, "desc");
    return reason.empty() ? description : reason;
  } catch (const std::exception&) {
    return "the answer is not understood";
  }
}

}  // namespace postern::api
