#include "host_links.h"

#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>

#include "postern/base/file.h"
#include "postern/base/log.h"
#include "postern/base/text.h"
#include "postern/netlink/address.h"
#include "postern/netlink/bridge_link.h"
#include "postern/netlink/link.h"
#include "postern/netlink/route.h"

namespace postern::bridge {

namespace {

constexpr unsigned kEthernetMtu = 1500;
constexpr const char* kForward4 = "/proc/sys/net/ipv4/ip_forward";
constexpr const char* kForward6 = "/proc/sys/net/ipv6/conf/all/forwarding";

bool has_ipv4(const NetworkSpec& spec) { return std::ranges::any_of(spec.subnets, &Subnet::is_ipv4); }
bool has_ipv6(const NetworkSpec& spec) { return !std::ranges::all_of(spec.subnets, &Subnet::is_ipv4); }

/// What a bridge of ours is set to; what the kernel does not have (IPv6) is not set.
Status set_bridge(const NetworkSpec& spec) {
  const auto set = [&](std::string_view what, std::string_view value) {
    return write_file(fmt::format("/proc/sys/net/{}", fmt::format(fmt::runtime(what), spec.name)), value);
  };
  // Answers may come by another bridge than the way back would lead by, where a container is on two networks: loose, RFC
  // 3704 2.4.
  POSTERN_CHECK(set("ipv4/conf/{}/rp_filter", "2"), "bridge");
  if (!std::filesystem::exists(fmt::format("/proc/sys/net/ipv6/conf/{}", spec.name))) return {};
  if (!has_ipv6(spec)) return set("ipv6/conf/{}/disable_ipv6", "1");
  for (const char* what : {"ipv6/conf/{}/accept_ra", "ipv6/conf/{}/autoconf", "ipv6/conf/{}/accept_dad"}) {
    POSTERN_CHECK(set(what, "0"), "bridge");
  }
  return {};
}

/// The links by which a router has told us of a way out: those whose announcements the host lives by. Ports and bridges of ours
/// are none, whatever a container may have announced there.
Result<std::vector<std::string>> links_to_routers(netlink::Socket& socket) {
  POSTERN_TRY(routes, netlink::routes(socket), "forwarding");
  POSTERN_TRY(links, netlink::links(socket), "forwarding");
  std::vector<std::string> names;
  for (const netlink::Link& link : links) {
    const bool has_router = std::ranges::any_of(routes, [&](const netlink::Route& route) {
      return route.family == AF_INET6 && route.is_default() && route.protocol == RTPROT_RA && route.out_link == link.index;
    });
    if (has_router && link.alias != kAlias && !is_host_interface(link.name)) names.push_back(link.name);
  }
  return names;
}

/// A host that forwards no longer listens to routers (net.ipv6.conf.*.accept_ra 1), which may be where its own routes come from.
/// No other link is touched, nor `default`: what is made later (a bridge of somebody's guests) would hear routers there.
Status keep_listening_to_routers(netlink::Socket& socket) {
  POSTERN_TRY(names, links_to_routers(socket), "forwarding");
  for (const std::string& name : names) {
    const std::string path = fmt::format("/proc/sys/net/ipv6/conf/{}/accept_ra", name);
    if (read_setting(path) != "1") continue;
    POSTERN_CHECK(write_file(path, "2"), "forwarding");
    log::info("net.ipv6.conf.{}.accept_ra is 2 now: the host forwards, and listens to its router there", name);
  }
  return {};
}

Status prepare_family(netlink::Socket& socket, int family, IpForward ip_forward) {
  if (forwards(family)) return {};
  const char* name = family == AF_INET ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding";
  const std::string remedy = fmt::format("sysctl {}=1", name);
  switch (ip_forward) {
    case IpForward::never:
      log::warning("the host does not forward packets: containers reach the host and each other alone ({})", remedy);
      return {};
    case IpForward::require:
      return fail(fmt::format("the host does not forward packets: {} is 0 ({}, or --ip-forward auto)", name, remedy));
    case IpForward::automatic: break;
  }
  if (family == AF_INET6) {
    if (Status kept = keep_listening_to_routers(socket); !kept) return kept;
  }
  POSTERN_CHECK(write_file(family == AF_INET ? kForward4 : kForward6, "1"), "turn forwarding on");
  log::info("{} is 1 now, for every link of the host; it stays so until the host is restarted or you set it to 0", name);
  return {};
}

Status add_missing_addresses(netlink::Socket& socket, int index, const NetworkSpec& spec) {
  POSTERN_TRY(addresses, netlink::addresses(socket), "bridge");
  for (const Subnet& subnet : spec.subnets) {
    const bool is_there = std::ranges::any_of(addresses, [&](const netlink::Address& one) {
      return one.link_index == index && one.address == subnet.gateway && one.prefix_bits == subnet.prefix_bits;
    });
    if (!is_there) POSTERN_CHECK(netlink::add_address(socket, index, subnet.gateway, subnet.prefix_bits), "bridge");
  }
  return {};
}

}  // namespace

std::string read_setting(const std::string& path) {
  const auto text = read_file(path, 256);
  return text ? std::string(trim(*text)) : "";
}

Result<std::string> new_host_interface() {
  std::array<uint8_t, 6> random;
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) return fail_errno("getrandom");
  return fmt::format("pv{:02x}", fmt::join(random, ""));
}

