#include "timer_wheel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

namespace postern::flow {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Node = TimerWheel::Node;

constexpr TimePoint kStart{1'000h + 1'234'567ns};

class TimerWheelTest : public testing::Test {
 protected:
  std::vector<uint32_t> advance(Duration since_start) {
    std::vector<uint32_t> owners;
    wheel_.advance(kStart + since_start, [&](Node& node) {
      EXPECT_FALSE(node.armed());
      EXPECT_LE(node.deadline(), kStart + since_start);
      owners.push_back(node.owner);
    });
    return owners;
  }
  /// How often a loop that sleeps until next() wakes up before `node` expires, which must be at its deadline and not later.
  int wakes_until_expired(const Node& node) {
    int wakes = 0;
    TimePoint now = kStart;
    while (node.armed()) {
      EXPECT_GT(*wheel_.next(), now);
      now = *wheel_.next();
      EXPECT_LE(now, node.deadline());
      wheel_.advance(now, [](Node&) {});
      ++wakes;
    }
    EXPECT_EQ(now, node.deadline());
    return wakes;
  }
  std::unique_ptr<Node> armed(uint32_t owner, Duration since_start) {
    auto node = std::make_unique<Node>();
    node->owner = owner;
    wheel_.set(*node, kStart + since_start);
    return node;
  }

  TimerWheel wheel_{kStart};
};

TEST_F(TimerWheelTest, HasNothingToDoWithoutADeadline) {
  EXPECT_EQ(wheel_.next(), std::nullopt);
  EXPECT_THAT(advance(1h), IsEmpty());
  EXPECT_EQ(wheel_.next(), std::nullopt);
}

TEST_F(TimerWheelTest, ADeadlineExpiresOnItsNanosecondAndNotBefore) {
  for (const Duration wait : std::vector<Duration>{1ns, 1us, 3ms, 5ms, 200ms, 255ms, 257ms, 1s, 17s, 20min, 2h, 18h, 19h, 240h}) {
    SCOPED_TRACE(wait.count());
    TimerWheel wheel(kStart);
    Node node;
    wheel.set(node, kStart + wait);
    int expired = 0;
    wheel.advance(kStart + wait - 1ns, [&](Node&) { ++expired; });
    EXPECT_EQ(expired, 0);
    wheel.advance(kStart + wait, [&](Node&) { ++expired; });
    EXPECT_EQ(expired, 1);
    EXPECT_FALSE(node.armed());
    EXPECT_EQ(wheel.next(), std::nullopt);
  }
}

TEST_F(TimerWheelTest, AFarDeadlineWakesTheLoopAFewTimes) {
  const auto near = armed(1, 100ms), minutes = armed(2, 10min), keepalive = armed(3, 2h);
  EXPECT_LE(wakes_until_expired(*near), 2);
  wheel_.cancel(*minutes);
  EXPECT_LE(wakes_until_expired(*keepalive), 5);
}

TEST_F(TimerWheelTest, ADeadlineInThePastIsDueAtOnce) {
  const auto past = armed(1, -1h), now = armed(2, 0ns), before_the_clock = armed(3, 0ns);
  wheel_.set(*before_the_clock, TimePoint::min());
  EXPECT_LE(*wheel_.next(), kStart);
  EXPECT_THAT(advance(0ns), UnorderedElementsAre(1, 2, 3));
}

TEST_F(TimerWheelTest, ADeadlineBeyondTheHorizonWaitsForItsDay) {
  const auto node = armed(1, 24h * 400), never = armed(2, 0ns);
  wheel_.set(*never, TimePoint::max());
  EXPECT_THAT(advance(24h * 399), IsEmpty());
  EXPECT_THAT(advance(24h * 400), ElementsAre(1));
  EXPECT_TRUE(never->armed());
  EXPECT_GT(*wheel_.next(), kStart + 24h * 400);
}

TEST_F(TimerWheelTest, AJumpOfTheClockBringsAllThatIsDue) {
  const auto a = armed(1, 5ms), b = armed(2, 300ms), c = armed(3, 1min), d = armed(4, 5h), e = armed(5, 7h);
  EXPECT_THAT(advance(6h), UnorderedElementsAre(1, 2, 3, 4));
  EXPECT_THAT(advance(7h), ElementsAre(5));
}

TEST_F(TimerWheelTest, PutOffItExpiresAtTheLaterTime) {
  const auto node = armed(1, 200ms);
  for (int i = 1; i <= 100; ++i) {
    wheel_.set(*node, kStart + i * 10ms + 200ms);
    EXPECT_THAT(advance(i * 10ms), IsEmpty());
  }
  EXPECT_THAT(advance(1'200ms - 1ns), IsEmpty());
  EXPECT_THAT(advance(1'200ms), ElementsAre(1));
}

TEST_F(TimerWheelTest, BroughtForwardItExpiresAtTheEarlierTime) {
  const auto node = armed(1, 2h);
  for (const Duration sooner : std::vector<Duration>{1h + 59min, 1h, 1min, 1s, 10ms, 9ms, 1ms}) {
    wheel_.set(*node, kStart + sooner);
    EXPECT_LE(*wheel_.next(), kStart + sooner);
  }
  EXPECT_THAT(advance(1ms), ElementsAre(1));
}

TEST_F(TimerWheelTest, WithinOneTickEachHasItsOwnTime) {
  const auto a = armed(1, 10us), b = armed(2, 20us), c = armed(3, 30us);
  EXPECT_EQ(wheel_.next(), kStart + 10us);
  EXPECT_THAT(advance(10us), ElementsAre(1));
  EXPECT_EQ(wheel_.next(), kStart + 20us);
  wheel_.set(*c, kStart + 15us);
  EXPECT_EQ(wheel_.next(), kStart + 15us);
  EXPECT_THAT(advance(19us), ElementsAre(3));
  EXPECT_THAT(advance(20us), ElementsAre(2));
}

TEST_F(TimerWheelTest, CancelledItNeitherExpiresNorWakes) {
  const auto a = armed(1, 10ms), b = armed(2, 10s);
  wheel_.cancel(*a);
  wheel_.cancel(*a);
  EXPECT_GT(*wheel_.next(), kStart + 10ms);
  wheel_.cancel(*b);
  EXPECT_EQ(wheel_.next(), std::nullopt);
  EXPECT_THAT(advance(1h), IsEmpty());
}

TEST_F(TimerWheelTest, DestroyedWhileArmedItIsForgotten) {
  auto a = armed(1, 10ms), b = armed(2, 10ms), c = armed(3, 1h);
  a.reset();
  c.reset();
  EXPECT_THAT(advance(10ms), ElementsAre(2));
  EXPECT_THAT(advance(2h), IsEmpty());
  EXPECT_EQ(wheel_.next(), std::nullopt);
}

TEST_F(TimerWheelTest, AWheelThatGoesFirstDisarmsItsNodes) {
  Node node;
  {
    TimerWheel wheel(kStart);
    wheel.set(node, kStart + 1s);
  }
  EXPECT_FALSE(node.armed());
}

TEST_F(TimerWheelTest, WhatIsSetByTheCalleeWaitsForTheNextAdvance) {
  const auto again = armed(1, 1ms), other = armed(2, 1h);
  int calls = 0;
  wheel_.advance(kStart + 1ms, [&](Node& node) {
    ++calls;
    wheel_.set(node, kStart);
    wheel_.set(*other, kStart);
  });
  EXPECT_EQ(calls, 1);
  EXPECT_LE(*wheel_.next(), kStart + 1ms);
  EXPECT_THAT(advance(1ms), UnorderedElementsAre(1, 2));
}

TEST_F(TimerWheelTest, TheCalleeMayPutOffCancelAndDestroyThoseThatAreDueToo) {
  std::vector<std::unique_ptr<Node>> nodes;
  for (uint32_t owner = 0; owner < 4; ++owner) nodes.push_back(armed(owner, 1ms));
  std::vector<uint32_t> seen;
  wheel_.advance(kStart + 1ms, [&](Node& node) {
    seen.push_back(node.owner);
    wheel_.set(*nodes[1], kStart + 5ms);
    wheel_.cancel(*nodes[2]);
    nodes[3].reset();
    nodes[0].reset();  // the one it is called for
  });
  EXPECT_THAT(seen, ElementsAre(0));
  EXPECT_THAT(advance(5ms), ElementsAre(1));
}

TEST_F(TimerWheelTest, TenThousandFarDeadlinesCostAnAdvanceNothing) {
  std::vector<Node> nodes(10'000);
  for (size_t i = 0; i < nodes.size(); ++i) wheel_.set(nodes[i], kStart + 2h + i * 1ms);
  for (int i = 0; i < 500'000; ++i) wheel_.advance(kStart + i * 10us, [](Node&) { FAIL(); });  // 5 s of turns
}

/// The wheel beside a list of deadlines.
class Comparison {
 public:
  explicit Comparison(uint32_t seed) : random_(seed) {
    for (uint32_t i = 0; i < nodes_.size(); ++i) nodes_[i].owner = i;
  }

  void step() {
    for (uint32_t changes = below(8); changes > 0; --changes) change();
    if (const auto least = std::min_element(expected_.begin(), expected_.end()); *least != TimePoint::max()) {
      ASSERT_LE(*wheel_.next(), *least);
    }
    now_ += wheel_.next() && below(3) == 0 ? std::max(*wheel_.next() - now_, Duration(0)) : any_wait();
    if (below(4) == 0) now_ = whole(now_ + 256ms);
    std::vector<uint32_t> due, expired;
    for (uint32_t i = 0; i < expected_.size(); ++i) {
      if (expected_[i] <= now_) due.push_back(i), expected_[i] = TimePoint::max();
    }
    wheel_.advance(now_, [&](Node& node) { expired.push_back(node.owner); });
    std::sort(expired.begin(), expired.end());
    ASSERT_EQ(expired, due);
    ASSERT_TRUE(!wheel_.next() || *wheel_.next() > now_);
  }

  TimePoint now() const { return now_; }

 private:
  uint32_t below(uint32_t limit) { return static_cast<uint32_t>(random_()) % limit; }

  /// Of any magnitude, from nanoseconds to a week.
  Duration any_wait() {
    const uint32_t magnitude = 14 + below(50);
    return Duration(static_cast<int64_t>((random_() | uint64_t{1} << 63) >> magnitude));
  }

  void change() {
    const uint32_t i = below(static_cast<uint32_t>(nodes_.size()));
    switch (below(8)) {
      case 0:
        wheel_.cancel(nodes_[i]);
        expected_[i] = TimePoint::max();
        return;
      case 1: expected_[i] = nodes_[i].deadline() + any_wait() / 1'024; break;
      case 2: expected_[i] = nodes_[i].deadline() - any_wait() / 1'024; break;
      case 3: expected_[i] = now_ - any_wait(); break;
      default: expected_[i] = now_ + any_wait();
    }
    if (below(2) == 0) expected_[i] = whole(expected_[i]);
    wheel_.set(nodes_[i], expected_[i]);
  }

  /// Where slots of several levels begin together.
  static TimePoint whole(TimePoint time) { return time - time.time_since_epoch() % 256ms; }

  std::mt19937_64 random_;
  TimePoint now_ = kStart;
  TimerWheel wheel_{kStart};
  std::vector<Node> nodes_ = std::vector<Node>(100);
  std::vector<TimePoint> expected_ = std::vector<TimePoint>(100, TimePoint::max());  // max(): not armed
};

TEST(TimerWheel, AgreesWithAListOfDeadlinesOverAnyHistory) {
  for (uint32_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE(seed);
    Comparison comparison(seed);
    for (int i = 0; i < 2'000; ++i) {
      comparison.step();
      if (testing::Test::HasFatalFailure()) return;
    }
    EXPECT_GT(comparison.now(), kStart + 24h);
  }
}

}  // namespace
}  // namespace postern::flow
