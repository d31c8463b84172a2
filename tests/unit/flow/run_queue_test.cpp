// run_queue_test.cpp - whose turn it is.
#include "run_queue.h"

#include <array>
#include <set>
#include <vector>

#include "engine_script.h"

namespace postern::flow {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr size_t kShare = FairShare::kLeastBytes;  // nothing was carried before

class RunQueueTest : public testing::Test {
 protected:
  TcpFlow& flow(size_t number) { return *flows_.at(number); }
  size_t number_of(const TcpFlow& flow) const {
    for (size_t i = 0; i < flows_.size(); ++i) {
      if (flows_[i].get() == &flow) return i;
    }
    return SIZE_MAX;
  }
  /// It is served, and has more.
  void serve(TcpFlow& flow, size_t bytes) {
    queue_.charge(flow, bytes);
    queue_.add_again(flow);
  }
  size_t take() { return number_of(queue_.take()); }
  /// Whose turns they are, if all of them always have more.
  std::vector<size_t> turns(int count, Duration lasting = {}) {
    std::vector<size_t> taken;
    for (int i = 0; i < count; ++i) {
      taken.push_back(take());
      pass(lasting);
      serve(flow(taken.back()), kShare);
    }
    return taken;
  }
  void pass(Duration duration) {
    now_ += duration;
    queue_.set_now(now_);
  }

  std::array<std::unique_ptr<TcpFlow>, 3> flows_{make(), make(), make()};
  RunQueue queue_;
  TimePoint now_{};

