#include "postern/process/inheritance.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "postern/process/child.h"

namespace postern::process {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(Inheritance, LetsGoOfWhatWasOpenAtTheStartAndOfNothingElse) {
  const int handed_over = ::open("/dev/null", O_RDONLY);
  const int kept = ::open("/dev/null", O_RDONLY);
  auto child = Child::fork(0, [&] {  // for standard input and output go too
    const Inheritance inheritance = Inheritance::take();
    const int ours = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    inheritance.let_go({kept});
    return is_open(handed_over) ? 1 : is_open(kept) && is_open(ours) && is_open(STDERR_FILENO) ? 0 : 2;
  });
  EXPECT_EQ(child->wait()->as_shell(), 0);
}

TEST(Inheritance, GivesTheSignalMaskBack) {
  const Inheritance inheritance = Inheritance::take();
  sigset_t all, now;
  sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
  inheritance.restore_signal_mask();
  ::sigprocmask(SIG_SETMASK, nullptr, &now);
  EXPECT_FALSE(sigismember(&now, SIGTERM));
}

}  // namespace
}  // namespace postern::process
