// syscalls.cpp - datagram sockets of the two Internet families, by server_sockets.cpp; and host_resolver.cpp's look at the file,
// which base allows, and at a link's name.
#include "postern/dns/syscalls.h"

#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>

namespace postern::dns {

namespace {

constexpr uint32_t kTypeBits = UINT32_MAX & ~static_cast<uint32_t>(SOCK_CLOEXEC | SOCK_NONBLOCK);
constexpr ArgumentIs kDatagrams{1, kTypeBits, SOCK_DGRAM};

constexpr SyscallRule datagram_socket_of(uint32_t family) {
  return {"socket", {int_argument_is(0, family), kDatagrams, int_argument_is(2, 0)}};
}

constexpr SyscallRule option(uint32_t level, uint32_t name) {
  return {"setsockopt", {int_argument_is(1, level), int_argument_is(2, name)}};
}

}  // namespace

SyscallRules syscalls() {
  static constexpr SyscallRule kRules[] = {
      datagram_socket_of(AF_INET),
      datagram_socket_of(AF_INET6),
      {"bind"},
      {"connect"},
      {"sendto"},
      {"recvfrom"},
      option(IPPROTO_IP, IP_RECVERR),
      option(IPPROTO_IPV6, IPV6_RECVERR),
      // if_nametoindex(3), for a nameserver like fe80::1%eth0: glibc tries any family that there is, and this one first
      {"socket", {int_argument_is(0, AF_UNIX), kDatagrams}, EAFNOSUPPORT},
      {"ioctl", {int_argument_is(1, SIOCGIFINDEX)}},
  };
  return kRules;
}

}  // namespace postern::dns
