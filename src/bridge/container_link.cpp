#include "container_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "postern/base/file.h"
#include "postern/netlink/address.h"
#include "postern/netlink/bridge_link.h"
#include "postern/netlink/link.h"
#include "postern/netlink/route.h"
#include "postern/netns/visit.h"

#include "host_links.h"

namespace postern::bridge {

namespace {

constexpr int kLoopbackLink = 1;  // LOOPBACK_IFINDEX of the kernel, in every network namespace

Status set(const std::string& path, std::string_view value) { return write_file("/proc/sys/net/" + path, value); }

/// Before the link is raised: what it does by itself when it is.
Status set_inside(const std::string& interface) {
  POSTERN_CHECK(set(fmt::format("ipv4/conf/{}/rp_filter", interface), "2"), "container");  // see set_bridge()
  POSTERN_CHECK(set(fmt::format("ipv4/conf/{}/arp_notify", interface), "1"), "container");
  const std::string ipv6 = fmt::format("ipv6/conf/{}", interface);
  if (!std::filesystem::exists("/proc/sys/net/" + ipv6)) return {};
  for (const char* what : {"accept_ra", "autoconf", "accept_dad"}) {  // its addresses are ours to give, and nobody else has them
    POSTERN_CHECK(set(fmt::format("{}/{}", ipv6, what), "0"), "container");
  }
  return {};
}

/// The gateway of the network that `own` is in.
std::optional<IpAddress> gateway_of(const Network& network, const Subnet& own) {
  for (const Subnet& subnet : network.spec.subnets) {
    if (subnet.contains(own.gateway)) return subnet.gateway;
  }
  return std::nullopt;
}

/// To be called inside.
Status configure_inside(const Network& network, const Endpoint& endpoint) {
  POSTERN_TRY(socket, netlink::Socket::open(), "container");
  POSTERN_TRY(link, netlink::find_link(socket, endpoint.interface), "container");
  if (Status prepared = set_inside(endpoint.interface); !prepared) return prepared;
  POSTERN_CHECK(netlink::set_up(socket, kLoopbackLink), "container");
  for (const Subnet& own : endpoint.addresses) {
    POSTERN_CHECK(netlink::add_address(socket, link.index, own.gateway, own.prefix_bits), "container");
  }
  POSTERN_CHECK(netlink::set_up(socket, link.index), "container");
  if (network.spec.egress == Egress::nowhere) return {};
  for (const Subnet& own : endpoint.addresses) {
    const auto gateway = gateway_of(network, own);
    if (!gateway) continue;
    const Status added = netlink::add_default_route(socket, link.index, *gateway);
    // A container on a second network keeps the way out that it has.
    if (!added && !added.error().is(std::errc::file_exists)) return within("container", added.error());
  }
  return {};
}

}  // namespace

Status make_port(netlink::Socket& host, const Network& network, const netlink::Link& port, int bridge) {
  const bool is_new = port.master != bridge;  // with both flags off
  if (is_new) POSTERN_CHECK(netlink::set_master(host, port.index, bridge), "port");
  const bool is_isolated = network.spec.inter_container == InterContainer::blocked;
  // Where bridged packets pass the rules, one that comes back by the port it came from is redirected below IP: docs/bridge.md.
  const bool hairpin = filters_bridged();
  if (is_isolated != (port.isolated && !is_new) || hairpin != (port.hairpin && !is_new))
    POSTERN_CHECK(netlink::configure_bridge_port(host, port.index, {.isolated = is_isolated, .hairpin = hairpin}), "port");
  return netlink::set_up(host, port.index);
}

Status make_container_link(netlink::Socket& host, const Network& network, const Endpoint& endpoint, const UniqueFd& target) {
  POSTERN_TRY(bridge, netlink::find_link(host, network.spec.name), "attach (postern bridge reload makes it again)");
  POSTERN_CHECK(netlink::add_veth(host, {.name = endpoint.host_interface,
                                         .master = bridge.index,
                                         .mtu_bytes = network.spec.mtu_bytes.value_or(bridge.mtu_bytes),
                                         .peer_name = endpoint.interface,
                                         .peer_mac = endpoint.mac,
                                         .peer_namespace = target.get()}),
                "attach");
  POSTERN_TRY(port, netlink::find_link(host, endpoint.host_interface), "attach");
  if (Status made = make_port(host, network, port, bridge.index); !made) return made;
  POSTERN_TRY(visit, netns::Visit::begin(target), "attach");
  return configure_inside(network, endpoint);
}

}  // namespace postern::bridge
