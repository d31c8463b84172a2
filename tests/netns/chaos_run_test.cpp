// chaos_run_test.cpp - the fast engine and a real kernel, with a bad wire between them (tests/support/chaos_run_main.cpp): what
// arrives is what was sent.
//
//   POSTERN_CHAOS_SEEDS=100 POSTERN_CHAOS_FIRST_SEED=1 lab_chaos_run
#include <fmt/format.h>

#include <cstdlib>
#include <regex>

#include "postern_test.h"

namespace postern::lab {
namespace {

using namespace std::chrono_literals;

constexpr size_t kFileBytes = 4 << 20;
constexpr unsigned kPages = 10;

/// Both families at once: a file down, a file up, and short connections. A congestion control that takes the wire's delays for a
/// narrow path (BBR) would need minutes: so Reno, which every kernel has.
constexpr std::string_view kTraffic = R"(
echo reno > /proc/sys/net/ipv4/tcp_congestion_control
fetch="curl -gsSf --max-time 60 --no-progress-meter"
for to in $LAB_REMOTE4 [$LAB_REMOTE6]; do
  $fetch http://$to/file | sha256sum &
  $fetch -T $LAB_WWW/file http://$to/upload/$to &
  $fetch --parallel --parallel-immediate -H 'Connection: close' $(yes http://$to/ | head -n {pages}) | sort | uniq -c &
done
wait)";

uint64_t number_from(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// The sum of the numbers that stand before `what`.
uint64_t counted(const std::string& tallies, const std::string& what) {
  const std::regex number("([0-9]+) " + what);
  uint64_t sum = 0;
  for (std::sregex_iterator each(tallies.begin(), tallies.end(), number), end; each != end; ++each)
    sum += std::stoull((*each)[1]);
  return sum;
}

class ChaosRun : public PosternTest, public testing::WithParamInterface<const char*> {
 protected:
  std::vector<Server> servers() const override { return {Server::http}; }

  void expect_whole(uint64_t seed, const std::string& right) {
    const std::string traffic = fmt::format(kTraffic, fmt::arg("pages", kPages));
    const std::string run = "postern-chaos-run --seed $1 $2 -- sh -c \"$3\" > $TMPDIR/out; status=$?";
    const Outcome carried = host().run(
        {.argv = {"sh", "-c", run + "; LC_ALL=C sort $TMPDIR/out; exit $status", "sh", std::to_string(seed), GetParam(), traffic},
         .role = role(),
         .limit = 100s});
    EXPECT_THAT(carried, Succeeds());
    const std::string page = fmt::format("{:7} {}", kPages, kPageText);
    EXPECT_EQ(carried.out, page + page + right + right) << carried.err;
    EXPECT_EQ(host().sh("for each in $LAB_WWW/upload/*; do sha256sum < \"$each\"; rm \"$each\"; done").out, right + right)
        << carried.err;
    for (const char* what : {"dropped", "duplicated", "reordered", "delayed"}) EXPECT_GT(counted(carried.err, what), 0U) << what;
    if (seeds_ > 1) std::printf("seed %lu:\n%s", seed, carried.err.c_str());
  }

  const uint64_t first_ = number_from("POSTERN_CHAOS_FIRST_SEED", 1), seeds_ = number_from("POSTERN_CHAOS_SEEDS", 1);
};

TEST_P(ChaosRun, WhatArrivesIsWhatWasSentInBothDirectionsOverBothFamilies) {
  ASSERT_TRUE(make_web_file(remote(), "file", kFileBytes));
  ASSERT_THAT(host().sh("chmod 755 $LAB_WWW"), Succeeds());
  const std::string right = host().sh("sha256sum < $LAB_WWW/file").out;
  for (uint64_t seed = first_; seed < first_ + seeds_; ++seed) {
    SCOPED_TRACE(fmt::format("again with POSTERN_CHAOS_FIRST_SEED={} POSTERN_CHAOS_SEEDS=1", seed));
    expect_whole(seed, right);
  }
}

INSTANTIATE_TEST_SUITE_P(With, ChaosRun, testing::Values("", "--bare"),
                         [](const auto& framing) { return std::string(*framing.param ? "BareFrames" : "VnetHeaders"); });

}  // namespace
}  // namespace postern::lab
