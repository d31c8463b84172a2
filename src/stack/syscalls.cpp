// syscalls.cpp - libslirp's. It makes TCP, UDP and ping sockets of the two Internet families and nothing else; where the host
// does not give ping sockets it tries a raw one, which the kernel gives only to who has CAP_NET_RAW.
#include "postern/stack/syscalls.h"

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>

namespace postern::stack {

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
      socket_of(AF_INET, SOCK_RAW, IPPROTO_ICMP),
      socket_of(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6),
      {"bind"},  // a free port for forward's table too
      {"connect"},
      {"listen"},
      {"accept"},
      {"accept4"},
      {"shutdown"},
      {"getsockname"},
      {"getpeername"},
      {"sendto"},
      {"sendmsg"},
      {"recvfrom"},
      {"recvmsg"},
      option_of("getsockopt", SOL_SOCKET),
      {"getsockopt", {int_argument_is(1, IPPROTO_TCP), int_argument_is(2, TCP_INFO)}},  // ask_kernel()
      option_of("setsockopt", SOL_SOCKET),
      option_of("setsockopt", IPPROTO_IP),
      option_of("setsockopt", IPPROTO_IPV6),
      option_of("setsockopt", IPPROTO_TCP),
      {"ioctl", {int_argument_is(1, FIONREAD)}},
      {"ioctl", {int_argument_is(1, FIONBIO)}},
      // if_nametoindex(3), for a nameserver like fe80::1%eth0: glibc tries any family that there is, and this one first
      {"socket", {int_argument_is(0, AF_UNIX), ArgumentIs{1, kTypeBits, SOCK_DGRAM}}, EAFNOSUPPORT},
      {"ioctl", {int_argument_is(1, SIOCGIFINDEX)}},
  };
  return kRules;
}

}  // namespace postern::stack
