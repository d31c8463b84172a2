#include "ring.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace postern::flow {
namespace {

TEST(Ring, FirstInIsFirstOut) {
  Ring<int> ring;
  for (int i = 0; i < 10; ++i) ring.push_back(i);
  EXPECT_EQ(ring.size(), 10u);
  EXPECT_EQ(ring.front(), 0);
  EXPECT_EQ(ring.back(), 9);
  EXPECT_EQ(ring[3], 3);
  ring.pop_front();
  ring.pop_back();
  EXPECT_EQ(ring.front(), 1);
  EXPECT_EQ(ring.back(), 8);
  ring.clear();
  EXPECT_TRUE(ring.empty());
}

TEST(Ring, KeepsItsMemoryUntilItIsTrimmed) {
  Ring<int> ring;
  EXPECT_EQ(ring.capacity(), 0u);
  for (int i = 0; i < 100; ++i) ring.push_back(i);
  EXPECT_EQ(ring.capacity(), 128u);
  for (int i = 0; i < 95; ++i) ring.pop_front();
  EXPECT_EQ(ring.capacity(), 128u);
  ring.trim();
  EXPECT_EQ(ring.capacity(), 8u);
  EXPECT_EQ(ring.front(), 95);
  EXPECT_EQ(ring.back(), 99);
  ring.clear();
  ring.trim();
  EXPECT_EQ(ring.capacity(), 0u);
  ring.push_back(7);
  EXPECT_EQ(ring.front(), 7);
}

TEST(Ring, WhatIsPoppedIsLetGo) {
  const auto watched = std::make_shared<int>(1);
  Ring<std::shared_ptr<int>> ring;
  for (int i = 0; i < 3; ++i) ring.push_back(watched);
  ring.pop_front();
  ring.pop_back();
  EXPECT_EQ(watched.use_count(), 2);
  ring.clear();
  EXPECT_EQ(watched.use_count(), 1);
}

TEST(Ring, AgreesWithADequeOverAnyHistory) {
  std::mt19937 random(17);
  Ring<int> ring;
  std::deque<int> expected;
  for (int step = 0; step < 50'000; ++step) {
    const auto dice = random() % 16;
    if (dice < (step / 1'000 % 2 == 0 ? 9u : 6u)) {
      ring.push_back(step);
      expected.push_back(step);
    } else if (dice == 15) {
      ring.trim();
    } else if (!expected.empty()) {
      dice % 2 == 0 ? ring.pop_front() : ring.pop_back();
      dice % 2 == 0 ? expected.pop_front() : expected.pop_back();
    }
    ASSERT_EQ(ring.size(), expected.size());
    if (expected.empty()) continue;
    ASSERT_EQ(ring.front(), expected.front());
    ASSERT_EQ(ring.back(), expected.back());
    const auto any = static_cast<uint32_t>(random() % expected.size());
    ASSERT_EQ(ring[any], expected[any]);
  }
}

}  // namespace
}  // namespace postern::flow
