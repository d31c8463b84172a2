// skips.cpp - the last word on skips, linked into every test program. Tests say what they miss through support/requirement.h,
// which proves it; this net catches a bare GTEST_SKIP() as well. Under POSTERN_REQUIRE_ALL=1 nobody skips but for a feature that
// stands in absent-here.txt: a suite that skips itself empty would be green too.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace postern {
namespace {

/// The reasons read "netem is absent: ..." or "tun is missing: ...": what stands before the " is ".
std::string_view feature_of(std::string_view reason) { return reason.substr(0, reason.find(" is ")); }

bool may_skip(std::string_view reason) {
  const char* require_all = std::getenv("POSTERN_REQUIRE_ALL");
  if (require_all == nullptr || std::string_view(require_all) != "1") return true;
  static const std::vector<std::string> absent = {POSTERN_ABSENT_HERE};
  return std::find(absent.begin(), absent.end(), feature_of(reason)) != absent.end();
}

std::string reason_of(const testing::TestResult& result) {
  std::string reason;
  for (int part = 0; part < result.total_part_count(); ++part) {
    if (result.GetTestPartResult(part).skipped()) reason += result.GetTestPartResult(part).message();
  }
  return reason;
}

class SkipJudge : public testing::EmptyTestEventListener {
  void OnTestEnd(const testing::TestInfo& test) override {
    if (!test.result()->Skipped()) return;
    const std::string reason = reason_of(*test.result());
    if (may_skip(reason)) {
      fmt::print("skip accepted: {}\n", reason);  // what ctest looks for, see CMakeLists.txt
    } else {
      ADD_FAILURE() << "skipped under POSTERN_REQUIRE_ALL=1, and not for a feature of tests/absent-here.txt: " << reason;
    }
  }
};

// Listeners may be added before InitGoogleTest(), so no test program needs a main of its own. GoogleTest owns it.
[[maybe_unused]] const bool kJudged = [] {
  testing::UnitTest::GetInstance()->listeners().Append(new SkipJudge);
  return true;
}();

}  // namespace
}  // namespace postern
