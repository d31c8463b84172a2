#include <linux/tcp.h>  // glibc's has not all of tcp_info

#include <cstddef>

#include "postern/base/socket_address.h"
#include "postern/stack/slirp_stack.h"

namespace postern::stack {

std::optional<Endpoint> own_end(int socket) {
  SocketAddress name;
  if (socket < 0 || ::getsockname(socket, name.get(), name.room()) != 0) return std::nullopt;
  const auto address = name.address();
  return address ? std::optional(Endpoint{*address, name.port()}) : std::nullopt;
}

std::optional<KernelView> ask_kernel(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (socket < 0 || ::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  if (size < offsetof(tcp_info, tcpi_bytes_retrans) + sizeof info.tcpi_bytes_retrans) return std::nullopt;  // before Linux 4.19
  KernelView view;
  if (info.tcpi_rtt != 0) view.round_trip = std::chrono::microseconds(info.tcpi_rtt);
  view.sent = info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
  view.received = info.tcpi_bytes_received;
  return view;
}

bool Forward::is_by(const Endpoint& host_end) const {
  const bool any = host_address == IpAddress(Ipv4{}) || host_address == IpAddress(Ipv6{});
  const bool one_family = host_end.address.index() == host_address.index();
  return one_family && host_end.port == host_port && (any || host_end.address == host_address);
}

}  // namespace postern::stack
