#include "host_socket.h"

#include <netinet/in.h>

#include <algorithm>

#include "postern/base/socket_address.h"
#include "postern/base/unique_fd.h"
#include "postern/wire/address_class.h"

namespace postern::relay {

namespace {

std::optional<stack::Endpoint> peer_of(int socket) {
  SocketAddress name;
  if (::getpeername(socket, name.get(), name.room()) != 0) return std::nullopt;
  const auto address = name.address();
  return address ? std::optional(stack::Endpoint{*address, name.port()}) : std::nullopt;
}

/// A datagram socket that speaks to many is bound to no address: each datagram gets one by its route, which connect(2) asks for
/// without sending anything.
IpAddress source_towards(const stack::Endpoint& remote, const IpAddress& otherwise) {
  constexpr Port kAny{9};
  const SocketAddress target(remote.address, remote.port.number != 0 ? remote.port : kAny);
  const UniqueFd socket(::socket(target.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket || ::connect(socket.get(), target.get(), target.size()) < 0) return otherwise;
  const auto own = stack::own_end(socket.get());
  return own ? own->address : otherwise;
}

bool is_same(const stack::Flow& listed, const FlowName& wanted) {
  using Protocol = stack::Flow::Protocol;
  const bool is_tcp = wanted.protocol == wire::Protocol::tcp, is_udp = wanted.protocol == wire::Protocol::udp;
  if (listed.protocol != (is_tcp ? Protocol::tcp : is_udp ? Protocol::udp : Protocol::icmp)) return false;
  if (listed.guest_address && *listed.guest_address != wanted.key.guest) return false;
  if (!is_tcp && !is_udp) return listed.remote && listed.remote->address == wanted.key.remote;
  if (listed.guest_port != wanted.key.guest_port) return false;
  return is_udp || (listed.remote && listed.remote->port == wanted.key.remote_port);
}

}  // namespace

std::optional<HostSocket> ends_of(int socket, const std::optional<stack::Endpoint>& led_to) {
  auto local = stack::own_end(socket);
  if (!local) return std::nullopt;
  const auto peer = peer_of(socket);
  const auto& remote = peer ? peer : led_to;
  if (!remote) return std::nullopt;
  if (wire::is_unspecified(local->address)) local->address = source_towards(*remote, local->address);
  return HostSocket{*local, *remote};
}

std::optional<HostSocket> libslirps_socket(const stack::SlirpStack& stack, const stack::AddressPlan& addresses,
                                           const FlowName& flow) {
  const IpAddress& remote = flow.key.remote;
  if (stack.open_flows() == 0 || stack.open_flows() > kMostListed || remote == addresses.dns(remote)) return std::nullopt;
  const stack::Flows listed = stack.flows(kMostListed);
  const auto found = std::ranges::find_if(listed.flows, [&](const stack::Flow& each) { return is_same(each, flow); });
  if (found == listed.flows.end() || !found->host) return std::nullopt;
  stack::Endpoint to{remote, flow.key.remote_port};
  if (remote == addresses.gateway(remote)) {
    const bool v4 = std::holds_alternative<Ipv4>(remote);
    to.address = v4 ? IpAddress(Ipv4::of(127, 0, 0, 1)) : IpAddress(Ipv6::from_wire(in6addr_loopback));
  }
  HostSocket socket{*found->host, to};
  if (wire::is_unspecified(socket.local.address)) socket.local.address = source_towards(to, socket.local.address);
  return socket;
}

}  // namespace postern::relay
