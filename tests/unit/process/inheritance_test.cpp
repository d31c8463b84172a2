#include "postern/process/inheritance.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "postern/process/child.h"

namespace postern::process {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(Inheritance, LetsGoOfWhatWasOpenAtTheStartAndOfNothingElse) {
  const int handed_over = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int kept = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  auto child = Child::fork(0, [&] {  // for standard input and output go too
    const Inheritance inheritance = Inheritance::take();
    const int ours = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    inheritance.let_go({kept});
    return is_open(handed_over) ? 1 : is_open(kept) && is_open(ours) && is_open(STDERR_FILENO) ? 0 : 2;
  });
  EXPECT_EQ(child->wait()->as_shell(), 0);
}

TEST(ClosedStreams, AreTakenByWhatBehavesAsClosed) {
  auto child = Child::fork(0, [] {
    ::close(STDIN_FILENO);
    ::close(STDERR_FILENO);
    occupy_closed_streams();
    if (const int ours = ::open("/dev/null", O_RDONLY | O_CLOEXEC); ours <= STDERR_FILENO) return 1;
    for (const int fd : {STDIN_FILENO, STDERR_FILENO}) {
      pollfd asked{.fd = fd, .events = 0, .revents = 0};
      char byte = 0;
      if (::poll(&asked, 1, 0) != 1 || asked.revents != POLLNVAL) return 2;
      if (::read(fd, &byte, 1) != -1 || errno != EBADF || ::write(fd, &byte, 1) != -1 || errno != EBADF) return 3;
      if (::fcntl(fd, F_GETFD) != FD_CLOEXEC) return 4;
    }
    return ::fcntl(STDOUT_FILENO, F_GETFD) == 0 ? 0 : 5;
  });
  EXPECT_EQ(child->wait()->as_shell(), 0);
}

TEST(ClosedStreams, TakeNothingWhereNoneIs) {
  const int before = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  occupy_closed_streams();
  const int after = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(after, before + 1);
}

TEST(Inheritance, GivesTheSignalMaskBack) {
  const Inheritance inheritance = Inheritance::take();
  sigset_t all, now;
  sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
  inheritance.restore_signals();
  ::sigprocmask(SIG_SETMASK, nullptr, &now);
  EXPECT_FALSE(sigismember(&now, SIGTERM));
}

TEST(Inheritance, GivesBackWhatABrokenPipeDoes) {
  for (const auto callers : {SIG_DFL, SIG_IGN}) {
    std::signal(SIGPIPE, callers);
    const Inheritance inheritance = Inheritance::take();
    ignore_broken_pipes();
    EXPECT_EQ(std::signal(SIGPIPE, SIG_IGN), SIG_IGN);
    inheritance.restore_signals();
    EXPECT_EQ(std::signal(SIGPIPE, SIG_DFL), callers);
  }
}

}  // namespace
}  // namespace postern::process
