#include "top_reply.h"

#include "reply_json.h"

namespace postern::cli {

namespace {

template <class T>
std::optional<T> optional_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? std::nullopt : std::optional<T>(found->get<T>());
}

template <class Time>
std::optional<Time> time_of(const Json& object, const char* key) {
  const auto count = optional_of<int64_t>(object, key);
  return count ? std::optional<Time>(*count) : std::nullopt;
}

std::string word_of(const Json& object, const char* key) {
  return printable(optional_of<std::string>(object, key).value_or(std::string()));
}

SeenEnd end_of(const Json& flow, const std::string& prefix) {
  return {word_of(flow, (prefix + "_addr").c_str()), optional_of<uint16_t>(flow, (prefix + "_port").c_str())};
}

SeenFlow flow_of(const Json& told) {
  SeenFlow flow;
  flow.protocol = word_of(told, "proto");
  flow.state = word_of(told, "state");
  flow.is_inbound = told.at("direction") == "inbound";
  flow.guest = end_of(told, "guest");
  flow.remote = end_of(told, "remote");
  flow.host = end_of(told, "host");
  flow.carried_to_guest = optional_of<uint64_t>(told, "carried_to_guest");
  flow.carried_to_remote = optional_of<uint64_t>(told, "carried_to_remote");
  flow.rtt_guest = time_of<std::chrono::microseconds>(told, "rtt_guest_us");
  flow.rtt_remote = time_of<std::chrono::microseconds>(told, "rtt_remote_us");
  flow.age = time_of<std::chrono::milliseconds>(told, "age_ms");
  return flow;
}

/// Of all that carry: each counts for itself. Nothing: the fast engine does not run.
std::optional<uint64_t> bytes_of(const Json& counters, const char* engines, const char* splicers) {
  std::optional<uint64_t> sum;
  for (const auto& [group, key] : {std::pair{"fast_tcp", engines}, {"fast_datagrams", engines}, {"spliced", splicers}}) {
    const auto found = counters.find(group);
    const auto count = found == counters.end() ? std::nullopt : optional_of<uint64_t>(*found, key);
    if (count) sum = sum.value_or(0) + *count;
  }
  return sum;
}

void put(Json& object, const std::string& prefix, const SeenEnd& end) {
  object[prefix + "_addr"] = end.address.empty() ? Json(nullptr) : Json(end.address);
  if (end.port) object[prefix + "_port"] = *end.port;
}

template <class T>
void put(Json& object, const char* key, const std::optional<T>& value) {
  if (value) object[key] = *value;
}

template <class Rep, class Period>
void put(Json& object, const char* key, const std::optional<std::chrono::duration<Rep, Period>>& value) {
  if (value) object[key] = value->count();
}

Json to_json(const SeenFlow& flow, const Rates& rates) {
  Json object = {{"proto", flow.protocol}, {"direction", flow.is_inbound ? "inbound" : "outbound"}};
  if (!flow.state.empty()) object["state"] = flow.state;
  put(object, "guest", flow.guest);
  put(object, "remote", flow.remote);
  put(object, "host", flow.host);
  put(object, "carried_to_guest", flow.carried_to_guest);
  put(object, "carried_to_remote", flow.carried_to_remote);
  put(object, "rate_to_guest", rates.to_guest);
  put(object, "rate_to_remote", rates.to_remote);
  put(object, "rtt_guest_us", flow.rtt_guest);
  put(object, "rtt_remote_us", flow.rtt_remote);
  put(object, "age_ms", flow.age);
  return object;
}

Json to_json(const DropCounts& drops) {
  Json object = Json::object();
  for (const auto& [reason, count] : drops) object[reason] = count;
  return object;
}

}  // namespace

Result<Watched> read_watched(std::string_view status, TimePoint now) {
  return read(status, [now](const Json& told) {
    return Watched{.version = word_of(told, "version"),
                   .engine = word_of(told, "engine"),
                   .pid = told.at("pid"),
                   .flow_limit = told.at("flows").at("limit"),
                   .uptime = std::chrono::seconds(told.at("uptime_seconds").get<int64_t>()),
                   .asked_at = now};
  });
}

Result<Sample> read_sample(std::string_view flows, std::string_view counters, TimePoint now) {
  auto sample = read(flows, [](const Json& told) {
    Sample read;
    for (const Json& flow : told.at("flows")) read.flows.push_back(flow_of(flow));
    read.total_flows = told.at("total");
    return read;
  });
  if (!sample) return sample;
  const auto counted = read(counters, [&](const Json& told) {
    sample->frames_from_guest = told.at("frames_from_guest");
    sample->frames_to_guest = told.at("frames_to_guest");
    sample->bytes_to_guest = bytes_of(told, "bytes_to_guest", "bytes_to_guest");
    sample->bytes_to_remote = bytes_of(told, "bytes_to_host", "bytes_to_client");
    for (const auto& [reason, count] : told.at("drops").items()) sample->drops.emplace_back(printable(reason), count);
    return true;
  });
  if (!counted) return Failure(counted.error());
  sample->taken = now;
  return sample;
}

std::string top_json(const Watched& watched, const Sample& now, const Change& change, const std::vector<size_t>& order) {
  const auto uptime = watched.uptime + std::chrono::duration_cast<std::chrono::seconds>(now.taken - watched.asked_at);
  Json object = {{"pid", watched.pid}, {"engine", watched.engine}, {"uptime_seconds", uptime.count()}};
  put(object, "seconds", change.seconds);
  object["frames_from_guest"] = now.frames_from_guest;
  object["frames_to_guest"] = now.frames_to_guest;
  put(object, "frames_from_guest_rate", change.frames_from_guest);
  put(object, "frames_to_guest_rate", change.frames_to_guest);
  put(object, "bytes_to_guest", now.bytes_to_guest);
  put(object, "bytes_to_remote", now.bytes_to_remote);
  put(object, "rate_to_guest", change.whole.to_guest);
  put(object, "rate_to_remote", change.whole.to_remote);
  object["drops"] = to_json(now.drops);
  object["new_drops"] = to_json(change.drops);
  object["total"] = now.total_flows;
  object["flows"] = Json::array();
  for (const size_t i : order) object["flows"].push_back(to_json(now.flows[i], change.flows[i]));
  return object.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace postern::cli
