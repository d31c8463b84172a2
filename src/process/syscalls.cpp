// syscalls.cpp - to know and to end the children that we have, and to make none.
#include "postern/process/syscalls.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>

namespace postern::process {

SyscallRules syscalls() {
  static const auto own = static_cast<uint32_t>(::getpid());
  static const SyscallRule rules[] = {
      {"read"},  // signalfd
      {"pidfd_send_signal"},
      {"waitid"},
      {"sendmsg"},
      {"recvmsg"},
      {"kill", {int_argument_is(0, own), int_argument_is(1, SIGSTOP)}},  // as a shell expects of who was told SIGTSTP
      {"getpgrp"},
      {"getpgid"},
      {"ioctl", {int_argument_is(1, TIOCGPGRP)}},  // ForegroundGuard
      {"ioctl", {int_argument_is(1, TIOCSPGRP)}},
  };
  return rules;
}

}  // namespace postern::process
