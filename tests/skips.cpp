// skips.cpp - who may skip. A test that cannot run says GTEST_SKIP() << "missing: <feature>", for a person to read, and ctest
// counts it as skipped. Under POSTERN_REQUIRE_ALL=1 nobody skips but for a feature that stands in absent-here.txt: a suite that
// skips itself empty would be green too. Linked into every test program.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace postern {
namespace {

/// The feature of "missing: netem (tc-netem(8))": what stands between the colon and the end of the line or a bracket.
std::string_view missing_feature(std::string_view reason) {
  constexpr std::string_view kMark = "missing: ";
  const size_t mark = reason.find(kMark);
  if (mark == std::string_view::npos) return {};
  reason.remove_prefix(mark + kMark.size());
  reason = reason.substr(0, reason.find_first_of("(\n"));
  return reason.substr(0, reason.find_last_not_of(' ') + 1);
}

bool may_skip(std::string_view reason) {
  const char* require_all = std::getenv("POSTERN_REQUIRE_ALL");
  if (require_all == nullptr || std::string_view(require_all) != "1") return true;
  static const std::vector<std::string> absent = {POSTERN_ABSENT_HERE};
  return std::find(absent.begin(), absent.end(), missing_feature(reason)) != absent.end();
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
