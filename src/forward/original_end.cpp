#include "original_end.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "postern/base/socket_address.h"

namespace postern::forward {

namespace {

/// SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST of linux/netfilter_ipv4.h and linux/netfilter_ipv6/ip6_tables.h, which do not go with
/// netinet/in.h.
constexpr int kOriginalDestination = 80;

}  // namespace

std::optional<stack::Endpoint> original_end(int socket, const stack::Endpoint& client) {
  const int level = std::holds_alternative<Ipv4>(client.address) ? IPPROTO_IP : IPPROTO_IPV6;
  SocketAddress original;
  if (::getsockopt(socket, level, kOriginalDestination, original.get(), original.room()) < 0) return std::nullopt;
  const auto address = original.address();
  return address ? std::optional(stack::Endpoint{*address, original.port()}) : std::nullopt;
}

SyscallRules original_end_syscalls() {
  static constexpr SyscallRule kRules[] = {
      {"getsockopt", {int_argument_is(1, IPPROTO_IP), int_argument_is(2, kOriginalDestination)}},
      {"getsockopt", {int_argument_is(1, IPPROTO_IPV6), int_argument_is(2, kOriginalDestination)}},
  };
  return kRules;
}

}  // namespace postern::forward
