// syscalls.h - what this room asks of the kernel once the process is locked down.
#pragma once

#include "postern/base/syscall_rule.h"

namespace postern::forward {

SyscallRules syscalls();

}  // namespace postern::forward
