// route.cpp - RTM_NEWROUTE and RTM_GETROUTE.
#include "postern/netlink/route.h"

#include <fmt/format.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cstring>

#include "dump.h"

namespace postern::netlink {
namespace {

constexpr int kLoopbackLink = 1;  // LOOPBACK_IFINDEX of the kernel, in every network namespace

bool of_own_addresses(uint8_t type) {
  return type == RTN_LOCAL || type == RTN_BROADCAST || type == RTN_ANYCAST || type == RTN_MULTICAST;
}

std::optional<IpAddress> gateway_of(const Attributes& attributes) {
  if (auto gateway = attributes.address(RTA_GATEWAY)) return gateway;
  const auto via = attributes.bytes(RTA_VIA);  // struct rtvia: a family, then the address
  if (!via || via->size() < sizeof(rtvia)) return std::nullopt;
  return address_from(via->subspan(sizeof(rtvia)));
}

Route with_next_hop(Route route, int link_index, const Attributes& attributes) {
  route.out_link = link_index;
  route.gateway = gateway_of(attributes);
  return route;
}

/// RTA_MULTIPATH: a row of struct rtnexthop, each with attributes of its own. rtnetlink(7)
void append_next_hops(const Route& route, Bytes hops, std::vector<Route>& table) {
  while (hops.size() >= sizeof(rtnexthop)) {
    rtnexthop hop;
    std::memcpy(&hop, hops.data(), sizeof hop);
    if (hop.rtnh_len < sizeof hop || hop.rtnh_len > hops.size()) return;
    const Attributes attributes(hops.subspan(sizeof hop, hop.rtnh_len - sizeof hop));
    table.push_back(with_next_hop(route, hop.rtnh_ifindex, attributes));
    hops = hops.subspan(std::min<size_t>(RTNH_ALIGN(size_t{hop.rtnh_len}), hops.size()));
  }
}

}  // namespace

std::optional<Cidr4> Route::network4() const {
  const auto* ipv4 = std::get_if<Ipv4>(&destination);
  return ipv4 ? Cidr4::make(*ipv4, prefix_bits) : std::nullopt;
}

void append(const nlmsghdr& message, std::vector<Route>& table) {
  const auto* header = header_of<rtmsg>(message);
  if (!header || (message.nlmsg_type != RTM_NEWROUTE && message.nlmsg_type != RTM_DELROUTE)) return;
  if (header->rtm_family != AF_INET && header->rtm_family != AF_INET6) return;  // multicast routing answers AF_UNSPEC too
  if (header->rtm_flags & RTM_F_CLONED || of_own_addresses(header->rtm_type)) return;
  const auto attributes = Attributes::after(message, sizeof *header);
  const IpAddress anywhere = header->rtm_family == AF_INET ? IpAddress(Ipv4()) : IpAddress(Ipv6());
  const Route route{.family = header->rtm_family,
                    .destination = attributes.address(RTA_DST).value_or(anywhere),
                    .prefix_bits = header->rtm_dst_len,
                    .gateway = {},
                    .out_link = 0,
                    .table = attributes.number(RTA_TABLE).value_or(header->rtm_table),
                    .metric = attributes.number(RTA_PRIORITY).value_or(0),
                    .type = header->rtm_type,
                    .protocol = header->rtm_protocol,
                    .source = attributes.address(RTA_PREFSRC)};
  if (const auto hops = attributes.bytes(RTA_MULTIPATH)) return append_next_hops(route, *hops, table);
  table.push_back(with_next_hop(route, static_cast<int>(attributes.number(RTA_OIF).value_or(0)), attributes));
}

Result<std::vector<Route>> routes(Socket& socket) { return dump<Route>(socket, RTM_GETROUTE, "list routes"); }

Status add_default_route(Socket& socket, int link_index, const IpAddress& gateway) {
  Message request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  auto& header = request.put_header<rtmsg>();
  header.rtm_family = std::holds_alternative<Ipv4>(gateway) ? AF_INET : AF_INET6;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_BOOT;  // as ip-route(8): what an administrator sets by hand
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  request.put(RTA_GATEWAY, gateway);
  request.put(RTA_OIF, static_cast<uint32_t>(link_index));
  return socket.exchange(request.get(), fmt::format("add default route by {} on link {}", to_string(gateway), link_index));
}

bool has_default_route(std::span<const Route> routes, int family) {
  return std::ranges::any_of(routes, [&](const Route& route) {
    return route.family == family && route.is_default() && route.type == RTN_UNICAST && route.out_link != 0 &&
           route.out_link != kLoopbackLink;
  });
}

}  // namespace postern::netlink
