#include "records.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace postern::bridge {

namespace {

using Json = nlohmann::json;

/// Whatever is not as it should be, inside parse().
struct Unreadable {};

template <class T, class Make>
T made(const Json& json, const char* key, Make&& make) {
  const auto value = make(json.at(key).get_ref<const std::string&>());
  if (!value) throw Unreadable();
  return *value;
}

std::optional<Mac> parse_mac(const std::string& text) {
  Mac mac;
  unsigned octets[6];
  char rest = 0;
  if (std::sscanf(text.c_str(), "%2x:%2x:%2x:%2x:%2x:%2x%c", &octets[0], &octets[1], &octets[2], &octets[3], &octets[4],
                  &octets[5], &rest) != 6)
    return std::nullopt;
  for (size_t i = 0; i < mac.octets.size(); ++i) mac.octets[i] = static_cast<uint8_t>(octets[i]);
  return mac;
}

/// A name for each value of an enumeration, in its order.
template <class Enum, size_t N>
Enum named(const Json& json, const char* key, const std::array<const char*, N>& names) {
  const auto& text = json.at(key).get_ref<const std::string&>();
  for (size_t i = 0; i < N; ++i) {
    if (text == names[i]) return static_cast<Enum>(i);
  }
  throw Unreadable();
}

constexpr std::array kIsolations{"published", "full", "open"};
constexpr std::array kOperations{"up", "down", "attach", "detach", "publish"};
constexpr std::array kProtocols{"tcp", "udp"};

template <class Enum, size_t N>
const char* name_of(Enum value, const std::array<const char*, N>& names) {
  return names.at(static_cast<size_t>(value));
}

Json json_of(const Subnet& subnet) { return {{"address", to_string(subnet.gateway)}, {"prefix", subnet.prefix_bits}}; }

Subnet subnet_of(const Json& json) {
  return {made<IpAddress>(json, "address", [](const auto& text) { return parse_ip(text); }), json.at("prefix").get<unsigned>()};
}

template <class T, class ToJson>
Json list_of(const std::vector<T>& items, ToJson&& to_json) {
  Json list = Json::array();
  for (const T& item : items) list.push_back(to_json(item));
  return list;
}

template <class T, class FromJson>
std::vector<T> items_of(const Json& json, const char* key, FromJson&& from_json) {
  std::vector<T> items;
  for (const Json& item : json.at(key)) items.push_back(from_json(item));
  return items;
}

Json json_of(const PortRange& range) {
  Json json{{"protocol", name_of(range.protocol, kProtocols)},
            {"first", range.first.number},
            {"last", range.last.number},
            {"container_first", range.container_first.number}};
  if (range.host_address) json["host_address"] = to_string(*range.host_address);
  return json;
}

PortRange range_of(const Json& json) {
  PortRange range;
  range.protocol = named<Protocol>(json, "protocol", kProtocols);
  if (json.contains("host_address"))
    range.host_address = made<IpAddress>(json, "host_address", [](const auto& text) { return parse_ip(text); });
  range.first = Port{json.at("first").get<uint16_t>()};
  range.last = Port{json.at("last").get<uint16_t>()};
  range.container_first = Port{json.at("container_first").get<uint16_t>()};
  return range;
}

Json json_of(const Network& network) {
  const NetworkSpec& spec = network.spec;
  Json json{{"version", 1},
            {"name", spec.name},
            {"subnets", list_of(spec.subnets, [](const Subnet& subnet) { return json_of(subnet); })},
            {"internal", spec.egress == Egress::nowhere},
            {"isolation", name_of(spec.isolation, kIsolations)},
            {"icc", spec.inter_container == InterContainer::allowed},
            {"masquerade", spec.masquerade == Masquerade::on},
            {"mtu", spec.mtu_bytes.value_or(0)},
            {"names", spec.names},
            {"mac", network.mac.to_string()}};
  if (spec.external) json["external"] = *spec.external;
  return json;
}

Network network_of(const Json& json) {
  Network network;
  NetworkSpec& spec = network.spec;
  spec.name = json.at("name").get<std::string>();
  spec.subnets = items_of<Subnet>(json, "subnets", subnet_of);
  spec.ipv6 = std::any_of(spec.subnets.begin(), spec.subnets.end(), [](const Subnet& subnet) { return !subnet.is_ipv4(); });
  spec.egress = json.at("internal").get<bool>() ? Egress::nowhere : Egress::everywhere;
  spec.isolation = named<Isolation>(json, "isolation", kIsolations);
  spec.inter_container = json.at("icc").get<bool>() ? InterContainer::allowed : InterContainer::blocked;
  spec.masquerade = json.at("masquerade").get<bool>() ? Masquerade::on : Masquerade::off;
  spec.mtu_bytes = json.at("mtu").get<unsigned>();
  if (json.contains("external")) spec.external = json.at("external").get<std::string>();
  spec.names = json.at("names").get<bool>();
  network.mac = made<Mac>(json, "mac", parse_mac);
  return network;
}

Json json_of(const Endpoint& endpoint) {
  return {{"version", 1},
          {"network", endpoint.network},
          {"id", endpoint.id},
          {"namespace", {{"path", endpoint.target.path}, {"device", endpoint.target.device}, {"inode", endpoint.target.inode}}},
          {"interface", endpoint.interface},
          {"host_interface", endpoint.host_interface},
          {"mac", endpoint.mac.to_string()},
          {"addresses", list_of(endpoint.addresses, [](const Subnet& own) { return json_of(own); })},
          {"names", endpoint.names},
          {"ports", list_of(endpoint.ports, [](const PortRange& range) { return json_of(range); })},
          {"owner", endpoint.owner}};
}

Endpoint endpoint_of(const Json& json) {
  Endpoint endpoint;
  endpoint.network = json.at("network").get<std::string>();
  endpoint.id = json.at("id").get<std::string>();
  const Json& target = json.at("namespace");
  endpoint.target = {target.at("path").get<std::string>(), target.at("device").get<dev_t>(), target.at("inode").get<ino_t>()};
  endpoint.interface = json.at("interface").get<std::string>();
  endpoint.host_interface = json.at("host_interface").get<std::string>();
  endpoint.mac = made<Mac>(json, "mac", parse_mac);
  endpoint.addresses = items_of<Subnet>(json, "addresses", subnet_of);
  endpoint.names = json.at("names").get<std::vector<std::string>>();
  endpoint.ports = items_of<PortRange>(json, "ports", range_of);
  endpoint.owner = json.at("owner").get<std::string>();
  return endpoint;
}

/// nlohmann-json speaks by exceptions; none leaves this function.
template <class T, class From>
Result<T> parse(std::string_view text, From&& from) {
  try {
    return from(Json::parse(text));
  } catch (const Json::exception& error) {
    return fail(std::errc::bad_message, error.what());
  } catch (const Unreadable&) {
    return fail(std::errc::bad_message, "a value is not of its kind");
  }
}

std::string text_of(const Json& json) { return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace

std::string to_text(const Network& network) { return text_of(json_of(network)); }
std::string to_text(const Endpoint& endpoint) { return text_of(json_of(endpoint)); }

std::string to_text(const Pending& pending) {
  return text_of({{"operation", name_of(pending.operation, kOperations)},
                  {"network", pending.network},
                  {"endpoint", pending.endpoint},
                  {"host_interface", pending.host_interface}});
}

std::string to_text(const ProxyRecord& proxy) {
  return text_of(
      {{"pid", proxy.pid}, {"start_time", proxy.start_time}, {"port4", proxy.port4.number}, {"port6", proxy.port6.number}});
}

Result<Network> parse_network(std::string_view text) { return parse<Network>(text, network_of); }
Result<Endpoint> parse_endpoint(std::string_view text) { return parse<Endpoint>(text, endpoint_of); }

Result<Pending> parse_pending(std::string_view text) {
  return parse<Pending>(text, [](const Json& json) {
    return Pending{named<Pending::Operation>(json, "operation", kOperations), json.at("network").get<std::string>(),
                   json.at("endpoint").get<std::string>(), json.at("host_interface").get<std::string>()};
  });
}

Result<ProxyRecord> parse_proxy(std::string_view text) {
  return parse<ProxyRecord>(text, [](const Json& json) {
    return ProxyRecord{json.at("pid").get<pid_t>(), json.at("start_time").get<uint64_t>(), Port{json.at("port4").get<uint16_t>()},
                       Port{json.at("port6").get<uint16_t>()}};
  });
}

}  // namespace postern::bridge
