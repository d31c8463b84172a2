// route.h - where packets go: the routing tables of both families. ip-route(8).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "postern/base/address.h"
#include "postern/base/result.h"
#include "postern/netlink/socket.h"

namespace postern::netlink {

struct Route {
  int family = 0;                    // AF_INET or AF_INET6
  IpAddress destination;             // a network: its prefix, the rest zero
  unsigned prefix_bits = 0;          // 0: the default route
  std::optional<IpAddress> gateway;  // none: the destination is on the link; may be IPv6 for an IPv4 route (RFC 8950)
  int out_link = 0;                  // 0: none (unreachable, blackhole)
  uint32_t table = 0;                // RT_TABLE_MAIN is 254
  uint32_t metric = 0;               // the less the better
  uint8_t type = 0;                  // rtnetlink(7): RTN_UNICAST, RTN_UNREACHABLE, RTN_BLACKHOLE, RTN_PROHIBIT, RTN_THROW, ...
  uint8_t protocol = 0;              // who made it: RTPROT_KERNEL, RTPROT_RA (a router told of it), RTPROT_BOOT, ...
  std::optional<IpAddress> source =
      {};  // the host's own address that its packets by this route have, unless they have one already

  bool is_default() const { return prefix_bits == 0; }
  /// The destination of an IPv4 route: what an address plan must not overlap.
  std::optional<Cidr4> network4() const;
};

/// The routes of all tables, but not those the kernel makes of the host's own addresses (local, broadcast, anycast, multicast)
/// nor cached ones. A route with several next hops stands here once for each.
Result<std::vector<Route>> routes(Socket& socket);

/// Everything without a better route goes through `gateway`, which must be on the link's network. Errors: EEXIST, ENODEV, EPERM,
/// ENETUNREACH or EHOSTUNREACH for a gateway that is not on the link, ENETDOWN.
Status add_default_route(Socket& socket, int link_index, const IpAddress& gateway);

/// Whether a packet of `family` to anywhere finds its way out: a unicast default route, in any table, by a link that is not lo.
/// (Where IPv6 has no way out, kernels keep an "unreachable default dev lo".)
bool has_default_route(std::span<const Route> routes, int family);

}  // namespace postern::netlink
