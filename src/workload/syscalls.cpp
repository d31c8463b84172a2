// syscalls.cpp - signals for the command go to its init; start and end are told on a channel and by a pidfd.
#include "postern/workload/syscalls.h"

namespace postern::workload {

SyscallRules syscalls() {
  static constexpr SyscallRule kRules[] = {{"pidfd_send_signal"}, {"sendmsg"}, {"recvmsg"}, {"waitid"}};
  return kRules;
}

}  // namespace postern::workload
