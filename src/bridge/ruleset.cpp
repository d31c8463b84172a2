#include "ruleset.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "postern/base/socket_address.h"

#include "ports.h"

namespace postern::bridge {

namespace {

// Chains that no network changes, and the maps that they look into. Names of sets end in the family where it has one. A set of
// ports alone would be a bitmap, whose elements the kernel walks for each that is added: 5000 cost 0.2 s. With the protocol it is
// a hash.
//
// A host's loopback is no address on any link (RFC 1122 3.2.1.3 (g), RFC 4291 2.5.3). The kernel drops such a packet itself, but
// only where it routes, which is after DNAT: a packet to 127.0.0.1, or by br_netfilter one to ::1, would be led on before.
constexpr const char* kFrame = R"(
  set bridges { type ifname; }
  set open_bridges { type ifname; }
  set guarded4 { type ipv4_addr; flags interval; }
  set guarded6 { type ipv6_addr; flags interval; }
  set resolvers4 { type ifname . ipv4_addr; }
  set resolvers6 { type ifname . ipv6_addr; }
  set resolver_addresses4 { type ipv4_addr; }
  set resolver_addresses6 { type ipv6_addr; }
  map from_bridge { type ifname : verdict; }
  map to_bridge { type ifname : verdict; }
  map to_host { type ifname : verdict; }
  map masquerade4 { type ipv4_addr : verdict; flags interval; }
  map masquerade6 { type ipv6_addr : verdict; flags interval; }
  map publish4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map publish4_at { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
  map publish4_range { type inet_proto . inet_service : ipv4_addr; flags interval; }
  map publish4_range_at { type ipv4_addr . inet_proto . inet_service : ipv4_addr; flags interval; }
  map publish6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
  map publish6_at { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
  map publish6_range { type inet_proto . inet_service : ipv6_addr; flags interval; }
  map publish6_range_at { type ipv6_addr . inet_proto . inet_service : ipv6_addr; flags interval; }
  set loopback4 { type inet_proto . inet_service; }
  set loopback4_range { type inet_proto . inet_service; flags interval; }
  set loopback6 { type inet_proto . inet_service; }
  set loopback6_range { type inet_proto . inet_service; flags interval; }

  chain raw {
    type filter hook prerouting priority -300; policy accept;
    iif "lo" accept
    ip daddr 127.0.0.0/8 drop
    ip6 daddr ::1 drop
    iifname @bridges goto raw_inside
    ip daddr @guarded4 drop
    ip6 daddr @guarded6 drop
  }
  chain raw_inside {
    ip saddr 127.0.0.0/8 drop
    ip6 saddr ::1 drop
  }
  chain publish {
    dnat ip to ip daddr . meta l4proto . th dport map @publish4_at
    dnat ip to ip daddr . meta l4proto . th dport map @publish4_range_at
    meta nfproto ipv4 dnat ip to meta l4proto . th dport map @publish4
    meta nfproto ipv4 dnat ip to meta l4proto . th dport map @publish4_range
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @publish6_at
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @publish6_range_at
    meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @publish6
    meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @publish6_range
  }
  chain prerouting {
    type nat hook prerouting priority -100; policy accept;
    th dport 53 iifname . ip daddr @resolvers4 accept
    th dport 53 iifname . ip6 daddr @resolvers6 accept
    meta l4proto { tcp, udp } fib daddr type local jump publish
  }
  chain loopback {
  }
  chain output {
    type nat hook output priority -100; policy accept;
    ip daddr 127.0.0.0/8 goto loopback
    ip6 daddr ::1 goto loopback
    meta l4proto { tcp, udp } fib daddr type local jump publish
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
    ct state established,related accept
    iifname vmap @from_bridge
    oifname vmap @to_bridge
  }
  chain input {
    type filter hook input priority 0; policy accept;
    iifname vmap @to_host
    iifname != "lo" meta l4proto { tcp, udp } th dport 53 ip daddr @resolver_addresses4 iifname . ip daddr != @resolvers4 drop
    iifname != "lo" meta l4proto { tcp, udp } th dport 53 ip6 daddr @resolver_addresses6 iifname . ip6 daddr != @resolvers6 drop
  }
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
    ip saddr vmap @masquerade4
    ip6 saddr vmap @masquerade6
  }
)";

/// Elements by set, so that each set is named once a transaction.
class Elements {
 public:
  void add(const std::string& set, std::string element) { sets_[set].push_back(std::move(element)); }

  std::string text(std::string_view command) const {
    std::string text;
    for (const auto& [set, elements] : sets_) {
      text += fmt::format("{} element {} {} {{ {} }}\n", command, kTable, set, fmt::join(elements, ", "));
    }
    return text;
  }

