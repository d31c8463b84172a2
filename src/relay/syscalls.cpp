// syscalls.cpp - the TAP's frames, the TAP's end, and the look at what we are attached to.
#include "postern/relay/syscalls.h"

#include <linux/if_tun.h>
#include <sys/ioctl.h>

namespace postern::relay {

SyscallRules syscalls() {
  static constexpr SyscallRule kRules[] = {
      {"read"},
      {"writev"},
      {"ioctl", {int_argument_is(1, TUNSETPERSIST)}},  // Relay::abandon_tap
      {"newfstatat"},
      {"readlinkat"},                                  // TargetWatch
      {"ioctl", {int_argument_is(1, TUNSETOFFLOAD)}},  // TapPort::close
  };
  return kRules;
}

}  // namespace postern::relay
