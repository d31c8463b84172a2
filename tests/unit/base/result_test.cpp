#include "postern/base/result.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace postern {
namespace {

Result<int> open_thing() {
  errno = EPERM;
  return fail_errno("TUNSETIFF", "tap0");
}

Status use_thing() {
  POSTERN_TRY(thing, open_thing(), "open tap");
  return thing == 0 ? Status() : fail("thing is not zero");
}

TEST(Result, TheMessageNamesEveryStepAndTheErrno) {
  EXPECT_EQ(use_thing().error().message(), "open tap: TUNSETIFF tap0: Operation not permitted (EPERM)");
  EXPECT_TRUE(use_thing().error().is(std::errc::operation_not_permitted));
}

TEST(Result, AFailureOfOurOwnNeedsNoErrno) {
  EXPECT_EQ(Status(fail("port 0 is not a port")).error().message(), "port 0 is not a port");
}

}  // namespace
}  // namespace postern
