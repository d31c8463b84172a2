// gathering_test.cpp - bursts in which the frames of several connections come mixed.
#include <cerrno>

#include "engine_script.h"

namespace postern::flow {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class MixedBurst : public OneConnection {
 protected:
  MixedBurst() : other_(another()), third_(another()) {
    for (Ends* ends : all()) {
      establish(*ends, {});
      ends->guest.ignores_all();
      ends->host.calls = 0;
    }
  }
  std::array<Ends*, 3> all() { return {&first(), &other_, &third_}; }
  /// One frame of each, again and again.
  void send_mixed(int rounds, size_t bytes) {
    for (int i = 0; i < rounds; ++i) {
      for (Ends* ends : all()) ends->guest.sends(bytes);
    }
  }

  Ends &other_, &third_;
};

TEST_F(MixedBurst, IsOneCallAndOneAcknowledgmentForEachConnection) {
  burst([&] { send_mixed(4, 1000); });
  for (Ends* ends : all()) {
    EXPECT_EQ(ends->host.got(), 4000U);
    EXPECT_EQ(ends->host.calls, 1);
    EXPECT_THAT(ends->guest.hears_all(), ElementsAre(". 1 ack 4001"));
  }
}

TEST_F(MixedBurst, OfMoreFramesThanAreGatheredAtOnceLosesNone) {
  burst([&] { send_mixed(100, 600); });
  for (Ends* ends : all()) {
    EXPECT_EQ(ends->host.got(), 60'000U);
    EXPECT_LE(ends->host.calls, 6);
  }
}

TEST_F(MixedBurst, WhatOneLosesByItsResetTheOthersKeep) {
  burst([&] {
    send_mixed(2, 500);
    other_.guest.rst();
    send_mixed(1, 500);
  });
  EXPECT_EQ(host.got(), 1500U);
  EXPECT_EQ(third_.host.got(), 1500U);
  EXPECT_EQ(other_.host.closed, HostSide::Closing::reset);
  EXPECT_EQ(other_.host.got(), 0U);
}

TEST_F(MixedBurst, AHostThatFailsEndsItsOwnConnectionAlone) {
  other_.host.send_fails(ECONNRESET);
  burst([&] { send_mixed(3, 500); });
  EXPECT_EQ(host.got(), 1500U);
  EXPECT_EQ(third_.host.got(), 1500U);
  EXPECT_TRUE(other_.host.closed);
}

TEST_F(MixedBurst, AHostThatIsFullHoldsUpItsOwnConnectionAlone) {
  other_.host.has_room(700);
  burst([&] { send_mixed(3, 500); });
  EXPECT_EQ(host.got(), 1500U);
  EXPECT_EQ(third_.host.got(), 1500U);
  EXPECT_EQ(other_.host.got(), 700U);
  other_.host.has_room(SIZE_MAX);
  EXPECT_EQ(other_.host.got(), 1500U);
}

TEST_F(MixedBurst, AnEndComesBehindWhatWasGathered) {
  burst([&] {
    send_mixed(2, 500);
    other_.guest.fin();
    guest.sends(500);
  });
  EXPECT_EQ(other_.host.got(), 1000U);
  EXPECT_TRUE(other_.host.is_shut);
  EXPECT_EQ(host.got(), 1500U);
  EXPECT_FALSE(host.is_shut);
}

TEST_F(MixedBurst, AHoleIsToldOfWithAllThatCameBeforeIt) {
  burst([&] {
    send_mixed(1, 500);
    other_.guest.segment({.seq = 1001, .ack = 1, .bytes = 500});
    EXPECT_EQ(other_.host.got(), 500U) << "what is acknowledged has been given to the host";
    EXPECT_EQ(host.calls, 0) << "the others are still gathered";
  });
  EXPECT_EQ(host.got(), 500U);
}

/// Whose burst the loop's turn has cut off.
class CutOffBurst : public MixedBurst {
 protected:
  std::vector<std::string> heard_after(size_t bytes) {
    burst_cut_off([&] { guest.sends(bytes); });
    return guest.hears_all();
  }
};

TEST_F(CutOffBurst, IsAcknowledgedWithTheNext) {
  EXPECT_THAT(heard_after(1000), IsEmpty());
  EXPECT_EQ(host.got(), 1000U) << "what waits is the acknowledgment alone";
  guest.sends(1000);
  EXPECT_THAT(guest.hears_all(), ElementsAre(". 1 ack 2001"));
}

TEST_F(CutOffBurst, IsAcknowledgedAtOnceIfNothingFollows) {
  EXPECT_THAT(heard_after(1000), IsEmpty());
  EXPECT_TRUE(engine().has_work()) << "the loop must not sleep";
  engine().run(now());
  EXPECT_THAT(guest.hears_all(), ElementsAre(". 1 ack 1001"));
  EXPECT_FALSE(engine().has_work());
}

TEST_F(CutOffBurst, IsAcknowledgedAtOnceIfItWasLarge) {
  guest.sends(40'000);
  EXPECT_THAT(guest.hears_all(), ElementsAre(". 1 ack 40001"));
  EXPECT_EQ(guest.told_window(), 256U * 1024);
  EXPECT_THAT(heard_after(60'000), IsEmpty());
  EXPECT_THAT(heard_after(60'000), IsEmpty());
  EXPECT_THAT(heard_after(60'000), ElementsAre(". 1 ack 220001")) << "half the window is used";
}

TEST_F(CutOffBurst, WaitsForAFewOthersAtMost) {
  for (int i = 0; i < 3; ++i) EXPECT_THAT(heard_after(10), IsEmpty());
  EXPECT_THAT(heard_after(10), ElementsAre(". 1 ack 41"));
  EXPECT_THAT(heard_after(10), IsEmpty());
}

TEST_F(CutOffBurst, IsAcknowledgedAtOnceWhereTheHostIsFull) {
  host.has_room(10);
  EXPECT_THAT(heard_after(1000), ElementsAre(". 1 ack 1001"));
}

TEST_F(CutOffBurst, AHoleIsToldOfAtOnce) {
  burst_cut_off([&] {
    guest.sends(100);
    guest.segment({.seq = 201, .ack = 1, .bytes = 100});
  });
  EXPECT_EQ(guest.hears(), ". 1 ack 101 sack 201:301");
}

TEST_F(CutOffBurst, OfAConnectionThatEndsLeavesNothing) {
  EXPECT_THAT(heard_after(100), IsEmpty());
  burst_cut_off([&] { guest.rst(); });
  EXPECT_TRUE(host.closed);
  other_.guest.sends(100);
  EXPECT_THAT(other_.guest.hears_all(), ElementsAre(". 1 ack 101"));
  EXPECT_EQ(engine().open_flows(), 2U);
}

}  // namespace
}  // namespace postern::flow
