#include "postern/base/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace postern {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFd, ClosesWhatItOwnsOnce) {
  int number = -1;
  {
    UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    number = fd.get();
    UniqueFd moved = std::move(fd);
    EXPECT_EQ(fd.get(), -1);  // NOLINT(bugprone-use-after-move): that is the claim
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(UniqueFd, AssignmentClosesTheOldOne) {
  UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int old_number = fd.get();
  fd = UniqueFd();
  EXPECT_FALSE(is_open(old_number));
}

}  // namespace
}  // namespace postern
