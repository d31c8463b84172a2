// filter.h - the rooms' lists of system calls as one program of the kernel's classic BPF, seccomp(2).
//
//   other architecture, x32           kill
//   above what the build knew         ENOSYS: a newer libc tries a newer call, and takes the older one
//   in a list, arguments as it says   allow
//   anything else                     kill
#pragma once

#include <linux/filter.h>

#include <span>
#include <vector>

#include "postern/base/result.h"
#include "postern/base/syscall_rule.h"

namespace postern::sandbox {

using Program = std::vector<sock_filter>;

/// For the architecture that we are built for. Errors: libseccomp's, which would be bugs, and ENOMEM.
Result<Program> compile(std::span<const SyscallRules> lists);

/// For good, for this thread and what it starts. no_new_privs must be set. Errors: ENOSYS, EINVAL (a kernel without seccomp).
Status install(const Program& program);

/// The number of the newest system call that the build's headers know; later ones have the same number everywhere.
unsigned newest_syscall();

}  // namespace postern::sandbox
