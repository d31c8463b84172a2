// engine_limits_test.cpp - what a guest or a remote can make the engine hold, and what happens at the limit.
#include <cerrno>

#include "engine_script.h"

namespace postern::flow {
namespace {

using namespace std::chrono_literals;
using namespace wire::tcp_flag;
using testing::ElementsAre;
using testing::IsEmpty;

class Limits : public OneConnection {
 protected:
  /// Connections whose host takes nothing hold all of `payload_memory_bytes`.
  void use_up_memory() { use_memory(40); }
  void use_memory(int slabs) {
    for (int i = 0; i < slabs; ++i) {
      auto& ends = another();
      establish(ends, {});
      ends.host.has_room(0);
      ends.guest.sends(60'000);
      ends.guest.ignores_all();
    }
  }
};

TEST_F(Limits, AtTheLimitOfConnectionsASynIsDropped) {
  begin({.max_flows = 2});
  establish();
  establish(another(), {});
  auto& third = another();
  third.guest.syn();
  EXPECT_FALSE(third.host.is_open());
  EXPECT_THAT(third.guest.hears_all(), IsEmpty());
  EXPECT_EQ(engine().counters().dropped_at_limit, 1u);
  guest.rst();
  third.guest.syn();  // again
  third.host.connects();
  EXPECT_EQ(third.guest.hears(), "S. 0 ack 1");
}

TEST_F(Limits, ConnectionsOfOthersTakeTheirShare) {
  begin({.max_flows = 3});
  engine().leave_room_for(2);
  establish();
  auto& second = another();
  second.guest.syn();
  EXPECT_FALSE(second.host.is_open());
  engine().leave_room_for(1);
  second.guest.syn();
  EXPECT_TRUE(second.host.is_open());
}

TEST_F(Limits, AtTheLimitHalfClosedConnectionsThatWereLongSilentMakeRoom) {
  begin({.max_flows = 2});
  establish();
  guest.fin();
  guest.ignores_all();
  auto& second = another();
  establish(second, {});
  auto& third = another();
  wait(59s);
  third.guest.syn();
  EXPECT_FALSE(third.host.is_open());
  wait(2s);
  third.guest.syn();
  EXPECT_EQ(guest.hears(), "R. 1 ack 2");
  EXPECT_EQ(host.closed, Closing::reset);
  EXPECT_TRUE(second.host.is_open());
  EXPECT_TRUE(third.host.is_open());
}

TEST_F(Limits, ThoseThatAreConnectingHaveALimitOfTheirOwn) {
  begin({.max_flows = 100, .max_embryonic = 3});
  for (int i = 0; i < 10; ++i) another().guest.syn();
  EXPECT_EQ(engine().open_flows(), 3u);
  EXPECT_EQ(engine().counters().dropped_at_limit, 7u);
}

TEST_F(Limits, AtTheLimitThoseWhoseHostIsLongSilentMakeRoom) {
  begin({.max_flows = 100, .max_embryonic = 1});
  auto& first = another();
  auto& second = another();
  first.guest.syn();
  wait(9s);
  second.guest.syn();
  EXPECT_FALSE(second.host.is_open());
  wait(2s);
  second.guest.syn();
  EXPECT_TRUE(second.host.is_open());
  EXPECT_EQ(first.host.closed, Closing::reset);
  EXPECT_EQ(first.guest.hears(), "");
}

TEST_F(Limits, EstablishedOnesAreNoLongerConnecting) {
  begin({.max_flows = 100, .max_embryonic = 1});
  for (int i = 0; i < 10; ++i) establish(another(), {});
  auto& refused = another();
  refused.guest.syn();
  refused.host.refuses(ECONNREFUSED);
  establish(another(), {});
  EXPECT_EQ(engine().open_flows(), 11u);
}

TEST_F(Limits, AGuestThatHoldsASegmentBackHoldsOneMebibyte) {
  guest.set_window(64 << 20);
  establish({.scale = 14});
  host.sends(32 << 20);
  for (int i = 0; i < 300; ++i) {
    guest.ignores_all();
    guest.acks(1, {{1461, guest.heard_up_to()}});  // all but the first
    if (i % 10 == 0) wait(100ms);
  }
  EXPECT_LE(guest.heard_up_to(), 1u + (1 << 20));
}

TEST_F(Limits, AboveThreeQuartersOfTheMemoryAConnectionHas64KiBOnTheWay) {
  begin({.payload_memory_bytes = 1 << 20});
  establish();
  use_memory(13);
  host.sends(1 << 20);
  guest.ignores_all();
  EXPECT_EQ(guest.heard_up_to(), 1u + (64 << 10));
  guest.acks();
  EXPECT_EQ(guest.heard_up_to(), 1u + (128 << 10));
}

TEST_F(Limits, AboveThreeQuartersOfTheMemoryTheWindowIs64KiB) {
  begin({.payload_memory_bytes = 1 << 20});
  establish();
  use_memory(13);
  host.has_room(SIZE_MAX);
  for (int i = 0; i < 20; ++i) guest.sends(20'000);
  EXPECT_LE(guest.told_window(), 64u << 10);
  EXPECT_EQ(host.got(), 400'000u);
}

TEST_F(Limits, TheLastMemoryIsForWhatTheNamespaceSends) {
  begin({.payload_memory_bytes = 1 << 20});
  establish();
  use_memory(16);
  host.sends(100);
  EXPECT_EQ(guest.hears(), "");
  guest.sends(1000);
  EXPECT_EQ(guest.hears(), ". 1 ack 1001");
  EXPECT_EQ(host.got(), 1000u);
}

TEST_F(Limits, WhoWaitsForMemoryIsNotPutOffByWhatItSends) {
  begin({.payload_memory_bytes = 1 << 20});
  establish();
  use_memory(16);
  host.sends(100);
  EXPECT_EQ(guest.hears(), "");
  for (size_t i = 1; i <= 16; ++i) host_of_number(i).has_room(SIZE_MAX);
  for (int i = 0; i < 4; ++i) {
    wait(5ms);
    guest.sends(10);
  }
  EXPECT_EQ(guest.heard_up_to(), 101u);
}

TEST_F(Limits, UnderPressureWhatStandsBeforeAResetStillCounts) {
  begin({.payload_memory_bytes = 1 << 20});
  establish();
  use_memory(13);
  host.arrives_untold(100'000);
  host.send_fails(EPIPE);
  guest.sends(10);
  EXPECT_EQ(guest.heard_up_to(), 100'001u);
  EXPECT_THAT(guest.hears_all().back(), testing::StartsWith("R."));
}

TEST_F(Limits, WithoutMemoryWhatWasNotKeptIsNotAcknowledged) {
  begin({.payload_memory_bytes = 1 << 20});
  establish();
  use_up_memory();
  host.has_room(100);
  guest.sends(5000);
  const std::string heard = guest.hears();
  EXPECT_EQ(host.got(), 100u);
  EXPECT_EQ(heard, ". 1 ack 101");
  host.has_room(SIZE_MAX);
  guest.segment({.seq = 101, .ack = 1, .bytes = 4900});
  EXPECT_EQ(guest.hears(), ". 1 ack 5001");
}

TEST_F(Limits, WithoutMemoryALongBurstHasNoHoles) {
  begin({.payload_memory_bytes = 1 << 20});
  establish();
  use_up_memory();
  host.has_room(100);
  burst([&] {
    for (int i = 0; i < 200; ++i) guest.sends(1000);  // more than are gathered at once
    guest.fin();
  });
  EXPECT_EQ(guest.hears_all().back(), ". 1 ack 101");
  EXPECT_EQ(host.got(), 100u);
  EXPECT_FALSE(host.is_shut);
}

TEST_F(Limits, WithoutMemoryAPartThatWasKeptIsNotKeptTwice) {
  begin({.payload_memory_bytes = 1 << 20});
  establish();
  host.has_room(0);
  guest.sends(1500);  // its chunk has room for 548 more
  guest.ignores_all();
  use_up_memory();
  burst([&] {
    for (int i = 0; i < 40; ++i) guest.sends(1400);
  });
  guest.hears();
  const uint32_t kept = guest.last().frame.acknowledgment - ScriptGuest::kInitial;
  host.has_room(SIZE_MAX);
  EXPECT_EQ(host.got(), kept - 1);
  guest.segment({.seq = kept, .ack = 1, .bytes = 2000});
  EXPECT_EQ(host.got(), kept + 1999);
}

TEST_F(Limits, WithoutMemoryWhatFollowsAGapInABurstIsNoContinuation) {
  begin({.payload_memory_bytes = 1 << 20});
  establish();
  host.has_room(0);
  guest.sends(10);  // of its size there are chunks left, but no large one
  guest.ignores_all();
  use_up_memory();
  burst([&] {
    for (int i = 0; i < 10; ++i) guest.sends(10);
    guest.sends(60'000);
    for (int i = 0; i < 200; ++i) guest.sends(10);  // more than are gathered at once
    guest.fin();
  });
  const uint32_t kept = guest.hears_all().empty() ? 0 : guest.last().frame.acknowledgment - ScriptGuest::kInitial;
  EXPECT_LT(kept, 60'000u);
  host.has_room(SIZE_MAX);
  EXPECT_EQ(host.got(), kept - 1);
  EXPECT_FALSE(host.is_shut);
}

TEST_F(Limits, WithoutMemoryTheHostIsReadLater) {
  begin({.payload_memory_bytes = 1 << 20});
  establish();
  use_up_memory();
  host.sends(100'000);
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  const int before_it = wakes();
  wait(1s);
  EXPECT_LE(wakes() - before_it, 250);
  guest_of(1).rst();
  guest_of(2).rst();
  guest_of(3).rst();
  wait(20ms);
  EXPECT_NE(guest.hears(), "");
}

TEST_F(Limits, WhoWaitedForMemoryAndThenForTheGuestSleeps) {
  begin({.payload_memory_bytes = 1 << 20});
  guest.set_window(2000);
  establish();
  use_up_memory();
  host.sends(100'000);
  guest.set_window(0);
  guest.acks();
  for (size_t i = 1; i < 10; ++i) guest_of(i).rst();
  wait(100ms);
  const int before_it = wakes();
  wait(1s);
  EXPECT_LE(wakes() - before_it, 10);
}

}  // namespace
}  // namespace postern::flow
