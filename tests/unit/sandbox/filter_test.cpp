// The program as data, over tables of calls; then real children that are held to it.
#include "filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "bpf_machine.h"

namespace postern::sandbox {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kOurs = AUDIT_ARCH_X86_64;
constexpr uint32_t kForeign[] = {AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, 0, UINT32_MAX};
#else
constexpr uint32_t kOurs = AUDIT_ARCH_AARCH64;
constexpr uint32_t kForeign[] = {AUDIT_ARCH_I386, AUDIT_ARCH_X86_64, AUDIT_ARCH_ARM, 0, UINT32_MAX};
#endif
constexpr uint32_t kKill = SECCOMP_RET_KILL_PROCESS, kAllow = SECCOMP_RET_ALLOW, kUnknown = SECCOMP_RET_ERRNO | ENOSYS;

constexpr SyscallRule kFirst[] = {
    {"read"},
    {"socket", {int_argument_is(0, AF_INET), ArgumentIs{1, 0xf, SOCK_STREAM}, int_argument_is(2, 0)}},
    {"socket", {int_argument_is(0, AF_INET6), ArgumentIs{1, 0xf, SOCK_DGRAM}}},
    {"mmap", {ArgumentIs{2, 4, 0}}},
};
constexpr SyscallRule kSecond[] = {
    {"exit_group"},
    {"read"},
    {"lseek", {ArgumentIs{1, UINT64_MAX, 0x1'0000'0002}}},
    {"no_such_call_anywhere"},
    {"kill", {int_argument_is(1, SIGSTOP)}},
    {"kill"},
    {"lseek", {ArgumentIs{1, UINT64_MAX, 77}}, EAFNOSUPPORT},
};
constexpr SyscallRules kLists[] = {kFirst, kSecond};

class Filter : public testing::Test {
 protected:
  void SetUp() override {
    auto compiled = compile(kLists);
    ASSERT_TRUE(compiled) << compiled.error().message();
    program_ = std::move(*compiled);
  }
  uint32_t verdict(long number, std::initializer_list<uint64_t> arguments = {}, uint32_t architecture = kOurs) const {
    seccomp_data data{};
    data.nr = static_cast<int>(number);
    data.arch = architecture;
    std::copy(arguments.begin(), arguments.end(), data.args);
    const auto action = run_filter(program_, data);
    EXPECT_TRUE(action) << "call " << number << ": the program is not well formed";
    return action.value_or(kKill);
  }
  Program program_;
};

TEST_F(Filter, AllowsWhatAnyListNames) {
  EXPECT_EQ(verdict(SYS_read, {7, 8, 9}), kAllow);
  EXPECT_EQ(verdict(SYS_exit_group), kAllow);
}

TEST_F(Filter, KillsForEveryKnownCallThatNoListNames) {
  int allowed = 0;
  for (unsigned number = 0; number <= newest_syscall(); ++number) {
    const uint32_t action = verdict(number);
    allowed += action == kAllow;
    EXPECT_TRUE(action == kAllow || action == kKill) << number;
  }
  EXPECT_EQ(allowed, 4) << "read, exit_group, mmap and kill, whose arguments are 0 here";
}

TEST_F(Filter, AnswersNotImplementedAboveWhatTheBuildKnew) {
  for (const unsigned number : {newest_syscall() + 1, newest_syscall() + 2, 600U, 0xffffU, 0x3fffffffU}) {
    EXPECT_EQ(verdict(number), kUnknown) << number;
  }
}

TEST_F(Filter, KillsInTheOtherTableOfTheSameArchitecture) {
  for (const uint32_t number : {0x40000000U, 0x40000000U + SYS_read, 0x40000000U + 512, 0x80000000U, UINT32_MAX}) {
    EXPECT_EQ(verdict(number), kKill) << std::hex << number;
  }
}

TEST_F(Filter, KillsOnAnyOtherArchitecture) {
  for (const uint32_t architecture : kForeign) {
    for (const long number : {0L, static_cast<long>(SYS_read), 3L, static_cast<long>(newest_syscall()) + 9}) {
      EXPECT_EQ(verdict(number, {}, architecture), kKill) << std::hex << architecture << " " << number;
    }
  }
}

TEST_F(Filter, LooksAtEveryConditionOfARule) {
  EXPECT_EQ(verdict(SYS_socket, {AF_INET, SOCK_STREAM, 0}), kAllow);
  EXPECT_EQ(verdict(SYS_socket, {AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0}), kAllow);
  EXPECT_EQ(verdict(SYS_socket, {AF_INET6, SOCK_DGRAM, 99}), kAllow) << "of another rule";
  EXPECT_EQ(verdict(SYS_socket, {AF_INET, SOCK_DGRAM, 0}), kKill) << "half of one rule, half of another";
  EXPECT_EQ(verdict(SYS_socket, {AF_INET, SOCK_STREAM, 132}), kKill);
  EXPECT_EQ(verdict(SYS_socket, {AF_INET, SOCK_RAW, 0}), kKill);
  for (const int family : {AF_UNIX, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG, AF_UNSPEC}) {
    EXPECT_EQ(verdict(SYS_socket, {static_cast<uint64_t>(family), SOCK_STREAM, 0}), kKill) << family;
  }
}

TEST_F(Filter, DoesNotLookAtTheUpperHalfOfAnInt) {
  EXPECT_EQ(verdict(SYS_socket, {0xdead'0000'0000'0000 | AF_INET, SOCK_STREAM, 0xffff'ffff'0000'0000}), kAllow);
}

TEST_F(Filter, LooksAtAllOfALongArgument) {
  EXPECT_EQ(verdict(SYS_lseek, {0, 0x1'0000'0002}), kAllow);
  EXPECT_EQ(verdict(SYS_lseek, {0, 0x2}), kKill);
  EXPECT_EQ(verdict(SYS_lseek, {0, 0x1'0000'0003}), kKill);
}

TEST_F(Filter, LooksAtTheBitsOfAMask) {
  EXPECT_EQ(verdict(SYS_mmap, {0, 4096, 3}), kAllow);
  EXPECT_EQ(verdict(SYS_mmap, {0, 4096, 7}), kKill);
}

TEST_F(Filter, ARuleWithoutConditionsIsWiderThanOneWith) {
  EXPECT_EQ(verdict(SYS_kill, {1, SIGSTOP}), kAllow);
  EXPECT_EQ(verdict(SYS_kill, {1, SIGKILL}), kAllow);
}

TEST_F(Filter, RefusesWithTheErrnoThatARuleNames) {
  EXPECT_EQ(verdict(SYS_lseek, {0, 77}), static_cast<uint32_t>(SECCOMP_RET_ERRNO | EAFNOSUPPORT));
}

TEST_F(Filter, FitsIntoTheKernel) { EXPECT_LT(program_.size(), static_cast<size_t>(BPF_MAXINSNS)); }

/// The signal that ended a child, which is held to `lists`; 0 if it came to its end, which is exit_group(0).
int signal_that_ends(std::span<const SyscallRules> lists, const std::function<void()>& act) {
  const auto program = compile(lists);
  if (!program) return -1;
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!install(*program)) ::_exit(1);
    act();
    ::syscall(SYS_exit_group, 0);  // not _exit(3): a sanitizer does more there
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status) == 0 ? 0 : -1;
}

