// fair_share_test.cpp - how much one connection may have carried before others have their turn.
#include "fair_share.h"

#include <gtest/gtest.h>

namespace postern::flow {
namespace {

using namespace std::chrono_literals;
constexpr size_t kMiB = size_t{1} << 20;

class FairShareTest : public testing::Test {
 protected:
  FairShareTest() { begin_round(); }
  void begin_round() {
    now_ += FairShare::kRound;
    share_.set_now(now_);
  }
  /// All that others have carried in this round.
  void others_carry(size_t bytes) {
    FairShare::Taken others;
    share_.charge(others, bytes);
  }
  /// How much is carried for one of `contenders` until its share is spent.
  size_t share(size_t contenders) {
    FairShare::Taken taken;
    size_t bytes = 0;
    for (; !share_.is_spent(taken, contenders); bytes += kStep) share_.charge(taken, kStep);
    return bytes;
  }

  static constexpr size_t kStep = 64 * 1024;
  FairShare share_;
  TimePoint now_{};
};

TEST_F(FairShareTest, WithoutARoundBeforeItIsTheLeast) { EXPECT_EQ(share(2), FairShare::kLeastBytes); }

TEST_F(FairShareTest, IsWhatTheLastRoundCarriedOverThoseWhoWant) {
  others_carry(64 * kMiB);
  begin_round();
  EXPECT_EQ(share(8), 8 * kMiB);
  EXPECT_EQ(share(64), kMiB);
}

TEST_F(FairShareTest, HasTwoLimits) {
  others_carry(64 * kMiB);
  begin_round();
  EXPECT_EQ(share(1), FairShare::kMostBytes);
  EXPECT_EQ(share(100'000), FairShare::kLeastBytes);
}

TEST_F(FairShareTest, ARoundInWhichNothingWasCarriedIsNoMeasure) {
  others_carry(64 * kMiB);
  now_ += FairShare::kRound;
  begin_round();
  EXPECT_EQ(share(8), FairShare::kLeastBytes);
}

TEST_F(FairShareTest, ARoundLastsWhileItLasts) {
  others_carry(64 * kMiB);
  now_ += FairShare::kRound - 1ms;
  share_.set_now(now_);
  EXPECT_EQ(share(8), FairShare::kLeastBytes);
  now_ += 1ms;
  share_.set_now(now_);
  EXPECT_GT(share(8), FairShare::kLeastBytes);
}

TEST_F(FairShareTest, WhatWasTakenIsForgottenWithTheRound) {
  FairShare::Taken taken;
  share_.charge(taken, FairShare::kMostBytes);
  EXPECT_TRUE(share_.is_spent(taken, 2));
  begin_round();
  EXPECT_FALSE(share_.is_spent(taken, 2));
  share_.charge(taken, 1);
  EXPECT_FALSE(share_.is_spent(taken, 2));
}

TEST_F(FairShareTest, MoreThanCanBeCountedIsMoreThanAShare) {
  FairShare::Taken taken;
  share_.charge(taken, size_t{5} << 30);
  share_.charge(taken, 1);
  EXPECT_TRUE(share_.is_spent(taken, 1));
}

}  // namespace
}  // namespace postern::flow
