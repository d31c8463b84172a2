#include "postern/base/socket_address.h"
#include "postern/stack/slirp_stack.h"

namespace postern::stack {

std::optional<Endpoint> own_end(int socket) {
  SocketAddress name;
  if (socket < 0 || ::getsockname(socket, name.get(), name.room()) != 0) return std::nullopt;
  const auto address = name.address();
  return address ? std::optional(Endpoint{*address, name.port()}) : std::nullopt;
}

bool Forward::is_by(const Endpoint& host_end) const {
  const bool any = host_address == IpAddress(Ipv4{}) || host_address == IpAddress(Ipv6{});
  const bool one_family = host_end.address.index() == host_address.index();
  return one_family && host_end.port == host_port && (any || host_end.address == host_address);
}

}  // namespace postern::stack