  static std::unique_ptr<TcpFlow> make() {
    return std::make_unique<TcpFlow>(FlowKey{}, Sequence{}, 1460, Sequence{}, uint8_t{7});
  }
};

TEST_F(RunQueueTest, WhoeverComesFirstIsServedFirst) {
  for (size_t i : {2U, 0U, 1U}) queue_.add(flow(i));
  queue_.add(flow(2));  // again
  EXPECT_EQ(take(), 2U);
  EXPECT_EQ(take(), 0U);
  EXPECT_EQ(take(), 1U);
  EXPECT_TRUE(queue_.empty());
}

TEST_F(RunQueueTest, OfThoseThatAlwaysHaveMoreOneAtATimeHasItsPartOfARound) {
  for (size_t i : {0U, 1U, 2U}) queue_.add(flow(i));
  EXPECT_THAT(turns(3), ElementsAre(0, 1, 2)) << "at first all are new";
  EXPECT_THAT(turns(9, RunQueue::kLongestPart / 2), ElementsAre(0, 0, 1, 1, 2, 2, 0, 0, 1));
}

TEST_F(RunQueueTest, ThePartsOfManyAreARoundTogether) {
  constexpr size_t kMany = 100;
  std::vector<std::unique_ptr<TcpFlow>> many;
  for (size_t i = 0; i < kMany; ++i) {
    many.push_back(make());
    queue_.add(*many.back());
  }
  for (size_t i = 0; i < kMany; ++i) serve(queue_.take(), kShare);
  std::set<TcpFlow*> had_a_turn;
  for (const TimePoint begin = now_; now_ - begin < 2 * FairShare::kRound; pass(100us)) {
    TcpFlow& taken = queue_.take();
    had_a_turn.insert(&taken);
    serve(taken, kShare);
  }
  EXPECT_EQ(had_a_turn.size(), kMany);
}

TEST_F(RunQueueTest, NewcomersDoNotKeepTheBacklogFromItsTurn) {
  queue_.add(flow(0));
  queue_.add(flow(1));
  turns(2);
  int between = 0;
  for (int taken = 0; taken < 1000; ++taken) {
    const size_t number = take();
    between = number == 1 ? 0 : between + 1;
    ASSERT_LT(between, 60) << "three in the backlog, and 16 of the fresh before each";
    pass(RunQueue::kLongestPart / 8);
    serve(flow(number), kShare);
    flow(2).taken_to_guest = {};  // another one, with more than a turn takes, and no more then
    queue_.forget(flow(2));
    queue_.add(flow(2));
  }
}

TEST_F(RunQueueTest, WhoTakesLittleDoesNotWaitForThem) {
  queue_.add(flow(0));
  queue_.add(flow(1));
  turns(4);
  queue_.add(flow(2));
  EXPECT_EQ(take(), 2U);
}

TEST_F(RunQueueTest, WhoHadNothingForAMomentGoesOnWithItsPart) {
  for (size_t i : {0U, 1U}) queue_.add(flow(i));
  turns(2);
  EXPECT_EQ(take(), 0U) << "its part begins";
  EXPECT_EQ(take(), 1U) << "while 0 has nothing";
  serve(flow(1), kShare);
  queue_.add(flow(0));  // something new has come
  EXPECT_THAT(turns(3, RunQueue::kLongestPart), ElementsAre(0, 1, 0));
}

TEST_F(RunQueueTest, APartIsNotLongerForWhoHadNothingMeanwhile) {
  for (size_t i : {0U, 1U}) queue_.add(flow(i));
  turns(2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(take(), 0U);
    pass(RunQueue::kLongestPart / 2);
    queue_.add(flow(0));
  }
  EXPECT_EQ(take(), 1U);
}

TEST_F(RunQueueTest, WhoHasHadATurnInAnothersPartIsStillTheNext) {
  for (size_t i : {0U, 1U, 2U}) queue_.add(flow(i));
  turns(3);
  EXPECT_EQ(take(), 0U);
  EXPECT_EQ(take(), 1U) << "while 0 has nothing; and then 1 has nothing either";
  for (size_t i : {0U, 1U}) queue_.add(flow(i));
  EXPECT_THAT(turns(3, RunQueue::kLongestPart), ElementsAre(0, 1, 2));
}

TEST_F(RunQueueTest, TheCurrentOneCountsAmongThoseWhoShare) {
  constexpr size_t kCarried = 16 * kShare;
  pass(1ms);
  queue_.charge(flow(2), kCarried);
  pass(FairShare::kRound);
  queue_.charge(flow(0), kCarried);
  queue_.add(flow(0));
  EXPECT_EQ(take(), 0U) << "its part begins";
  queue_.add(flow(0));
  queue_.charge(flow(1), kCarried * 3 / 4);
  queue_.add(flow(1));
  EXPECT_EQ(take(), 0U) << "of two, 1 has had more than its half";
}

TEST_F(RunQueueTest, WhoHasNothingNowAndThenHasTwoThirdsOfAFairPartAtLeast) {
  for (size_t i : {0U, 1U, 2U}) queue_.add(flow(i));
  turns(3);
  std::array<int, 3> turns_of{};
  for (int i = 0; i < 900; ++i) {
    const size_t taken = take();
    ++turns_of.at(taken);
    pass(1ms);
    queue_.charge(flow(taken), FairShare::kMostBytes);
    for (size_t each : {0U, 1U}) {
      if (each != taken) queue_.add(flow(each));  // what it had nothing of has come, a turn later
    }
    if (taken == 2) queue_.add_again(flow(2));
  }
  EXPECT_THAT(turns_of, testing::Each(testing::Ge(200))) << "of 900";
}

TEST_F(RunQueueTest, ThoseWhoTakeLittleDoNotKeepTheOthersFromTheirTurn) {
  queue_.add(flow(0));
  turns(1);
  int before = 0;
  queue_.add(flow(1));
  for (; take() == 1; ++before) {
    ASSERT_LT(before, 100);
    queue_.charge(flow(1), 1);
    queue_.add(flow(1));
  }
  EXPECT_GT(before, 0);
}

TEST_F(RunQueueTest, WhoIsTakenOutIsGoneFromWhereverItWas) {
  for (size_t i : {0U, 1U, 2U}) queue_.add(flow(i));
  turns(2);                // 0 and 1 are in the backlog
  queue_.forget(flow(2));  // new
  queue_.forget(flow(0));  // the first of the backlog
  queue_.forget(flow(0));  // is not there
  EXPECT_EQ(take(), 1U);
  EXPECT_TRUE(queue_.empty());
}

TEST_F(RunQueueTest, WhoEndsInItsPartLeavesItToNobody) {
  for (size_t i : {0U, 1U, 2U}) queue_.add(flow(i));
  turns(3);
  EXPECT_EQ(take(), 0U);
  pass(RunQueue::kLongestPart / 2);
  queue_.forget(flow(0));
  EXPECT_THAT(turns(3, RunQueue::kLongestPart / 2), ElementsAre(1, 1, 2)) << "a whole part of its own";
}

/// A connection that takes what it is given, and so may be given more than a turn.
class Backlog : public OneConnection {
 protected:
  Backlog() {
    establish();
    for (int i = 0; i < 8; ++i) {
      host.sends(60'000);
      guest.acks();
      guest.ignores_all();
    }
  }
};

TEST_F(Backlog, WhatTheNamespaceWasPromisedDoesNotWaitThere) {
  host.has_room(0);
  guest.sends(1000);
  burst([&] {
    host.sends(size_t{1} << 20);
    engine().run(now());  // a turn, and there is more
    host.has_room(SIZE_MAX);
    EXPECT_EQ(host.got(), 1000U);
    EXPECT_GT(host.unread(), 0U);
  });
}

TEST_F(Backlog, WhoEndsThereIsGone) {
  burst([&] {
    host.sends(size_t{1} << 20);
    engine().run(now());
    EXPECT_TRUE(engine().has_work());
    guest.rst();
    EXPECT_FALSE(engine().has_work());
  });
  EXPECT_EQ(engine().open_flows(), 0U);
}

}  // namespace
}  // namespace postern::flow
