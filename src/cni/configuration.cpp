// configuration.cpp - one of the two files of this room that speak nlohmann-json, which throws where it is asked for a type that
// a value is not: so the type is asked first, always.
#include "configuration.h"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "postern/bridge/host_name.h"

#include "arguments.h"

namespace postern::cni {

namespace {

using Json = nlohmann::json;

const Json kNothing;  // null

/// The value of a key; null: there is none, or `object` is no object.
const Json& at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? kNothing : *found;
}

std::optional<Json> parse(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  return json;
}

/// Reads what stands in one object, and remembers the first value that is not what its key wants. A null is no value.
class Fields {
 public:
  Fields(const Json& object, std::string where, Done& wrong) : object_(object), where_(std::move(where)), wrong_(wrong) {
    if (!object.is_object() && !object.is_null()) complain("", "an object");
  }

  Fields inside(const char* key) { return {at(object_, key), where_ + key + ".", wrong_}; }
  bool has(const char* key) const { return !at(object_, key).is_null(); }

  std::optional<std::string> text(const char* key) {
    const Json& value = at(object_, key);
    if (value.is_string()) return value.get_ref<const std::string&>();
    if (!value.is_null()) complain(key, "a string");
    return std::nullopt;
  }
  std::optional<bool> flag(const char* key) {
    const Json& value = at(object_, key);
    if (value.is_boolean()) return value.get<bool>();
    if (!value.is_null()) complain(key, "true or false");
    return std::nullopt;
  }
  std::optional<size_t> number(const char* key, size_t least, size_t greatest) {
    const Json& value = at(object_, key);
    if (value.is_number_unsigned() && value.get<size_t>() >= least && value.get<size_t>() <= greatest) return value.get<size_t>();
    if (!value.is_null()) complain(key, "a number from " + std::to_string(least) + " to " + std::to_string(greatest));
    return std::nullopt;
  }
  /// `read` makes an optional of a text; `what` says what it wants.
  template <class Read>
  auto parsed(const char* key, Read read, const char* what) -> decltype(read(std::string_view())) {
    const auto value = text(key);
    if (!value) return std::nullopt;
    auto result = read(*value);
    if (!result) complain(key, what);
    return result;
  }
  std::vector<std::string> texts(const char* key) {
    std::vector<std::string> read;
    for (const Json& value : list(key)) {
      if (value.is_string()) {
        read.push_back(value.get_ref<const std::string&>());
      } else {
        complain(key, "a list of strings");
      }
    }
    return read;
  }
  template <class Read>
  auto all_parsed(const char* key, Read read, const char* what) {
    std::vector<typename decltype(read(std::string_view()))::value_type> values;
    for (const std::string& value : texts(key)) {
      if (const auto result = read(value)) {
        values.push_back(*result);
      } else {
        complain(key, what);
      }
    }
    return values;
  }
  std::vector<Fields> objects(const char* key) {
    std::vector<Fields> fields;
    for (const Json& value : list(key)) {
      if (value.is_object()) {
        fields.push_back({value, where_ + key + ".", wrong_});
      } else {
        complain(key, "a list of objects");
      }
    }
    return fields;
  }

  void complain(const std::string& key, const std::string& what) {
    std::string name = where_ + key;
    if (name.ends_with('.')) name.pop_back();
    if (wrong_) wrong_ = refuse(Code::bad_configuration, (name.empty() ? "the configuration" : name) + " is not " + what);
  }

 private:
  const Json& list(const char* key) {
    static const Json kEmpty = Json::array();
    const Json& value = at(object_, key);
    if (value.is_array()) return value;
    if (!value.is_null()) complain(key, "a list");
    return kEmpty;
  }

