#include "postern/loop/syscalls.h"

namespace postern::loop {

SyscallRules syscalls() {
  static constexpr SyscallRule kRules[] = {{"epoll_wait"}, {"epoll_pwait"}, {"epoll_ctl"}};  // glibc's choice, by architecture
  return kRules;
}

}  // namespace postern::loop
