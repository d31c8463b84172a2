// libc_syscalls.h - the system calls that belong to no room: what the C library makes for memory, files, exit and abort.
#pragma once

#include "postern/base/syscall_rule.h"

namespace postern {

/// Memory that cannot be executed, files that are only read, signals to ourselves when we abort. Of the calling process: it names
/// its own number.
SyscallRules libc_syscalls();

/// What the runtime of a sanitizer makes on top. For builds with POSTERN_SANITIZED only.
SyscallRules sanitizer_syscalls();

}  // namespace postern
