#include "flow_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <unordered_map>

namespace postern::flow {
namespace {

constexpr std::array<uint64_t, 2> kSecret{5, 7};

FlowKey numbered(uint32_t number) {
  return {Ipv4::of(10, 0, 2, 100), Port{static_cast<uint16_t>(number)}, Ipv4{0xc0000200 + (number >> 16)}, Port{443}};
}

/// A table of flows whose keys are numbered(index).
class FlowTableTest : public testing::Test {
 protected:
  std::optional<uint32_t> find(uint32_t number) {
    return table_.find(numbered(number), [&](uint32_t index) {
      ++asked_;
      return numbered(index);
    });
  }
  void insert(uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to; ++i) table_.insert(numbered(i), i);
  }
  void erase(uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to; ++i) ASSERT_TRUE(table_.erase(numbered(i), i));
  }

  FlowTable table_{kSecret};
  int asked_ = 0;
};

TEST_F(FlowTableTest, TakesNoMemoryBeforeItsFirstFlow) {
  EXPECT_EQ(find(1), std::nullopt);
  EXPECT_FALSE(table_.erase(numbered(1), 1));
  EXPECT_EQ(table_.slots(), 0u);
}

TEST_F(FlowTableTest, FindsWhatWasInsertedUntilItIsErased) {
  table_.insert(numbered(1), 1);
  EXPECT_EQ(find(1), 1u);
  EXPECT_EQ(find(2), std::nullopt);
  EXPECT_TRUE(table_.erase(numbered(1), 1));
  EXPECT_EQ(find(1), std::nullopt);
  EXPECT_FALSE(table_.erase(numbered(1), 1));
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(FlowTableTest, AKeyAloneOrAnIndexAloneErasesNothing) {
  insert(1, 3);
  EXPECT_FALSE(table_.erase(numbered(1), 2));
  EXPECT_FALSE(table_.erase(numbered(3), 1));
  EXPECT_EQ(table_.size(), 2u);
}

TEST_F(FlowTableTest, IsAtMostHalfFull) {
  for (uint32_t i = 0; i < 10'000; ++i) {
    table_.insert(numbered(i), i);
    ASSERT_LE(2 * table_.size(), table_.slots());
  }
  EXPECT_EQ(table_.slots(), 32'768u);
  for (uint32_t i = 0; i < 10'000; ++i) ASSERT_EQ(find(i), i);
}

TEST_F(FlowTableTest, AsksForHardlyAnyKeyButTheRightOne) {
  insert(0, 10'000);
  for (uint32_t i = 0; i < 10'000; ++i) find(i);
  EXPECT_LE(asked_, 10'002);
  for (uint32_t i = 10'000; i < 20'000; ++i) ASSERT_EQ(find(i), std::nullopt);
  EXPECT_LE(asked_, 10'004);
}

TEST_F(FlowTableTest, GivesItsMemoryBackAfterABurst) {
  insert(0, 10'000);
  erase(10, 10'000);
  EXPECT_EQ(table_.slots(), 64u);
  for (uint32_t i = 0; i < 10; ++i) EXPECT_EQ(find(i), i);
}

TEST_F(FlowTableTest, DoesNotSwayBetweenTwoSizes) {
  insert(0, 65);
  erase(32, 65);
  const size_t slots = table_.slots();
  for (int i = 0; i < 3; ++i) {
    insert(32, 34);
    erase(32, 34);
    EXPECT_EQ(table_.slots(), slots);
  }
}

struct KeyHash {
  size_t operator()(const FlowKey& key) const { return hash(key, {1, 1}); }
};

TEST_F(FlowTableTest, AgreesWithAnUnorderedMapOverAnyHistory) {
  std::mt19937 random(793);
  std::unordered_map<FlowKey, uint32_t, KeyHash> expected;
  for (int step = 0; step < 200'000; ++step) {
    // Thousands and a few by turns: it grows, runs crowded, shrinks, and is emptied.
    const uint32_t numbers = step / 40'000 % 2 == 0 ? 6'000 : 200;
    const uint32_t number = static_cast<uint32_t>(random()) % numbers;
    const FlowKey key = numbered(number);
    ASSERT_EQ(find(number).has_value(), expected.contains(key));
    if (random() % 2 == 0) {
      if (expected.emplace(key, number).second) table_.insert(key, number);
    } else {
      ASSERT_EQ(table_.erase(key, number), expected.erase(key) == 1);
    }
    if (numbers == 200 && !expected.empty()) {
      const auto [victim, index] = *expected.begin();
      ASSERT_TRUE(table_.erase(victim, index));
      expected.erase(victim);
    }
    ASSERT_EQ(table_.size(), expected.size());
  }
  for (uint32_t number = 0; number < 6'000; ++number) {
    ASSERT_EQ(find(number).has_value(), expected.contains(numbered(number)));
  }
}

}  // namespace
}  // namespace postern::flow
