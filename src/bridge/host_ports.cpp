#include "host_ports.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>

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

Status try_range(const PortRange& range, const IpAddress& address) {
  for (size_t i = 0; i < range.count(); ++i) {
    const Port port{static_cast<uint16_t>(range.first.number + i)};
    if (Status free = try_port(range.protocol, address, port); !free) return free;
  }
  return {};
}

}  // namespace

Status check_free(std::span<const PortRange> wanted, std::string_view published) {
  const auto others = parse_port_lines(published);
  for (const PortRange& range : wanted) {
    for (const PublishedRange& other : others) {
      if (conflict(range, other.range))
        return fail(std::errc::address_in_use, fmt::format("{}: {} of network {} has published {} (postern bridge ports ls)",
                                                           range.to_string(), other.id, other.network, other.range.to_string()));
    }
    if (range.host_address) {
      if (Status free = try_range(range, *range.host_address); !free) return free;
      continue;
    }
    for (const IpAddress& any : {IpAddress(Ipv4{}), IpAddress(Ipv6{})}) {
      if (Status free = try_range(range, any); !free) return free;
    }
  }
  return {};
}

}  // namespace postern::bridge