bool is_host_interface(std::string_view name) {
  return name.size() == 14 && name.starts_with("pv") && name.find_first_not_of("0123456789abcdef", 2) == std::string_view::npos;
}

Status make_bridge(netlink::Socket& socket, const Network& network) {
  const NetworkSpec& spec = network.spec;
  int index = 0;
  if (const auto link = netlink::find_link(socket, spec.name)) {
    if (link->kind != "bridge" || link->alias != kAlias)
      return fail(std::errc::file_exists,
                  fmt::format("a link named {} is there already, and it is not ours (ip link show {})", spec.name, spec.name));
    index = link->index;
  } else {
    POSTERN_TRY(made, netlink::add_bridge(socket, {spec.name, network.mac, spec.mtu_bytes.value_or(kEthernetMtu), kAlias}),
                "bridge");
    index = made;
  }
  POSTERN_CHECK(set_bridge(spec), "bridge");
  if (Status added = add_missing_addresses(socket, index, spec); !added) return added;
  return netlink::set_up(socket, index);
}

unsigned default_mtu(netlink::Socket& socket) {
  const auto routes = netlink::routes(socket);
  const auto links = netlink::links(socket);
  if (!routes || !links) return kEthernetMtu;
  unsigned mtu = 0;
  for (const netlink::Route& route : *routes) {
    if (!route.is_default() || route.out_link == 0) continue;
    const auto link = std::ranges::find(*links, route.out_link, &netlink::Link::index);
    if (link != links->end() && link->name != "lo") mtu = mtu == 0 ? link->mtu_bytes : std::min(mtu, link->mtu_bytes);
  }
  return mtu == 0 ? kEthernetMtu : std::max(mtu, 1280U);
}

bool forwards(int family) { return read_setting(family == AF_INET ? kForward4 : kForward6) == "1"; }

Status prepare_forwarding(netlink::Socket& socket, const NetworkSpec& spec, IpForward ip_forward) {
  if (spec.egress == Egress::nowhere) return {};
  if (has_ipv4(spec)) {
    if (Status prepared = prepare_family(socket, AF_INET, ip_forward); !prepared) return prepared;
  }
  return has_ipv6(spec) ? prepare_family(socket, AF_INET6, ip_forward) : Status();
}

bool filters_bridged() { return read_setting("/proc/sys/net/bridge/bridge-nf-call-iptables") == "1"; }

}  // namespace postern::bridge
