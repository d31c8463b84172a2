#include "postern/process/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace postern::process {
namespace {

bool has_ended(pid_t pid) { return ::kill(pid, 0) < 0; }

TEST(Child, ItsReturnValueIsItsExitStatus) {
  auto child = Child::fork(0, [] { return 7; });
  ASSERT_TRUE(child);
  const auto status = child->wait();
  EXPECT_EQ(status->as_shell(), 7);
  EXPECT_FALSE(status->success());
}

TEST(Child, ASignalIs128AndItsNumber) {
  auto child = Child::fork(0, [] {
    ::pause();
    return 0;
  });
  ASSERT_TRUE(child->signal(SIGTERM));
  EXPECT_EQ(child->wait()->as_shell(), 128 + SIGTERM);
}

TEST(Child, IsKilledAndReapedWithItsOwner) {
  pid_t pid = 0;
  {
    auto child = Child::fork(0, [] {
      ::pause();
      return 0;
    });
    pid = child->pid();
    EXPECT_FALSE(has_ended(pid));
  }
  EXPECT_TRUE(has_ended(pid));
}

TEST(Child, ItsPidfdIsReadableOnceItHasEnded) {
  auto child = Child::fork(0, [] { return 0; });
  pollfd ended{child->pidfd(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 5000), 1);
}

TEST(Child, IsWaitedForNoLongerThanItMayTake) {
  auto child = Child::fork(0, [] {
    ::pause();
    return 0;
  });
  const auto running = child->wait_at_most(std::chrono::milliseconds(0));
  ASSERT_TRUE(running);
  EXPECT_FALSE(*running);
  ASSERT_TRUE(child->signal(SIGKILL));
  const auto ended = child->wait_at_most(std::chrono::minutes(1));
  ASSERT_TRUE(ended && *ended);
  EXPECT_EQ((*ended)->as_shell(), 128 + SIGKILL);
  EXPECT_FALSE(*child);
}

TEST(Child, OneThatIsAbandonedIsKilledAndNotWaitedFor) {
  auto child = Child::fork(0, [] {
    ::pause();
    return 0;
  });
  const pid_t pid = child->pid();
  child->abandon();
  EXPECT_FALSE(*child);
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);  // left to whoever wants it
  EXPECT_TRUE(WIFSIGNALED(status));
}

TEST(Child, DiesWithAParentThatIsKilled) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  auto parent = Child::fork(0, [&] {
    auto grandchild = Child::fork(0, [&] {
      ::close(ends[0]);
      ::pause();
      return 0;
    });
    ::close(ends[1]);
    ::pause();
    return 0;
  });
  ::close(ends[1]);
  ASSERT_TRUE(parent->signal(SIGKILL));
  ASSERT_TRUE(parent->wait());
  pollfd all_writers_gone{ends[0], POLLIN, 0};
  EXPECT_EQ(::poll(&all_writers_gone, 1, 5000), 1) << "the grandchild still holds the pipe";
  ::close(ends[0]);
}

TEST(RunProgram, GivesTheProgramsStatus) {
  EXPECT_EQ(run_program({"sh", "-c", "exit 3"})->as_shell(), 3);
  EXPECT_EQ(run_program({"no-such-program-anywhere"})->as_shell(), 127);
}

}  // namespace
}  // namespace postern::process
