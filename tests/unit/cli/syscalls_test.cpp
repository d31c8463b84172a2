// The rooms' lists as they are put together: what a relay that has been taken over could still ask for.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <string>

#include "confinement.h"

namespace postern::cli {
namespace {

enum class Answer { killed, allowed, refused };

Answer answer_to(std::string_view name, std::initializer_list<uint64_t> arguments = {}) {
  Answer answer = Answer::killed;
  for (const SyscallRules& list : syscall_lists()) {
    for (const SyscallRule& rule : list) {
      if (rule.name != name) continue;
      bool holds = true;
      for (const ArgumentIs& condition : rule.conditions) {
        const uint64_t argument = condition.argument < arguments.size() ? arguments.begin()[condition.argument] : 0;
        holds &= (argument & condition.mask) == condition.value;
      }
      if (holds) answer = rule.refusal ? Answer::refused : Answer::allowed;
    }
  }
  return answer;
}

bool is_same(const SyscallRule& a, const SyscallRule& b) {
  const auto holds_alike = [](const ArgumentIs& one, const ArgumentIs& other) {
    return one.mask == other.mask && (one.mask == 0 || (one.argument == other.argument && one.value == other.value));
  };
  return a.name == b.name && a.refusal == b.refusal &&
         std::equal(a.conditions.begin(), a.conditions.end(), b.conditions.begin(), holds_alike);
}

TEST(Syscalls, OfARoomAddSomethingToThoseOfTheRoomsBelow) {
  std::vector<SyscallRule> known;
  for (const SyscallRules& list : syscall_lists()) {
    const auto is_known = [&](const SyscallRule& rule) {
      return std::any_of(known.begin(), known.end(), [&](const SyscallRule& other) { return is_same(rule, other); });
    };
    const bool adds_nothing = std::all_of(list.begin(), list.end(), is_known);
    EXPECT_FALSE(adds_nothing) << "the list that begins with " << list.front().name;
    known.insert(known.end(), list.begin(), list.end());
  }
}

constexpr uint64_t kHere = static_cast<uint32_t>(AT_FDCWD);

TEST(Syscalls, StartNoProgramAndReachIntoNoProcess) {
  for (const char* name : {"execve",
                           "execveat",
                           "fork",
                           "vfork",
                           "clone3",
                           "ptrace",
                           "process_vm_readv",
                           "process_vm_writev",
                           "pidfd_open",
                           "pidfd_getfd",
                           "kcmp",
                           "setns",
                           "unshare",
                           "prctl",
                           "seccomp",
                           "bpf",
                           "perf_event_open",
                           "userfaultfd",
                           "io_uring_setup",
                           "io_uring_enter",
                           "mount",
                           "umount2",
                           "pivot_root",
                           "chroot",
                           "move_mount",
                           "open_tree",
                           "open_by_handle_at",
                           "memfd_create",
                           "keyctl",
                           "add_key",
                           "init_module",
                           "kexec_load",
                           "reboot",
                           "setuid",
                           "setresuid",
                           "setgid",
                           "capset",
                           "tkill",
                           "rt_sigqueueinfo",
                           "prlimit64",
                           "setrlimit"}) {
#ifdef POSTERN_SANITIZED
    if (name == std::string("ptrace") || name == std::string("prctl") || name == std::string("prlimit64") ||
        name == std::string("process_vm_readv"))
      continue;
#endif
    EXPECT_EQ(answer_to(name), Answer::killed) << name;
  }
}

TEST(Syscalls, ChangeNoFile) {
  for (const char* name :
       {"open",     "openat2", "creat",     "unlink",   "unlinkat",  "rmdir",    "rename",   "renameat2", "link",
        "linkat",   "symlink", "symlinkat", "mkdir",    "mkdirat",   "mknod",    "mknodat",  "chmod",     "fchmod",
        "fchmodat", "chown",   "fchown",    "truncate", "ftruncate", "setxattr", "utimensat"}) {
    EXPECT_EQ(answer_to(name), Answer::killed) << name;
  }
#ifndef POSTERN_SANITIZED
  EXPECT_EQ(answer_to("openat", {kHere, 0, O_RDONLY | O_CLOEXEC}), Answer::allowed);
  for (const int flags : {O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC, O_PATH, O_TMPFILE}) {
    EXPECT_EQ(answer_to("openat", {kHere, 0, static_cast<uint64_t>(flags)}), Answer::killed) << std::oct << flags;
  }
  EXPECT_EQ(answer_to("openat", {5, 0, O_RDONLY}), Answer::killed) << "by a descriptor, which may be of a directory outside";
#endif
}

TEST(Syscalls, MakeOnlySocketsOfTheInternet) {
  for (const int family : {AF_INET, AF_INET6}) {
    const auto f = static_cast<uint64_t>(family);
    EXPECT_EQ(answer_to("socket", {f, SOCK_STREAM | SOCK_CLOEXEC, 0}), Answer::allowed);
    EXPECT_EQ(answer_to("socket", {f, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0}), Answer::allowed);
    EXPECT_EQ(answer_to("socket", {f, SOCK_STREAM, 132 /* SCTP */}), Answer::killed);
    EXPECT_EQ(answer_to("socket", {f, SOCK_STREAM, 262 /* MPTCP */}), Answer::killed);
    EXPECT_EQ(answer_to("socket", {f, SOCK_RAW, 6}), Answer::killed);
    EXPECT_EQ(answer_to("socket", {f, SOCK_RAW, 255}), Answer::killed);
  }
  for (const int family : {AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG, AF_KEY, AF_BLUETOOTH, AF_TIPC, AF_XDP, AF_CAN}) {
    EXPECT_EQ(answer_to("socket", {static_cast<uint64_t>(family), SOCK_RAW, 0}), Answer::killed) << family;
  }
  EXPECT_EQ(answer_to("socket", {AF_UNIX, SOCK_STREAM, 0}), Answer::killed);
  EXPECT_EQ(answer_to("socket", {AF_UNIX, SOCK_SEQPACKET, 0}), Answer::killed);
  EXPECT_EQ(answer_to("socket", {AF_UNIX, SOCK_DGRAM, 0}), Answer::refused) << "if_nametoindex(3) goes on with AF_INET";
  EXPECT_EQ(answer_to("socketpair", {AF_UNIX, SOCK_STREAM, 0}), Answer::killed);
}

#ifndef POSTERN_SANITIZED
TEST(Syscalls, HaveNoMemoryThatCanBeExecuted) {
  EXPECT_EQ(answer_to("mmap", {0, 4096, PROT_READ | PROT_WRITE}), Answer::allowed);
  EXPECT_EQ(answer_to("mmap", {0, 4096, PROT_READ | PROT_EXEC}), Answer::killed);
  EXPECT_EQ(answer_to("mprotect", {0, 4096, PROT_READ | PROT_EXEC}), Answer::killed);
}

TEST(Syscalls, ControlDevicesByNumber) {
  EXPECT_EQ(answer_to("ioctl", {3, TUNSETPERSIST}), Answer::allowed);
  for (const uint64_t number :
       {uint64_t{TUNSETIFF}, uint64_t{TIOCSTI}, uint64_t{TIOCSCTTY}, uint64_t{SIOCSIFFLAGS}, uint64_t{SIOCADDRT}}) {
    EXPECT_EQ(answer_to("ioctl", {3, number}), Answer::killed) << std::hex << number;
  }
}

TEST(Syscalls, SignalOnlyWhatWeHoldAndOurselves) {
  const auto own = static_cast<uint64_t>(::getpid());
  EXPECT_EQ(answer_to("kill", {own, SIGSTOP}), Answer::allowed);
  EXPECT_EQ(answer_to("kill", {own, SIGKILL}), Answer::killed);
  EXPECT_EQ(answer_to("kill", {own + 1, SIGSTOP}), Answer::killed);
  EXPECT_EQ(answer_to("kill", {static_cast<uint64_t>(-1), SIGSTOP}), Answer::killed);
  EXPECT_EQ(answer_to("tgkill", {own, own, SIGABRT}), Answer::allowed);
  EXPECT_EQ(answer_to("tgkill", {own + 1, own + 1, SIGABRT}), Answer::killed);
}
#endif

}  // namespace
}  // namespace postern::cli
