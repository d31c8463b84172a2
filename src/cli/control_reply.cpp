#include "control_reply.h"

#include <fmt/format.h>

#include "postern/base/harmless.h"

#include "reply_json.h"

namespace postern::cli {

namespace {

/// As the arguments of a request and as an entry of a list have it.
Json to_json(const forward::PortRequest& port) {
  Json json = {{"proto", std::string(forward::name(port.protocol))},
               {"host_addr", to_string(port.host_address)},
               {"host_port", port.host_port.number}};
  if (port.guest_address) json["guest_addr"] = to_string(*port.guest_address);
  json["guest_port"] = port.guest_port.number;
  return json;
}

IpAddress address_of(const Json& text) {
  return parse_ip(text.get_ref<const std::string&>()).value();
}  // throws where it is none

PublishedPort published(const Json& entry) {
  const auto protocol = entry.at("proto") == "udp" ? stack::Protocol::udp : stack::Protocol::tcp;
  return {entry.at("id"),
          {protocol, address_of(entry.at("host_addr")), Port{entry.at("host_port").get<uint16_t>()},
           address_of(entry.at("guest_addr")), Port{entry.at("guest_port").get<uint16_t>()}}};
}

std::string dropped(const Json& drops) {
  uint64_t total = 0;
  std::string reasons;
  for (const auto& [reason, count] : drops.items()) {
    total += count.get<uint64_t>();
    if (count != 0) reasons += fmt::format("{}{} {}", reasons.empty() ? "" : ", ", reason, count.get<uint64_t>());
  }
  return total == 0 ? "0 dropped" : fmt::format("{} dropped ({})", total, reasons);
}

/// What the kernel inside gives in one piece.
std::string describe_tap(const Json& tap) {
  if (!tap.at("vnet_header").get<bool>()) return "frame by frame, for it has no vnet header";
  if (tap.value("superframes_udp", false)) return "superframes of TCP and UDP";
  if (tap.at("superframes6").get<bool>()) return "superframes of TCP over IPv4 and IPv6";
  return tap.at("superframes4").get<bool>() ? "superframes of TCP over IPv4"
                                            : "superframes to it only: the kernel grants no more";
}

/// Who answers for the DNS addresses; nothing: libslirp does, which does not tell.
std::string describe_dns(const Json& status) {
  if (!status.contains("dns")) return "";
  const Json& dns = status.at("dns");
  const Json& counters = status.at("counters").at("dns");
  std::string servers;
  for (const Json& server : dns.at("servers")) {
    servers += fmt::format("{}{}{}", servers.empty() ? "" : ", ", server.get<std::string>(),
                           server == dns.at("answering") ? " (answers)" : "");
  }
  const auto count = [&](const char* key) { return counters.at(key).get<uint64_t>(); };
  return fmt::format("names     by {}: {} queries, {} answered, {} unanswered\n", servers, count("queries"),
                     count("answered") + count("answered_here"), count("refused") + count("timed_out") + count("evicted"));
}

/// Of clients on the host's own loopback. Nothing: who answers is older.
std::string describe_way(const Json& status) {
  const auto clients = status.find("loopback_clients");
  if (clients == status.end() || status.at("forwards") == 0) return "";
  const std::string source = clients->at("source"), way = clients->at("way");
  const std::string seen = source == "gateway" ? "the gateway" : source == "loopback" ? "127.0.0.1" : "the namespace itself";
  return fmt::format("; clients on the host's loopback {}, seen as {}", way == "splice" ? "are spliced" : "go by the TAP", seen);
}

std::string text(const Json& status) {
  const auto word = [](const Json& object, const char* key) { return object.at(key).get<std::string>(); };
  const Json& network = status.at("network");
  const Json& flows = status.at("flows");
  const std::string guest6 = network.contains("guest_addr6") ? fmt::format(" {}", word(network, "guest_addr6")) : "";
  const uint64_t counters[] = {status.at("counters").at("frames_from_guest"), status.at("counters").at("frames_to_guest")};
  return fmt::format(
      "postern   {}, PID {}, {}, up {} s\n"
      "tap       {}\n"
      "network   {}, namespace {}{}, gateway {}, DNS {}, MTU {}, host loopback {}\n"
      "{}"
      "flows     {} of {}\n"
      "ports     {} published{}\n"
      "frames    {} from the namespace, {} to it, {}\n",
      word(status, "version"), status.at("pid").get<int>(), word(status, "engine"), status.at("uptime_seconds").get<uint64_t>(),
      describe_tap(status.at("tap")), word(network, "cidr"), word(network, "guest_addr"), guest6, word(network, "gateway"),
      word(network, "dns"), network.at("mtu").get<unsigned>(), word(network, "host_loopback"), describe_dns(status),
      flows.at("open").get<uint64_t>(), flows.at("limit").get<uint64_t>(), status.at("forwards").get<uint64_t>(),
      describe_way(status), counters[0], counters[1], dropped(status.at("counters").at("drops")));
}

/// Both answers as one object.
Result<Json> whole_status(std::string_view status, std::string_view counters) {
  const auto as_it_is = [](const Json& json) { return json; };
  auto whole = read(status, as_it_is);
  auto rest = read(counters, as_it_is);
  if (!whole) return whole;
  if (!rest) return rest;
  if (!whole->is_object()) return fail("the answer is not one of postern's");
  (*whole)["counters"] = *std::move(rest);
  return whole;
}

}  // namespace

std::string add_request(const forward::PortRequest& request) {
  return Json{{"execute", "add_hostfwd"}, {"arguments", to_json(request)}}.dump();
}

std::string remove_request(forward::ForwardId id, forward::OpenConnections open) {
  Json arguments = {{"id", id}};
  if (open == forward::OpenConnections::reset) arguments["kill"] = true;
  return Json{{"execute", "remove_hostfwd"}, {"arguments", std::move(arguments)}}.dump();
}

Status check_reply(std::string_view reply) {
  const auto good = read(reply, [](const Json&) { return true; });
  return good ? Status() : Failure(good.error());
}

Result<forward::ForwardId> read_added(std::string_view reply) {
  return read(reply, [](const Json& returned) -> forward::ForwardId { return returned.at("id"); });
}

Result<std::vector<PublishedPort>> read_list(std::string_view reply) {
  return read(reply, [](const Json& returned) {
    std::vector<PublishedPort> list;
    for (const Json& entry : returned.at("entries")) list.push_back(published(entry));
    return list;
  });
}

std::string list_json(const std::vector<PublishedPort>& list) {
  Json json = Json::array();
  for (const auto& [id, port] : list) {
    Json entry = {{"id", id}};
    entry.update(to_json(port));
    json.push_back(std::move(entry));
  }
  return json.dump(2) + "\n";
}

Result<std::string> status_json(std::string_view status, std::string_view counters) {
  const auto whole = whole_status(status, counters);
  if (!whole) return Failure(whole.error());
  return whole->dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<std::string> status_text(std::string_view status, std::string_view counters) {
  const auto whole = whole_status(status, counters);
  if (!whole) return Failure(whole.error());
  try {
    return harmless_lines(text(*whole));  // who listens at the socket may be anybody
  } catch (const std::exception&) {
    return fail("the answer is not one of postern's");
  }
}

}  // namespace postern::cli
