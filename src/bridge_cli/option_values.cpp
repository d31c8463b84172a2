#include "option_values.h"

#include <fmt/format.h>
#include <net/if.h>
#include <sys/types.h>

#include <algorithm>
#include <limits>

#include "postern/base/text.h"
#include "postern/bridge/host_name.h"
#include "postern/forward/port_spec.h"

namespace postern::bridge_cli {

namespace {

using bridge::IpForward, bridge::Isolation, bridge::InterContainer;

constexpr unsigned kLeastMtu = 68;     // RFC 791
constexpr unsigned kLeastMtu6 = 1280;  // RFC 8200
constexpr unsigned kGreatestMtu = 65'535;
constexpr size_t kLongestId = 128;
constexpr unsigned kLeastPrefix = 8;
constexpr unsigned kLongestPrefix4 = 30;  // two addresses beside the network's and the broadcast: the gateway's and another
constexpr unsigned kLongestPrefix6 = 126;

template <class... Args>
Failure wrong(std::string_view option, std::string_view value, fmt::format_string<Args...> why, Args&&... args) {
  return fail(fmt::format("{} {}: {}", option, value, fmt::format(why, std::forward<Args>(args)...)));
}

/// Under /proc/sys/net these stand for every link, and for those to come.
Status check_not_reserved(std::string_view option, const std::string& name) {
  if (name != "all" && name != "default") return {};
  return wrong(option, name, "is no name for one: under /proc/sys/net it stands for all of them");
}

/// As the kernel's dev_valid_name(): no slash, no colon, no blank.
Status check_interface(std::string_view option, const std::string& name) {
  const auto bad = [](char c) { return c == '/' || c == ':' || c <= ' ' || c == 0x7f; };
  if (name.empty() || name.size() >= IFNAMSIZ || name == "." || name == ".." || std::any_of(name.begin(), name.end(), bad)) {
    return wrong(option, name, "is no name of an interface (1 to 15 characters without blanks, \"/\" and \":\")");
  }
  return check_not_reserved(option, name);
}

Status check_host_name(const std::string& name) {
  if (bridge::is_host_name(name)) return {};
  return wrong("--hostname", name, "is not a host name (letters, digits, inner \"-\", and \".\" between its parts; no address)");
}

Status check_id(std::string_view option, const std::string& id) {
  if (id.size() <= kLongestId && is_plain_name(id)) return {};
  return wrong(option, id, "is not an id (1 to {} letters, digits, \"_\", \".\" or \"-\"; a letter or digit first)", kLongestId);
}

template <class T>
struct Word {
  std::string_view word;
  T meaning;
};

/// The meaning of one word of a few; nothing typed is the first.
template <class T, size_t N>
Result<T> one_of(std::string_view option, const std::string& text, const Word<T> (&words)[N]) {
  if (text.empty()) return words[0].meaning;
  std::string all;
  for (const Word<T>& word : words) {
    if (word.word == text) return word.meaning;
    all += (all.empty() ? "" : ", ") + std::string(word.word);
  }
  return wrong(option, text, "is none of {}", all);
}

Result<std::optional<unsigned>> parse_mtu(const std::string& text, bool has_ipv6) {
  if (text.empty()) return std::nullopt;
  const auto mtu = whole_number<unsigned>(text);
  if (!mtu || *mtu < kLeastMtu || *mtu > kGreatestMtu) {
    return wrong("--mtu", text, "is not a number from {} to {}", has_ipv6 ? kLeastMtu6 : kLeastMtu, kGreatestMtu);
  }
  if (has_ipv6 && *mtu < kLeastMtu6) return wrong("--mtu", text, "IPv6 needs at least {}", kLeastMtu6);
  return mtu;
}

bool is_ipv6(const bridge::Subnet& subnet) { return std::holds_alternative<Ipv6>(subnet.gateway); }

/// One a family: what is connected has one address of each, and one gateway.
Result<std::vector<bridge::Subnet>> parse_subnets(const std::vector<std::string>& texts) {
  std::vector<bridge::Subnet> subnets;
  for (const std::string& text : texts) {
    const auto subnet = parse_subnet(text);
    if (!subnet) return Failure(subnet.error());
    const auto same_family = [&](const bridge::Subnet& other) { return is_ipv6(other) == is_ipv6(*subnet); };
    if (std::any_of(subnets.begin(), subnets.end(), same_family)) {
      return wrong("--subnet", text, "the network has an {} subnet already, and can have one",
                   is_ipv6(*subnet) ? "IPv6" : "IPv4");
    }
    subnets.push_back(*subnet);
  }
  return subnets;
}

Result<std::vector<IpAddress>> parse_addresses(const std::vector<std::string>& texts) {
  std::vector<IpAddress> addresses;
  for (const std::string& text : texts) {
    const auto address = parse_ip(text);
    if (!address) return wrong("--ip", text, "is not an IP address");
    const auto same_family = [&](const IpAddress& other) { return other.index() == address->index(); };
    if (std::any_of(addresses.begin(), addresses.end(), same_family)) {
      return wrong("--ip", text, "an address of that family is named already");
    }
    addresses.push_back(*address);
  }
  return addresses;
}

Result<std::vector<bridge::PortRange>> parse_ports(const std::vector<std::string>& texts, size_t first) {
  std::vector<bridge::PortRange> ports;
  for (size_t i = first; i < texts.size(); ++i) {
    const auto range = parse_port_range(texts[i]);
    if (!range) return Failure(range.error());
    ports.push_back(*range);
  }
  return ports;
}

/// A number is a process; everything else a path.
Result<std::string> namespace_path(const std::string& text) {
  if (text.empty()) return fail("PID|PATH is empty");
  if (text.find_first_not_of("0123456789") != text.npos) return text;
  const auto pid = whole_number<pid_t>(text);
  if (!pid || *pid == 0)
    return wrong("PID", text, "is no process (it is a number from 1 to {})", std::numeric_limits<pid_t>::max());
  return fmt::format("/proc/{}/ns/net", *pid);
}

Output output_of(bool json) { return json ? Output::json : Output::text; }

struct Parts {
  IpAddress address;
  unsigned prefix_bits;
};

std::optional<Parts> parse_prefix(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  const auto address = parse_ip(text.substr(0, slash));
  const auto bits = whole_number<unsigned>(text.substr(slash + 1));
  if (!address || !bits) return std::nullopt;
  return Parts{*address, *bits};
}

Failure no_subnet(const std::string& text) {
  return wrong("--subnet", text,
               "is not a subnet, as 10.5.0.0/24 or fd00:5::/64 (or the gateway's address in it: 10.5.0.254/24)");
}

Result<bridge::Subnet> subnet4(const std::string& text, Ipv4 address, unsigned prefix_bits) {
  if (prefix_bits < kLeastPrefix || prefix_bits > kLongestPrefix4) {
    return wrong("--subnet", text, "the prefix must have {} to {} bits", kLeastPrefix, kLongestPrefix4);
  }
  const Cidr4 network = *Cidr4::make(address, prefix_bits);
  const uint32_t top = network.network().bits >> 24;
  if (top == 0 || top == 127 || top >= 224) {
    return wrong("--subnet", text,
                 "is loopback, multicast or reserved (10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16 are private)");
  }
  if (address == network.broadcast()) return wrong("--subnet", text, "the gateway's address is the network's broadcast address");
  if (address == network.network()) address = network.at(1);
  return bridge::Subnet{address, prefix_bits};
}

bool is_link_local(const Ipv6& address) { return address.octets[0] == 0xfe && (address.octets[1] & 0xc0) == 0x80; }

/// RFC 4291 2.5.5.2: an IPv4 address in the clothes of IPv6, which no packet has.
bool is_mapped(const Ipv6& address) {
  const auto zeros = std::find_if(address.octets.begin(), address.octets.end(), [](uint8_t octet) { return octet != 0; });
  return zeros == address.octets.begin() + 10 && address.octets[10] == 0xff && address.octets[11] == 0xff;
}

/// Where ports of the host can be published.
Status check_published_at(const std::string& text, const IpAddress& address) {
  const auto* v6 = std::get_if<Ipv6>(&address);
  if (v6 && is_mapped(*v6)) return fail(text + ": it is an IPv4 address in IPv6's form (write it as IPv4: 192.0.2.1:8080:80)");
  if (v6 && is_link_local(*v6))
    return fail(text +
                ": a link-local address is of one link, which cannot be said here (leave it away, or name another address)");
  return {};
}

Result<bridge::Subnet> subnet6(const std::string& text, Ipv6 address, unsigned prefix_bits) {
  if (prefix_bits < kLeastPrefix || prefix_bits > kLongestPrefix6) {
    return wrong("--subnet", text, "the prefix must have {} to {} bits", kLeastPrefix, kLongestPrefix6);
  }
  if (address.octets[0] == 0xff || address.octets[0] == 0 || is_link_local(address)) {
    return wrong("--subnet", text, "is loopback, link-local, multicast or reserved (fd00::/8 is private)");
  }
  bool names_the_network = true;
  for (unsigned bit = prefix_bits; bit < 128; ++bit) {
    if (address.octets[bit / 8] >> (7 - bit % 8) & 1) names_the_network = false;
  }
  if (names_the_network) address.octets[15] |= 1;
  return bridge::Subnet{address, prefix_bits};
}

/// Who reaches whom.
Status read_policy(const TypedUp& typed, bridge::NetworkSpec& spec) {
  const auto isolation = one_of<Isolation>(
      "--isolate", typed.isolate, {{"published", Isolation::published}, {"full", Isolation::full}, {"open", Isolation::open}});
  if (!isolation) return Failure(isolation.error());
  spec.isolation = *isolation;
  const auto icc =
      one_of<InterContainer>("--icc", typed.icc, {{"on", InterContainer::allowed}, {"off", InterContainer::blocked}});
  if (!icc) return Failure(icc.error());
  spec.inter_container = *icc;
  if (!typed.external.empty()) {
    if (Status good = check_interface("--external", typed.external); !good) return good;
    if (typed.internal) return wrong("--external", typed.external, "an internal network reaches nothing (leave --internal away)");
    spec.external = typed.external;
  }
  if (typed.internal) spec.egress = bridge::Egress::nowhere;
  if (typed.no_masquerade) spec.masquerade = bridge::Masquerade::off;
  return {};
}

}  // namespace

Status check_network_name(const std::string& name) {
  if (name.size() < IFNAMSIZ && is_plain_name(name)) return check_not_reserved("NAME", name);
  return wrong("NAME", name, "is not a network's name (1 to {} letters, digits, \"_\", \".\" or \"-\"; a letter or digit first)",
               IFNAMSIZ - 1);
}

Result<bridge::Subnet> parse_subnet(const std::string& text) {
  const auto parts = parse_prefix(text);
  if (!parts) return no_subnet(text);
  const auto* v4 = std::get_if<Ipv4>(&parts->address);
  return v4 ? subnet4(text, *v4, parts->prefix_bits) : subnet6(text, std::get<Ipv6>(parts->address), parts->prefix_bits);
}

Result<bridge::PortRange> parse_port_range(const std::string& text) {
  const auto spec = forward::parse_port_spec(text);
  if (!spec) return Failure(spec.error());
  bridge::PortRange range;
  range.protocol = spec->protocol == stack::Protocol::tcp ? bridge::Protocol::tcp : bridge::Protocol::udp;
  if (forward::names_host_address(text)) {
    if (Status good = check_published_at(text, spec->host_address); !good) return Failure(good.error());
    range.host_address = spec->host_address;
  }
  range.first = spec->first;
  range.last = spec->last;
  range.container_first = spec->guest_first;
  return range;
}

Result<UpOptions> to_up_options(const TypedUp& typed) {
  UpOptions up;
  bridge::NetworkSpec& spec = up.spec;
  if (Status good = check_network_name(typed.network); !good) return Failure(good.error());
  spec.name = typed.network;
  const auto subnets = parse_subnets(typed.subnets);
  if (!subnets) return Failure(subnets.error());
  spec.subnets = *subnets;
  spec.ipv6 = typed.ipv6;
  const auto mtu = parse_mtu(typed.mtu, typed.ipv6 || std::any_of(subnets->begin(), subnets->end(), is_ipv6));
  if (!mtu) return Failure(mtu.error());
  spec.mtu_bytes = *mtu;
  if (Status good = read_policy(typed, spec); !good) return Failure(good.error());
  const auto ip_forward =
      one_of<IpForward>("--ip-forward", typed.ip_forward,
                        {{"auto", IpForward::automatic}, {"require", IpForward::require}, {"never", IpForward::never}});
  if (!ip_forward) return Failure(ip_forward.error());
  up.ip_forward = *ip_forward;
  spec.names = !typed.no_names;
  if (typed.if_missing) up.existing = UpOptions::Existing::is_taken;
  up.output = output_of(typed.json);
  return up;
}

Result<AttachOptions> to_attach_options(const TypedAttach& typed) {
  AttachOptions attach;
  bridge::EndpointSpec& spec = attach.spec;
  if (Status good = check_network_name(typed.network); !good) return Failure(good.error());
  spec.network = typed.network;
  const auto path = namespace_path(typed.target);
  if (!path) return Failure(path.error());
  spec.namespace_path = *path;
  if (!typed.interface.empty()) {
    if (Status good = check_interface("--name", typed.interface); !good) return Failure(good.error());
    spec.interface = typed.interface;
  }
  if (!typed.id.empty()) {
    if (Status good = check_id("--id", typed.id); !good) return Failure(good.error());
    spec.id = typed.id;
  }
  if (!typed.mac.empty()) {
    spec.mac = Mac::parse(typed.mac);
    if (!spec.mac) return wrong("--mac", typed.mac, "is not a MAC address, as 02:00:5e:00:53:01");
    if (*spec.mac == Mac()) return wrong("--mac", typed.mac, "is all zero, which stands for none");
    if (spec.mac->is_multicast()) return wrong("--mac", typed.mac, "is a group address; a device needs an individual one");
  }
  const auto addresses = parse_addresses(typed.addresses);
  if (!addresses) return Failure(addresses.error());
  spec.addresses = *addresses;
  const auto ports = parse_ports(typed.publish, 0);
  if (!ports) return within("--publish", ports.error());
  spec.ports = *ports;
  for (const std::string& name : typed.names) {
    if (Status good = check_host_name(name); !good) return Failure(good.error());
  }
  spec.names = typed.names;
  attach.output = output_of(typed.json);
  return attach;
}

Result<DetachOptions> to_detach_options(const DetachOptions& typed) {
  DetachOptions detach = typed;
  if (Status good = check_network_name(detach.network); !good) return Failure(good.error());
  if (detach.which.empty()) return fail("PID|PATH|ID is empty");
  if (detach.interface.empty()) detach.interface = bridge::EndpointSpec().interface;
  if (Status good = check_interface("--name", detach.interface); !good) return Failure(good.error());
  return detach;
}

Result<PortsOptions> to_ports_options(const TypedPorts& typed) {
  using Action = PortsOptions::Action;
  PortsOptions options;
  if (typed.action.empty()) return fail("what to do is missing: add, rm or ls");
  const auto action =
      one_of<Action>("ACTION", typed.action, {{"add", Action::add}, {"rm", Action::remove}, {"ls", Action::list}});
  if (!action) return Failure(action.error());
  options.action = *action;
  const bool listing = options.action == Action::list;
  const std::vector<std::string>& operands = typed.operands;
  if (!operands.empty()) {
    options.network = operands[0];
    if (Status good = check_network_name(options.network); !good) return Failure(good.error());
  }
  if (operands.size() > 1) {
    options.id = operands[1];
    if (Status good = check_id("ID", options.id); !good) return Failure(good.error());
  }
  if (listing && operands.size() > 2) return fail("ls takes no port: ls [NAME [ID]]");
  if (!listing && operands.size() < 3) return fail(typed.action + ": something is missing: " + typed.action + " NAME ID SPEC...");
  if (!listing && typed.json) return fail(typed.action + " does not know --json");
  const auto ports = parse_ports(operands, 2);
  if (!ports) return Failure(ports.error());
  options.ports = *ports;
  options.output = output_of(typed.json);
  return options;
}

}  // namespace postern::bridge_cli