  const Json& object_;
  std::string where_;  // "runtimeConfig."
  Done& wrong_;
};

template <class T>
std::optional<T> word(std::string_view text, std::initializer_list<std::pair<std::string_view, T>> words) {
  for (const auto& [name, value] : words) {
    if (name == text) return value;
  }
  return std::nullopt;
}

std::optional<bridge::Isolation> read_isolation(std::string_view text) {
  using enum bridge::Isolation;
  return word<bridge::Isolation>(text, {{"published", published}, {"full", full}, {"open", open}});
}

std::optional<bridge::IpForward> read_ip_forward(std::string_view text) {
  using enum bridge::IpForward;
  return word<bridge::IpForward>(text, {{"auto", automatic}, {"require", require}, {"never", never}});
}

std::optional<bridge::Protocol> read_protocol(std::string_view text) {
  using enum bridge::Protocol;
  return word<bridge::Protocol>(text, {{"tcp", tcp}, {"TCP", tcp}, {"udp", udp}, {"UDP", udp}, {"", tcp}});
}

std::optional<IpAddress> read_address(std::string_view text) { return parse_ip(text); }

std::optional<std::string> read_bridge_name(std::string_view text) {
  return is_bridge_name(text) ? std::optional<std::string>(text) : std::nullopt;
}

template <class T>
std::optional<T> chosen(std::optional<bool> flag, T yes, T no) {
  return flag ? std::optional(*flag ? yes : no) : std::nullopt;
}

NetworkWish read_network(Fields& fields, const std::string& name) {
  constexpr size_t kLeastMtu = 68;  // RFC 791
  constexpr size_t kGreatestMtu = 65535;
  NetworkWish wish;
  wish.bridge =
      fields.parsed("bridge", read_bridge_name, "a name of at most 15 letters, digits and _.-").value_or(bridge_name(name));
  wish.subnets = fields.all_parsed("subnets", parse_subnet, "a list of subnets such as 10.88.0.0/24");
  wish.ipv6 = fields.flag("ipv6");
  wish.egress = chosen(fields.flag("internal"), bridge::Egress::nowhere, bridge::Egress::everywhere);
  wish.isolation = fields.parsed("isolate", read_isolation, "published, full or open");
  wish.inter_container = chosen(fields.flag("icc"), bridge::InterContainer::allowed, bridge::InterContainer::blocked);
  wish.masquerade = chosen(fields.flag("masquerade"), bridge::Masquerade::on, bridge::Masquerade::off);
  if (const auto mtu = fields.number("mtu", kLeastMtu, kGreatestMtu)) wish.mtu_bytes = static_cast<unsigned>(*mtu);
  wish.external = fields.text("external");
  wish.names = fields.flag("names");
  wish.ip_forward = fields.parsed("ipForward", read_ip_forward, "auto, require or never").value_or(wish.ip_forward);
  return wish;
}

Dns read_dns(Fields fields, const char* nameservers, const char* search) {
  return {fields.texts(nameservers), fields.text("domain").value_or(""), fields.texts(search), fields.texts("options")};
}

/// One of runtimeConfig.portMappings. Host port 0 asks for none: so Kubernetes says of a port that is merely known.
std::optional<bridge::PortRange> read_port(Fields& fields) {
  const auto host = fields.number("hostPort", 0, UINT16_MAX).value_or(0);
  const auto container = fields.number("containerPort", 1, UINT16_MAX);
  if (!container) fields.complain("containerPort", "there");
  const auto protocol = fields.parsed("protocol", read_protocol, "tcp or udp").value_or(bridge::Protocol::tcp);
  const auto text = fields.text("hostIP").value_or("");
  const auto address = text.empty() ? std::nullopt : parse_ip(text);
  if (!address && !text.empty()) fields.complain("hostIP", "an address");
  if (host == 0 || !container) return std::nullopt;
  const Port port{static_cast<uint16_t>(host)};
  return bridge::PortRange{protocol, address, port, port, Port{static_cast<uint16_t>(*container)}};
}

std::vector<bridge::PortRange> read_ports(Fields runtime) {
  std::vector<bridge::PortRange> ports;
  for (Fields& mapping : runtime.objects("portMappings")) {
    if (const auto port = read_port(mapping)) ports.push_back(*port);
  }
  return folded(std::move(ports));
}

/// What is of this one container: first what the runtime says by capabilities, then by arguments.
void read_container(Fields& fields, Configuration& configuration) {
  Fields runtime = fields.inside("runtimeConfig");
  Fields extra = fields.inside("args").inside("cni");
  configuration.ports = read_ports(runtime);
  for (Fields* const source : {&runtime, &extra}) {
    if (!configuration.addresses.empty()) break;
    for (const auto& subnet : source->all_parsed("ips", parse_address, "a list of addresses such as 10.88.0.5/24")) {
      configuration.addresses.push_back(subnet.gateway);
    }
  }
  for (Fields* const source : {&runtime, &extra}) {
    if (!configuration.mac) configuration.mac = source->parsed("mac", parse_mac, "a station's address such as 02:42:0a:00:00:05");
  }
  if (runtime.has("aliases")) configuration.names = runtime.inside("aliases").texts(configuration.name.c_str());
  if (extra.has("aliases")) {
    for (std::string& alias : extra.texts("aliases")) configuration.names.push_back(std::move(alias));
  }
  std::erase_if(configuration.names, [](const std::string& name) { return !bridge::is_host_name(name); });
  configuration.dns = read_dns(runtime.inside("dns"), "servers", "searches");
  if (configuration.dns.empty()) configuration.dns = read_dns(fields.inside("dns"), "nameservers", "search");
}

void read_ipam(Fields& fields, Configuration& configuration) {
  if (!fields.has("ipam")) return;
  Fields ipam = fields.inside("ipam");
  const std::string type = ipam.text("type").value_or("");
  if (type.empty()) return;  // "ipam": {} is said to mean none
  if (type.find('/') != type.npos || type == "." || type == "..") ipam.complain("type", "the name of a plugin");
  configuration.ipam = type;
}

void read_valid_attachments(Fields& fields, Configuration& configuration) {
  // The specification's first release had another name for it; libcni says both.
  for (const char* const key : {"cni.dev/valid-attachments", "cni.dev/attachments"}) {
    if (configuration.valid_attachments || !fields.has(key)) continue;
    configuration.valid_attachments.emplace();
    for (Fields& attachment : fields.objects(key)) {
      const auto id = attachment.text("containerID");
      const auto interface = attachment.text("ifname");
      if (!id) attachment.complain("containerID", "there");
      if (!interface) attachment.complain("ifname", "there");
      configuration.valid_attachments->push_back({id.value_or(""), interface.value_or("")});
    }
  }
}

AddResult read_result(Fields fields) {
  AddResult result;
  for (Fields& interface : fields.objects("interfaces")) {
    result.interfaces.push_back(
        {interface.text("name").value_or(""), interface.text("mac").value_or(""), interface.text("sandbox").value_or("")});
  }
  for (Fields& ip : fields.objects("ips")) {
    const auto address = ip.parsed("address", parse_address, "an address such as 10.88.0.5/24");
    if (!address) ip.complain("address", "there");
    const auto gateway = ip.parsed("gateway", read_address, "an address");
    const auto interface = ip.number("interface", 0, SIZE_MAX);
    if (address) result.ips.push_back({*address, gateway, interface});
  }
  for (Fields& route : fields.objects("routes")) {
    const auto destination = route.parsed("dst", parse_address, "a network such as 10.0.0.0/8");
    if (!destination) route.complain("dst", "there");
    const auto gateway = route.parsed("gw", read_address, "an address");
    if (destination) result.routes.push_back({*destination, gateway});
  }
  result.dns = read_dns(fields.inside("dns"), "nameservers", "search");
  return result;
}

Outcome<Version> read_version(const Json& json) {
  const Json& said = at(json, "cniVersion");
  const std::string text = said.is_string() ? said.get_ref<const std::string&>() : "0.1.0";  // so SPEC.md reads none
  if (const auto version = parse_version(text)) return *version;
  std::string spoken;
  for (const std::string_view version : kVersions) spoken.append(spoken.empty() ? "" : ", ").append(version);
  return refuse(Code::incompatible_version, "cniVersion " + text + " is not spoken", "spoken are " + spoken);
}

}  // namespace

