#include "sequence.h"

#include <gtest/gtest.h>

#include <vector>

namespace postern::flow {
namespace {

// Around both places where a number's reading as signed or unsigned changes.
const std::vector<Sequence> kOrigins = {{0}, {1}, {0xffff'ffff}, {0x7fff'ffff}, {0x8000'0000}, {12'345}};

TEST(Sequence, GoesRound) {
  EXPECT_EQ(Sequence{0xffff'ffff} + 1, Sequence{0});
  EXPECT_EQ(Sequence{0xffff'fff0} + size_t{0x20}, Sequence{0x10});
  EXPECT_EQ(Sequence{0x10} - 0x20u, Sequence{0xffff'fff0});
  EXPECT_EQ(Sequence{0} + -1, Sequence{0xffff'ffff});
  Sequence sequence{0xffff'ffff};
  sequence += uint16_t{3};
  EXPECT_EQ(sequence, Sequence{2});
}

TEST(Sequence, ADistanceHasASign) {
  for (const Sequence origin : kOrigins) {
    for (const int32_t distance : {0, 1, -1, 65'535, -65'535, INT32_MAX, -INT32_MAX}) {
      EXPECT_EQ((origin + distance) - origin, distance) << origin.number;
    }
  }
}

TEST(Sequence, BeforeAndAfterHoldAcrossTheEdge) {
  for (const Sequence a : kOrigins) {
    for (const int32_t distance : {1, 1'460, 1 << 30, INT32_MAX}) {
      const Sequence b = a + distance;
      EXPECT_TRUE(before(a, b) && at_or_before(a, b) && after(b, a) && at_or_after(b, a)) << a.number;
      EXPECT_FALSE(before(b, a) || at_or_before(b, a) || after(a, b) || at_or_after(a, b)) << a.number;
      EXPECT_EQ(earlier(a, b), a);
      EXPECT_EQ(earlier(b, a), a);
      EXPECT_EQ(later(a, b), b);
      EXPECT_EQ(later(b, a), b);
    }
    EXPECT_FALSE(before(a, a) || after(a, a));
    EXPECT_TRUE(at_or_before(a, a) && at_or_after(a, a));
  }
}

TEST(Sequence, AWindowHasItsFirstNumberButNotTheOneBehindItsLast) {
  for (const Sequence first : kOrigins) {
    for (const uint32_t bytes : {1u, 65'535u, 1u << 30}) {
      EXPECT_TRUE(is_within(first, first, bytes));
      EXPECT_TRUE(is_within(first + (bytes - 1), first, bytes));
      EXPECT_FALSE(is_within(first + bytes, first, bytes));
      EXPECT_FALSE(is_within(first - 1, first, bytes));
    }
    EXPECT_FALSE(is_within(first, first, 0));
  }
}

static_assert(before(Sequence{0xffff'ffff}, Sequence{0}), "constexpr");

}  // namespace
}  // namespace postern::flow