TEST(FilteredChild, LivesWhileItKeepsToTheList) {
  EXPECT_EQ(signal_that_ends(kLists, [] { ::syscall(SYS_read, -1, nullptr, 0); }), 0);
}

TEST(FilteredChild, DiesOfACallThatIsNotListed) {
  EXPECT_EQ(signal_that_ends(kLists, [] { ::execl("/bin/true", "true", nullptr); }), SIGSYS);
  EXPECT_EQ(signal_that_ends(kLists, [] { ::open("/etc/passwd", O_RDONLY | O_CLOEXEC); }), SIGSYS);
  EXPECT_EQ(signal_that_ends(kLists, [] { ::socket(AF_NETLINK, SOCK_RAW, 0); }), SIGSYS);
}

TEST(FilteredChild, IsToldThatACallOfTomorrowDoesNotExist) {
  const auto call_tomorrows = [] {
    if (::syscall(static_cast<long>(newest_syscall()) + 40) != -1 || errno != ENOSYS) ::abort();
  };
  EXPECT_EQ(signal_that_ends(kLists, call_tomorrows), 0);
}

#if defined(__x86_64__)
TEST(FilteredChild, DiesOfAnI386Call) {
  const auto read_as_i386 = [] {
    long result = 3;  // read, on i386
    asm volatile("int $0x80" : "+a"(result) : "b"(-1), "c"(0), "d"(0) : "memory");
  };
  EXPECT_EQ(signal_that_ends(kLists, read_as_i386), SIGSYS);
}
#endif

}  // namespace
}  // namespace postern::sandbox
