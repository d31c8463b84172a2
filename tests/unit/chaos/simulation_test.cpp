// simulation_test.cpp - the fast engine on a line that drops, doubles, reorders, delays, cuts and falsifies: hundreds of ends of
// the world, each from a seed.
//
//   POSTERN_CHAOS_SEEDS=500 POSTERN_CHAOS_FIRST_SEED=1000 unit_chaos --gtest_filter='Simulation.*'
#include "simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace postern::chaos {
namespace {

constexpr uint64_t kSeedsOfTheGate = 12;

uint64_t number_from(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

TEST(Simulation, EveryStreamArrivesWholeOrIsResetAsPlannedAndNothingIsLeft) {
  const uint64_t first = number_from("POSTERN_CHAOS_FIRST_SEED", 1);
  const uint64_t seeds = number_from("POSTERN_CHAOS_SEEDS", kSeedsOfTheGate);
  uint64_t moved = 0, wrong = 0;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    Simulation simulation(seed);
    const std::string complaint = simulation.run();
    moved += simulation.moved_bytes();
    wrong += !complaint.empty();
    EXPECT_EQ(complaint, "") << "again with POSTERN_CHAOS_FIRST_SEED=" << seed << " POSTERN_CHAOS_SEEDS=1";
  }
  std::printf("%lu seeds, %lu of them wrong; %lu bytes carried\n", seeds, wrong, moved);
}

}  // namespace
}  // namespace postern::chaos
