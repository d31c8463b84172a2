// source_address.cpp - asks routing, or a link, for the host's own address.
#include "postern/netlink/source_address.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <utility>
#include <variant>

#include "postern/base/socket_address.h"
#include "postern/base/unique_fd.h"
#include "postern/netlink/address.h"
#include "postern/netlink/link.h"

namespace postern::netlink {
namespace {

constexpr std::string_view kOutbound = "find the host's outbound address";

bool is_link_local(const IpAddress& address) {
  const auto* ipv6 = std::get_if<Ipv6>(&address);
  return ipv6 && ipv6->octets[0] == 0xfe && (ipv6->octets[1] & 0xc0) == 0x80;  // fe80::/10, RFC 4291 2.5.6
}

/// Unspecified is what the kernel answers when none of its addresses fits the route.
bool is_unspecified_or_loopback(const IpAddress& address) {
  if (const auto* ipv4 = std::get_if<Ipv4>(&address)) return ipv4->bits == 0 || ipv4->bits >> 24 == 127;
  return address == IpAddress(Ipv6()) || address == IpAddress(Ipv6::from_wire(in6addr_loopback));
}

/// connect(2) of a UDP socket sends nothing: it looks up the route and binds the source address that routing chose.
Result<IpAddress> source_towards(const IpAddress& outside) {
  const SocketAddress target(outside, Port{9});  // discard, RFC 863
  const UniqueFd socket(::socket(target.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno(kOutbound);
  SocketAddress own;
  if (::connect(socket.get(), target.get(), target.size()) < 0) return fail_errno(kOutbound);
  if (::getsockname(socket.get(), own.get(), own.room()) < 0) return fail_errno(kOutbound);
  const auto source = own.address();
  return source ? Result<IpAddress>(*source) : fail(std::string(kOutbound));
}

// The documentation networks, RFC 5737 and 3849: nobody routes them in a way of their own.
constexpr Ipv4 kOutside4 = Ipv4::of(192, 0, 2, 1);
constexpr Ipv6 kOutside6{{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

}  // namespace

Result<IpAddress> outbound_address(int family) {
  auto source = source_towards(family == AF_INET ? IpAddress(kOutside4) : IpAddress(kOutside6));
  if (source && (is_unspecified_or_loopback(*source) || is_link_local(*source)))
    return fail(std::errc::address_not_available, fmt::format("{}: only {} is at hand", kOutbound, to_string(*source)));
  return source;
}

Result<IpAddress> address_of_link(Socket& socket, std::string_view name, int family) {
  const auto doing = fmt::format("find an IPv{} address of {}", family == AF_INET ? 4 : 6, name);
  POSTERN_TRY(link, find_link(socket, name), doing);
  POSTERN_TRY(table, addresses(socket), doing);
  const Address* best = nullptr;
  const auto rank = [](const Address& address) { return std::pair(address.scope, address.deprecated); };  // the less, the better
  for (const Address& address : table) {
    if (address.link_index != link.index || family_of(address.address) != family) continue;
    if (address.tentative || is_link_local(address.address)) continue;
    if (!best || rank(address) < rank(*best)) best = &address;
  }
  if (!best) return fail(std::errc::address_not_available, doing);
  return best->address;
}

Status check_source_address(const IpAddress& address) {
  const SocketAddress own(address, {});
  const UniqueFd socket(::socket(own.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket || ::bind(socket.get(), own.get(), own.size()) < 0) return fail_errno("bind");
  return {};
}

}  // namespace postern::netlink
