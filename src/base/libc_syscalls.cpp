#include "postern/base/libc_syscalls.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>

namespace postern {

namespace {

constexpr uint32_t kHere = static_cast<uint32_t>(AT_FDCWD);
constexpr uint32_t kHarmlessToOpen = O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_DIRECTORY | O_NOFOLLOW | 0100000 /* O_LARGEFILE */;
constexpr ArgumentIs kNotExecutable{2, PROT_EXEC, 0};
constexpr ArgumentIs kOnlyRead{2, UINT32_MAX & ~kHarmlessToOpen, O_RDONLY};

}  // namespace

SyscallRules libc_syscalls() {
  static const auto own = static_cast<uint32_t>(::getpid());
  static const SyscallRule rules[] = {
      // memory
      {"brk"},
      {"mmap", {kNotExecutable}},
      {"mprotect", {kNotExecutable}},
      {"mremap"},
      {"munmap"},
      {"madvise"},
      {"futex"},
      {"sysinfo"},  // qsort(3) asks how much memory there is
      // files: /etc/resolv.conf; never by a descriptor of a directory, which may be outside
      {"openat", {int_argument_is(0, kHere), kOnlyRead}},
      {"close"},
      {"read"},
      {"pread64"},
      {"lseek"},
      {"fstat"},
      {"newfstatat"},
      {"statx"},
      {"readlink"},
      {"readlinkat"},
      {"getdents64"},
      {"write"},
      {"writev"},
      {"fcntl", {int_argument_is(1, F_GETFL)}},
      {"fcntl", {int_argument_is(1, F_SETFL)}},
      {"fcntl", {int_argument_is(1, F_GETFD)}},
      {"fcntl", {int_argument_is(1, F_SETFD)}},
      // time, chance, who we are
      {"clock_gettime"},
      {"clock_nanosleep"},
      {"gettimeofday"},
      {"time"},
      {"getrandom"},
      {"getpid"},
      {"gettid"},
      {"getuid"},
      {"geteuid"},
      {"getgid"},
      {"getegid"},
      // signals, the end
      {"rt_sigaction"},
      {"rt_sigprocmask"},
      {"rt_sigreturn"},
      {"restart_syscall"},
      {"tgkill", {int_argument_is(0, own)}},  // abort(3), raise(3)
      {"exit"},
      {"exit_group"},
  };
  return rules;
}

SyscallRules sanitizer_syscalls() {
  static constexpr SyscallRule kRules[] = {{"sched_yield"}, {"sigaltstack"}, {"prlimit64"}, {"getrlimit"}, {"mprotect"}};
  return kRules;
}

}  // namespace postern