 private:
  std::map<std::string, std::vector<std::string>> sets_;
};

std::string name_of(Protocol protocol) { return protocol == Protocol::tcp ? "tcp" : "udp"; }

std::string ports_text(Port first, Port last) {
  return first == last ? fmt::format("{}", first.number) : fmt::format("{}-{}", first.number, last.number);
}

enum class Part { keys, whole };  // an element is deleted by its key alone

/// The ports by which clients on the host's loopback come, to the proxy; UDP has sockets of its own there.
void add_loopback(Elements& elements, const PortRange& range) {
  if (range.protocol != Protocol::tcp) return;
  for (const int family : {AF_INET, AF_INET6}) {
    if (!serves_loopback(range, family)) continue;
    const std::string set = fmt::format("loopback{}{}", family == AF_INET ? 4 : 6, range.count() == 1 ? "" : "_range");
    elements.add(set, "tcp . " + ports_text(range.first, range.last));
  }
}

/// In the kernel: clients of the host's other addresses, of the family that the container has an address of.
void add_published(Elements& elements, const PortRange& range, const IpAddress& container, Part part) {
  if (!serves_network(range, family_of(container))) return;
  const std::string set = fmt::format("publish{}", family_of(container) == AF_INET ? 4 : 6);
  const bool has_address = range.host_address && !is_any(*range.host_address);
  const std::string at = has_address ? to_string(*range.host_address) + " . " : "";
  const std::string suffix = has_address ? "_at" : "";
  const auto value = [&](std::string text) { return part == Part::whole ? " : " + std::move(text) : std::string(); };
  if (range.count() > 1 && range.first == range.container_first) {  // the port is kept: one element, however many there are
    elements.add(set + "_range" + suffix, fmt::format("{}{} . {}{}", at, name_of(range.protocol),
                                                      ports_text(range.first, range.last), value(to_string(container))));
    return;
  }
  for (size_t i = 0; i < range.count(); ++i) {
    elements.add(set + suffix,
                 fmt::format("{}{} . {}{}", at, name_of(range.protocol), range.first.number + i,
                             value(fmt::format("{} . {}", to_string(container), range.container_first.number + i))));
  }
}

void add_endpoint(Elements& elements, const Endpoint& endpoint, Part part) {
  for (const PortRange& range : endpoint.ports) {
    add_loopback(elements, range);
    for (const Subnet& own : endpoint.addresses) add_published(elements, range, own.gateway, part);
  }
}

void add_network(Elements& elements, const Network& network) {
  const NetworkSpec& spec = network.spec;
  const std::string link = fmt::format("\"{}\"", spec.name);
  const bool is_internal = spec.egress == Egress::nowhere;
  elements.add("bridges", link);
  if (spec.isolation == Isolation::open) elements.add("open_bridges", link);
  elements.add("from_bridge", fmt::format("{} : jump from_{}", link, spec.name));
  elements.add("to_bridge", fmt::format("{} : jump to_{}", link, spec.name));
  if (is_internal) elements.add("to_host", fmt::format("{} : jump host_{}", link, spec.name));
  for (const Subnet& subnet : spec.subnets) {
    const int family = subnet.is_ipv4() ? 4 : 6;
    if (spec.masquerade == Masquerade::on || is_internal) elements.add(fmt::format("guarded{}", family), subnet.network());
    if (spec.names) {
      elements.add(fmt::format("resolvers{}", family), fmt::format("{} . {}", link, to_string(subnet.gateway)));
      elements.add(fmt::format("resolver_addresses{}", family), to_string(subnet.gateway));
    }
    if (is_internal || spec.masquerade == Masquerade::off) continue;
    elements.add(fmt::format("masquerade{}", family), fmt::format("{} : jump masquerade_{}", subnet.network(), spec.name));
  }
}

/// Who says to be somebody else is not let out: an address that is none of the network's would not be translated either.
std::string source_rule(const NetworkSpec& spec, bool ipv4) {
  std::vector<std::string> own;
  for (const Subnet& subnet : spec.subnets) {
    if (subnet.is_ipv4() == ipv4) own.push_back(subnet.network());
  }
  const char* family = ipv4 ? "ip" : "ip6";
  if (own.empty()) return fmt::format("    oifname != \"{}\" meta nfproto {} drop\n", spec.name, ipv4 ? "ipv4" : "ipv6");
  return fmt::format("    oifname != \"{}\" {} saddr != {{ {} }} drop\n", spec.name, family, fmt::join(own, ", "));
}

/// What may leave by the bridge. Only the first packet of a connection comes here, and what is of none: that would leave as it
/// is.
std::string from_chain(const NetworkSpec& spec) {
  std::string rules = fmt::format("    oifname != \"{}\" ct state invalid drop\n", spec.name);
  if (spec.masquerade == Masquerade::on) rules += source_rule(spec, true) + source_rule(spec, false);
  if (spec.egress == Egress::nowhere) rules += fmt::format("    oifname != \"{}\" drop\n", spec.name);
  if (spec.isolation == Isolation::full) rules += fmt::format("    oifname != \"{}\" oifname @bridges drop\n", spec.name);
  if (spec.external)
    rules += fmt::format("    oifname != {{ \"{}\", \"{}\" }} oifname != @bridges drop\n", spec.name, *spec.external);
  return fmt::format("  chain from_{} {{\n{}  }}\n", spec.name, rules);
}

/// What may enter by it. A packet of another table's DNAT that comes here bears the same mark; it was asked for as well.
std::string to_chain(const NetworkSpec& spec) {
  std::string rules;
  if (spec.isolation == Isolation::full) rules += fmt::format("    iifname != \"{}\" iifname @bridges drop\n", spec.name);
  if (spec.egress == Egress::everywhere) rules += "    ct status dnat accept\n";
  // Neighbours meet here only where bridged packets are led through the IP hooks (br_netfilter).
  if (spec.inter_container == InterContainer::allowed) rules += fmt::format("    iifname \"{}\" accept\n", spec.name);
  if (spec.isolation == Isolation::open) rules += "    iifname @open_bridges accept\n";
  return fmt::format("  chain to_{} {{\n{}    drop\n  }}\n", spec.name, rules);
}

/// What an internal network gets of the host itself.
std::string host_chain(const NetworkSpec& spec) {
  if (spec.egress != Egress::nowhere) return "";
  std::string rules =
      "    ct state established,related accept\n"
      "    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept\n";
  for (const Subnet& subnet : spec.subnets) {
    if (!spec.names) break;
    rules += fmt::format("    {} daddr {} meta l4proto {{ tcp, udp }} th dport 53 accept\n", subnet.is_ipv4() ? "ip" : "ip6",
                         to_string(subnet.gateway));
  }
  return fmt::format("  chain host_{} {{\n{}    drop\n  }}\n", spec.name, rules);
}

/// Between networks the client's address is kept; on one and the same bridge the answer would miss us without it.
std::string masquerade_chain(const NetworkSpec& spec) {
  if (spec.egress == Egress::nowhere || spec.masquerade == Masquerade::off) return "";
  return fmt::format(
      "  chain masquerade_{0} {{\n"
      "    oifname \"{0}\" ct status dnat masquerade\n"
      "    oifname @bridges return\n"
      "    oifname \"lo\" return\n"
      "    masquerade\n"
      "  }}\n",
      spec.name);
}

std::string loopback_rules(const std::optional<ProxyRecord>& proxy) {
  std::string rules;
  if (!proxy) return rules;
  for (const char* kind : {"", "_range"}) {
    if (proxy->port4.number != 0)
      rules += fmt::format(
          "add rule {} loopback ip daddr 127.0.0.1 meta l4proto tcp meta l4proto . th dport @loopback4{} redirect to :{}\n",
          kTable, kind, proxy->port4.number);
    if (proxy->port6.number != 0)
      rules += fmt::format(
          "add rule {} loopback ip6 daddr ::1 meta l4proto tcp meta l4proto . th dport @loopback6{} redirect to :{}\n", kTable,
          kind, proxy->port6.number);
  }
  return rules;
}

}  // namespace

std::string whole_ruleset(const RuleInput& input) {
  Elements elements;
  // A jump needs its chain, and a chain may come after the map that names it only within one transaction.
  std::string chains;
  for (const Network& network : input.networks) {
    const NetworkSpec& spec = network.spec;
    chains += from_chain(spec) + to_chain(spec) + host_chain(spec) + masquerade_chain(spec);
    add_network(elements, network);
  }
  for (const Endpoint& endpoint : input.endpoints) add_endpoint(elements, endpoint, Part::whole);
  return fmt::format("add table {0}\ndelete table {0}\ntable {0} {{{1}{2}}}\n{3}{4}", kTable, kFrame, chains,
                     elements.text("add"), loopback_rules(input.proxy));
}

std::string no_ruleset() { return fmt::format("delete table {}\n", kTable); }

std::string add_ports(const Endpoint& endpoint) {
  Elements elements;
  add_endpoint(elements, endpoint, Part::whole);
  return elements.text("add");
}

std::string delete_ports(const Endpoint& endpoint) {
  Elements elements;
  add_endpoint(elements, endpoint, Part::keys);
  return elements.text("delete");
}

std::string set_proxy(const std::optional<ProxyRecord>& proxy) {
  return fmt::format("flush chain {} loopback\n{}", kTable, loopback_rules(proxy));
}

}  // namespace postern::bridge
