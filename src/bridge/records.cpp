#include "records.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>

#include "postern/base/text.h"

#include "identifiers.h"
#include "ports.h"
#include "prefix.h"

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

/// nlohmann-json would cut off what does not fit, and take a fraction or a truth for a number.
template <class T>
T number(const Json& json, const char* key) {
  const Json& value = json.at(key);
  if (!value.is_number_unsigned() || value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<T>::max()))
    throw Unreadable();
  return value.get<T>();
}

Port port(const Json& json, const char* key) { return Port{number<uint16_t>(json, key)}; }

/// A name that becomes one of a file, a link or a chain is asked again whether it may.
template <class IsGood>
std::string checked(const Json& json, const char* key, IsGood&& is_good) {
  const auto& text = json.at(key).get_ref<const std::string&>();
  if (!is_good(text)) throw Unreadable();
  return text;
}

bool is_interface_name_or_empty(std::string_view text) { return text.empty() || is_interface_name(text); }

bool is_key_or_empty(std::string_view text) {
  const std::string_view id = take_until(text, '@');
  return (id.empty() && text.empty()) || (is_identifier(id) && is_interface_name(text));
}

IpAddress address(const Json& json, const char* key) {
  return made<IpAddress>(json, key, [](const auto& text) { return parse_ip(text); });
}

Mac mac_of(const Json& json) {
  return made<Mac>(json, "mac", [](const auto& text) { return Mac::parse(text); });
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

template <class Enum, size_t N>
const char* name_of(Enum value, const std::array<const char*, N>& names) {
  return names.at(static_cast<size_t>(value));
}

Json json_of(const Subnet& subnet) { return {{"address", to_string(subnet.gateway)}, {"prefix", subnet.prefix_bits}}; }

Subnet subnet_of(const Json& json) {
  const Subnet subnet{address(json, "address"), number<unsigned>(json, "prefix")};
  if (subnet.prefix_bits > width(subnet.gateway)) throw Unreadable();
  return subnet;
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
  if (!json.at(key).is_array()) throw Unreadable();
  for (const Json& item : json.at(key)) items.push_back(from_json(item));
  return items;
}

/// A line and not an object: an endpoint may have thousands.
PortRange range_of(const Json& json) {
  const auto range = parse_range_words(json.get_ref<const std::string&>());
  if (!range) throw Unreadable();
  return *range;
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
            {"forwarding", spec.needs_forwarding},
            {"mac", network.mac.to_string()}};
  if (spec.external) json["external"] = *spec.external;
  return json;
}

Network network_of(const Json& json) {
  Network network;
  NetworkSpec& spec = network.spec;
  spec.name = checked(json, "name", is_interface_name);
  spec.subnets = items_of<Subnet>(json, "subnets", subnet_of);
  spec.ipv6 = std::any_of(spec.subnets.begin(), spec.subnets.end(), [](const Subnet& subnet) { return !subnet.is_ipv4(); });
  spec.egress = json.at("internal").get<bool>() ? Egress::nowhere : Egress::everywhere;
  spec.isolation = named<Isolation>(json, "isolation", kIsolations);
  spec.inter_container = json.at("icc").get<bool>() ? InterContainer::allowed : InterContainer::blocked;
  spec.masquerade = json.at("masquerade").get<bool>() ? Masquerade::on : Masquerade::off;
  if (const auto mtu = number<unsigned>(json, "mtu"); mtu != 0) spec.mtu_bytes = mtu;
  if (json.contains("external")) spec.external = checked(json, "external", is_interface_name);
  spec.names = json.at("names").get<bool>();
  if (json.contains("forwarding")) spec.needs_forwarding = json.at("forwarding").get<bool>();
  network.mac = mac_of(json);
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
          {"ports", list_of(endpoint.ports, range_words)},
          {"owner", endpoint.owner}};
}

Endpoint endpoint_of(const Json& json) {
  Endpoint endpoint;
  endpoint.network = checked(json, "network", is_interface_name);
  endpoint.id = checked(json, "id", is_identifier);
  const Json& target = json.at("namespace");
  endpoint.target = {target.at("path").get<std::string>(), number<dev_t>(target, "device"), number<ino_t>(target, "inode")};
  endpoint.interface = checked(json, "interface", is_interface_name);
  endpoint.host_interface = checked(json, "host_interface", is_interface_name);
  endpoint.mac = mac_of(json);
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
    return Pending{named<Pending::Operation>(json, "operation", kOperations), checked(json, "network", is_interface_name),
                   checked(json, "endpoint", is_key_or_empty), checked(json, "host_interface", is_interface_name_or_empty)};
  });
}

Result<ProxyRecord> parse_proxy(std::string_view text) {
  return parse<ProxyRecord>(text, [](const Json& json) {
    ProxyRecord proxy{number<pid_t>(json, "pid"), number<uint64_t>(json, "start_time"), port(json, "port4"), port(json, "port6")};
    if (proxy.pid == 0) throw Unreadable();  // kill(2) would take it for our own group
    return proxy;
  });
}

}  // namespace postern::bridge
