#include "host_ports.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "postern/base/socket_address.h"
#include "postern/base/unique_fd.h"

#include "ports.h"

namespace postern::bridge {

namespace {

/// Binds it for a moment: a listener of the host's would be there in vain as soon as the kernel translates what comes for it.
Status try_port(Protocol protocol, const IpAddress& address, Port port) {
  const bool is_tcp = protocol == Protocol::tcp;
  const UniqueFd socket(::socket(family_of(address), (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
  if (!socket && errno == EAFNOSUPPORT) return {};
  if (!socket) return fail_errno("socket");
  const int on = 1;
  if (is_tcp) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);  // what lingers is no listener
  if (family_of(address) == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  const SocketAddress bound(address, port);
  if (::bind(socket.get(), bound.get(), bound.size()) == 0) return {};
  const char* name = is_tcp ? "tcp" : "udp";
  if (errno == EADDRNOTAVAIL)
    return fail(std::errc::address_not_available, fmt::format("{}: the host has no such address", to_string(address)));
  if (errno == EADDRINUSE)
    return fail(std::errc::address_in_use, fmt::format("port {}/{} is in use on the host (ss -ln{}p 'sport = :{}' says by whom)",
                                                       port.number, name, is_tcp ? "t" : "u", port.number));
  return fail_errno(fmt::format("bind port {}/{}", port.number, name));
}

struct FreeAddresses {
  void operator()(ifaddrs* list) const { ::freeifaddrs(list); }
};

/// Of one family, those of the host where port 53 would not meet a DNS server of ours.
Result<std::vector<IpAddress>> addresses_without(std::span<const IpAddress> resolvers, int family) {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) < 0) return fail_errno("getifaddrs");
  const std::unique_ptr<ifaddrs, FreeAddresses> owner(all);
  std::vector<IpAddress> found;
  for (const ifaddrs* one = all; one; one = one->ifa_next) {
    if (!one->ifa_addr || one->ifa_addr->sa_family != family) continue;
    SocketAddress address;
    std::memcpy(address.get(), one->ifa_addr, family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    const auto ip = address.address();
    const bool is_link_local =
        family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&reinterpret_cast<sockaddr_in6*>(one->ifa_addr)->sin6_addr);
    if (ip && !is_link_local && std::ranges::find(resolvers, *ip) == resolvers.end()) found.push_back(*ip);
  }
  return found;
}

Status try_everywhere(Protocol protocol, const IpAddress& any, Port port, std::span<const IpAddress> resolvers) {
  constexpr Port kDns{53};
  if (port != kDns || resolvers.empty()) return try_port(protocol, any, port);
  POSTERN_TRY(addresses, addresses_without(resolvers, family_of(any)), "ports");
  for (const IpAddress& address : addresses) {
    if (Status free = try_port(protocol, address, port); !free) return free;
  }
  return {};
}

Status try_range(const PortRange& range, const IpAddress& address, std::span<const IpAddress> resolvers) {
  for (size_t i = 0; i < range.count(); ++i) {
    const Port port{static_cast<uint16_t>(range.first.number + i)};
    Status free =
        is_any(address) ? try_everywhere(range.protocol, address, port, resolvers) : try_port(range.protocol, address, port);
    if (!free) return free;
  }
  return {};
}

}  // namespace

Status check_free(std::span<const PortRange> wanted, std::string_view published, std::span<const IpAddress> resolvers) {
  const auto others = parse_port_lines(published);
  for (const PortRange& range : wanted) {
    for (const PublishedRange& other : others) {
      if (conflict(range, other.range))
        return fail(std::errc::address_in_use, fmt::format("{}: {} of network {} has published {} (postern bridge ports ls)",
                                                           range.to_string(), other.id, other.network, other.range.to_string()));
    }
    if (range.host_address) {
      if (Status free = try_range(range, *range.host_address, resolvers); !free) return free;
      continue;
    }
    for (const IpAddress& any : {IpAddress(Ipv4{}), IpAddress(Ipv6{})}) {
      if (Status free = try_range(range, any, resolvers); !free) return free;
    }
  }
  return {};
}

}  // namespace postern::bridge
