// syscalls.cpp - stream sockets of the two Internet families, by host_sockets.cpp.
#include "postern/flow/syscalls.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace postern::flow {

namespace {

constexpr uint32_t kTypeBits = UINT32_MAX & ~static_cast<uint32_t>(SOCK_CLOEXEC | SOCK_NONBLOCK);

constexpr SyscallRule stream_socket_of(uint32_t family) {
  return {"socket", {int_argument_is(0, family), ArgumentIs{1, kTypeBits, SOCK_STREAM}, int_argument_is(2, 0)}};
}

constexpr SyscallRule option_of(std::string_view call, uint32_t level) { return {call, {int_argument_is(1, level)}}; }

}  // namespace

SyscallRules syscalls() {
  static constexpr SyscallRule kRules[] = {
      stream_socket_of(AF_INET),
      stream_socket_of(AF_INET6),
      {"bind"},
      {"connect"},
      {"dup3", {int_argument_is(2, O_CLOEXEC)}},  // HostSockets::replace
      {"shutdown"},
      {"sendmsg"},
      {"recvfrom"},
      option_of("getsockopt", SOL_SOCKET),
      option_of("setsockopt", SOL_SOCKET),
      option_of("setsockopt", IPPROTO_IP),
      option_of("setsockopt", IPPROTO_TCP),
  };
  return kRules;
}

}  // namespace postern::flow