Outcome<Configuration> read_configuration(std::string_view text) {
  const auto json = parse(text);
  if (!json) return refuse(Code::undecodable, "the network configuration on standard input is no JSON object");
  const auto version = read_version(*json);
  if (!version) return tl::unexpected(version.error());
  Done right;
  Fields fields(*json, "", right);
  Configuration configuration;
  configuration.version = *version;
  configuration.name = fields.text("name").value_or("");
  if (configuration.name.empty()) fields.complain("name", "there");
  configuration.network = read_network(fields, configuration.name);
  read_ipam(fields, configuration);
  read_container(fields, configuration);
  read_valid_attachments(fields, configuration);
  if (fields.has("prevResult")) configuration.previous = read_result(fields.inside("prevResult"));
  if (!right) return tl::unexpected(right.error());
  return configuration;
}

Version version_of(std::string_view text) {
  const auto json = parse(text);
  return json ? read_version(*json).value_or(kLatest) : kLatest;
}

Outcome<AddResult> read_result(std::string_view text) {
  const auto json = parse(text);
  if (!json) return refuse(Code::ipam, "the IPAM plugin's answer is no JSON object");
  Done right;
  AddResult result = read_result(Fields(*json, "", right));
  if (!right) return refuse(Code::ipam, "the IPAM plugin's answer: " + right.error().message);
  return result;
}

std::optional<Refusal> read_refusal(std::string_view text) {
  const auto json = parse(text);
  if (!json) return std::nullopt;
  Done right;
  Fields fields(*json, "", right);
  const auto code = fields.number("code", 1, UINT32_MAX);
  const std::string message = fields.text("msg").value_or("");
  if (!code || !right) return std::nullopt;
  return Refusal{static_cast<unsigned>(*code), message, fields.text("details").value_or("")};
}

}  // namespace postern::cni
