// socket_address.h - an address and a port as the socket calls take them, sockaddr(3type).
#pragma once

#include <sys/socket.h>

#include <optional>

#include "postern/base/address.h"

namespace postern {

class SocketAddress {
 public:
  SocketAddress() = default;  // of no family: room for a call to fill in
  /// `scope` names the link of a link-local IPv6 address, ipv6(7).
  SocketAddress(const IpAddress& address, Port port, uint32_t scope = 0);

  int family() const { return storage_.ss_family; }
  /// Nothing: of neither Internet family.
  std::optional<IpAddress> address() const;
  Port port() const;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }
  /// For a call that fills it in: all of the room there is. The call may write what it used.
  socklen_t* room() { return &size_; }

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = sizeof storage_;
};

/// AF_INET or AF_INET6.
int family_of(const IpAddress& address);

/// Which of the addresses that were chosen for what goes out (--outbound-addr) a socket towards `destination` is bound to.
/// Nothing: none was chosen for that family.
std::optional<IpAddress> outbound_towards(const IpAddress& destination, const std::optional<Ipv4>& outbound4,
                                          const std::optional<Ipv6>& outbound6);

}  // namespace postern
