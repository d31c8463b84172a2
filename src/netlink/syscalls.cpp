// syscalls.cpp - for AddressMonitor, on the socket that it was given: none is made any more.
#include "postern/netlink/syscalls.h"

namespace postern::netlink {

SyscallRules syscalls() {
  static constexpr SyscallRule kRules[] = {{"sendto"}, {"recvfrom"}, {"close"}};
  return kRules;
}

}  // namespace postern::netlink
