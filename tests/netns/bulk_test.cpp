// bulk_test.cpp - 1 GiB down and up: long enough for sequence numbers, windows and timers to show what 50 MB do not.
#include <fmt/format.h>

#include "postern_test.h"

namespace postern::lab {
namespace {

using namespace std::chrono_literals;

class Bulk : public PosternTest {
  std::vector<Server> servers() const override { return {Server::http}; }
};

TEST_F(Bulk, OneGibibyteArrivesWholeInBothDirections) {
  ASSERT_TRUE(make_web_file(remote(), "gib", 1 << 30));
  const char* both_ways =
      "curl -sS http://$LAB_REMOTE4/gib | sha256sum && curl -sSf -T $LAB_WWW/gib http://$LAB_REMOTE4/upload/gib";
  const Outcome carried = host().run({.argv = {"postern", "run", "--", "sh", "-c", both_ways}, .role = role(), .limit = 100s});
  ASSERT_THAT(carried, Succeeds());
  EXPECT_EQ(host().sh("sha256sum < $LAB_WWW/gib").out, carried.out);
  EXPECT_EQ(host().sh("sha256sum < $LAB_WWW/upload/gib").out, carried.out);
}

}  // namespace
}  // namespace postern::lab
