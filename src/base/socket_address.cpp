#include "postern/base/socket_address.h"

#include <cstring>

namespace postern {

SocketAddress::SocketAddress(const IpAddress& address, Port port, uint32_t scope) {
  if (const auto* v4 = std::get_if<Ipv4>(&address)) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port.number);
    in.sin_addr = v4->to_wire();
    size_ = sizeof in;
    std::memcpy(&storage_, &in, sizeof in);
  } else {
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(port.number);
    in6.sin6_addr = std::get<Ipv6>(address).to_wire();
    in6.sin6_scope_id = scope;
    size_ = sizeof in6;
    std::memcpy(&storage_, &in6, sizeof in6);
  }
}

std::optional<IpAddress> SocketAddress::address() const {
  if (family() == AF_INET) return Ipv4::from_wire(reinterpret_cast<const sockaddr_in&>(storage_).sin_addr);
  if (family() == AF_INET6) return Ipv6::from_wire(reinterpret_cast<const sockaddr_in6&>(storage_).sin6_addr);
  return std::nullopt;
}

Port SocketAddress::port() const {
  if (family() == AF_INET) return {ntohs(reinterpret_cast<const sockaddr_in&>(storage_).sin_port)};
  if (family() == AF_INET6) return {ntohs(reinterpret_cast<const sockaddr_in6&>(storage_).sin6_port)};
  return {};
}

int family_of(const IpAddress& address) { return std::holds_alternative<Ipv4>(address) ? AF_INET : AF_INET6; }

std::optional<IpAddress> outbound_towards(const IpAddress& destination, const std::optional<Ipv4>& outbound4,
                                          const std::optional<Ipv6>& outbound6) {
  const bool v4 = std::holds_alternative<Ipv4>(destination);
  if (v4 && outbound4) return *outbound4;
  if (!v4 && outbound6) return *outbound6;
  return std::nullopt;
}

}  // namespace postern
