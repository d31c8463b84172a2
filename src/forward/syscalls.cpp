// syscalls.cpp - ports that are published late, by host_listeners.cpp, who comes to them, and who of these is spliced.
#include "postern/forward/syscalls.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace postern::forward {

namespace {

constexpr uint32_t kTypeBits = UINT32_MAX & ~static_cast<uint32_t>(SOCK_CLOEXEC | SOCK_NONBLOCK);

constexpr SyscallRule socket_of(uint32_t family, uint32_t type) {
  return {"socket", {int_argument_is(0, family), ArgumentIs{1, kTypeBits, type}, int_argument_is(2, 0)}};
}

}  // namespace

SyscallRules syscalls() {
  static constexpr SyscallRule kRules[] = {
      socket_of(AF_INET, SOCK_STREAM),
      socket_of(AF_INET6, SOCK_STREAM),
      socket_of(AF_INET, SOCK_DGRAM),
      socket_of(AF_INET6, SOCK_DGRAM),
      {"setsockopt", {int_argument_is(1, SOL_SOCKET), int_argument_is(2, SO_REUSEADDR)}},
      {"setsockopt", {int_argument_is(1, SOL_SOCKET), int_argument_is(2, SO_OOBINLINE)}},
      {"setsockopt", {int_argument_is(1, SOL_SOCKET), int_argument_is(2, SO_LINGER)}},
      {"setsockopt", {int_argument_is(1, IPPROTO_TCP), int_argument_is(2, TCP_NODELAY)}},
      {"setsockopt", {int_argument_is(1, IPPROTO_IPV6), int_argument_is(2, IPV6_V6ONLY)}},
      {"bind"},
      {"listen", {int_argument_is(1, SOMAXCONN)}},
      {"accept4", {int_argument_is(3, SOCK_NONBLOCK | SOCK_CLOEXEC)}},
      {"getsockname"},
      {"getsockopt", {int_argument_is(1, SOL_SOCKET), int_argument_is(2, SO_ERROR)}},
      {"recvmsg"},  // sockets of the namespace, which splicer.cpp connects
      {"connect"},
      {"sendto"},
      {"recvfrom"},
      {"shutdown"},
      {"pipe2", {int_argument_is(1, O_NONBLOCK | O_CLOEXEC)}},
      {"fcntl", {int_argument_is(1, F_SETPIPE_SZ)}},
      {"splice"},
  };
  return kRules;
}

}  // namespace postern::forward
