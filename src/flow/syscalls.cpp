// syscalls.cpp - stream sockets of the two Internet families, by host_sockets.cpp; UDP and ping sockets, by datagram_sockets.cpp.
#include "postern/flow/syscalls.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace postern::flow {

namespace {

constexpr uint32_t kTypeBits = UINT32_MAX & ~static_cast<uint32_t>(SOCK_CLOEXEC | SOCK_NONBLOCK);

constexpr SyscallRule socket_of(uint32_t family, uint32_t type, uint32_t protocol) {
  return {"socket", {int_argument_is(0, family), ArgumentIs{1, kTypeBits, type}, int_argument_is(2, protocol)}};
}

constexpr SyscallRule option_of(std::string_view call, uint32_t level) { return {call, {int_argument_is(1, level)}}; }

}  // namespace

SyscallRules syscalls() {
  static constexpr SyscallRule kRules[] = {
      socket_of(AF_INET, SOCK_STREAM, 0),
      socket_of(AF_INET6, SOCK_STREAM, 0),
      socket_of(AF_INET, SOCK_DGRAM, 0),
      socket_of(AF_INET6, SOCK_DGRAM, 0),
      socket_of(AF_INET, SOCK_DGRAM, IPPROTO_ICMP),
      socket_of(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6),
      {"bind"},
      {"connect"},
      {"dup3", {int_argument_is(2, O_CLOEXEC)}},  // HostSockets::replace
      {"shutdown"},
      {"sendmsg"},
      {"sendmmsg"},
      {"recvfrom"},
      {"recvmsg"},  // several frames of a stream; the error queue
      {"recvmmsg"},
      option_of("getsockopt", SOL_SOCKET),
      option_of("setsockopt", SOL_SOCKET),
      option_of("setsockopt", IPPROTO_IP),
      option_of("setsockopt", IPPROTO_IPV6),
      option_of("setsockopt", IPPROTO_TCP),
      option_of("setsockopt", IPPROTO_UDP),  // UDP_GRO
  };
  return kRules;
}

}  // namespace postern::flow
