#include "errand.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace postern::inspect {
namespace {

using Ending = Errand::Ending;

bool have_no_child() { return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD; }

TEST(Errand, BringsWhatItWrote) {
  const auto errand = run_errand({}, [](const UniqueFd& memory) { return write_all(memory, "all") ? 0 : 1; });
  ASSERT_TRUE(errand);
  EXPECT_EQ(errand->ending, Ending::done);
  EXPECT_EQ(errand->brought, "all");
}

TEST(Errand, OneThatDiesBringsWhatItHadWrittenUntilThen) {
  const auto errand = run_errand({}, [](const UniqueFd& memory) {
    (void)write_all(memory, "half");
    ::_exit(3);
    return 0;
  });
  ASSERT_TRUE(errand);
  EXPECT_EQ(errand->ending, Ending::died);
  EXPECT_EQ(errand->brought, "half");
}

TEST(Errand, OneThatWasStoppedIsEnded) {
  const auto errand = run_errand({.time = std::chrono::milliseconds(0)}, [](const UniqueFd&) { return ::raise(SIGSTOP); });
  ASSERT_TRUE(errand);
  EXPECT_EQ(errand->ending, Ending::late);
  EXPECT_TRUE(have_no_child());
}

TEST(Patience, GivesEachAQuarterOfWhatIsLeftAndNeverMoreThanOneMayTake) {
  EXPECT_EQ(Patience(std::chrono::hours(1)).next().time, Limits{}.time);
  EXPECT_LE(Patience(std::chrono::seconds(4)).next().time, std::chrono::seconds(1));
  EXPECT_GT(Patience(std::chrono::hours(1)).next().time, std::chrono::seconds(1));
  EXPECT_LE(Patience(std::chrono::seconds(0)).next().time.count(), 0);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // whose shadows are larger than any limit
TEST(Errand, TakesNoMoreMemoryThanItMay) {
  constexpr size_t kMebibyte = size_t{1} << 20;
  const auto takes = [](const UniqueFd& memory) {
    const std::string large(64 * kMebibyte, 'x');
    return write_all(memory, large.substr(0, 1)) ? 0 : 1;
  };
  const auto of = [&](size_t bytes) { return run_errand({.memory_bytes = bytes}, takes)->ending; };
  EXPECT_EQ(of(128 * kMebibyte), Ending::done);
  EXPECT_EQ(of(32 * kMebibyte), Ending::died);
}
#endif

TEST(Errand, OneThatMayHangHoldsNobodysPipe) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const auto errand = run_errand({}, [&](const UniqueFd& memory) {
    close_all_but(memory);
    const bool closed = ::write(ends[1], "x", 1) < 0 && ::write(STDERR_FILENO, "x", 1) < 0;
    return write_all(memory, closed ? "closed" : "open") ? 0 : 1;
  });
  ASSERT_TRUE(errand);
  EXPECT_EQ(errand->brought, "closed");
}

}  // namespace
}  // namespace postern::inspect
