// hazard_events_test.cpp - the loop's side: events that are stale, missing or too many, and time: H09, H31 to H33, H39, H40.
#include <cerrno>

#include "engine_script.h"

namespace postern::flow {
namespace {

using namespace std::chrono_literals;
using namespace wire::tcp_flag;
using testing::ElementsAre;
using testing::IsEmpty;

}  // namespace

TEST_F(Hazard, H09AGuestThatAsksForLifeMakesTheHostAsk) {
  establish();
  guest.sends(10);
  guest.ignores_all();
  wait(2min);
  guest.probes();
  EXPECT_EQ(guest.hears(), ". 1 ack 11");
  EXPECT_EQ(host.keep_alive, 2min);
  host.keep_alive.reset();
  wait(75s);
  guest.probes();
  EXPECT_EQ(guest.hears(), ". 1 ack 11");
  EXPECT_FALSE(host.keep_alive);  // once is enough
  host.fails(ETIMEDOUT);
  EXPECT_EQ(guest.hears(), "R. 1 ack 11");
}

TEST_F(Hazard, H09AGuestThatAsksOftenMakesTheHostAskEveryTenSeconds) {
  establish();
  guest.sends(10);
  guest.ignores_all();
  wait(1s);
  guest.probes();
  EXPECT_EQ(guest.hears(), ". 1 ack 11");
  EXPECT_EQ(host.keep_alive, 10s);
}

TEST_F(Hazard, H09WhatIsSentAgainAsksForNothing) {
  establish();
  guest.sends(1);
  guest.segment({.seq = 1, .ack = 1, .bytes = 1});
  guest.fin();
  guest.segment({.flags = ack | fin, .seq = 2, .ack = 1});
  EXPECT_FALSE(host.keep_alive);
}

TEST_F(Hazard, H09ASilentGuestIsAskedAfterTwoHoursAndGivenUpAfterNineQuestions) {
  establish();
  guest.sends(10);
  guest.ignores_all();
  wait(2h - 1s);
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  wait(2s);
  EXPECT_EQ(guest.hears(), ". 0 ack 11");
  guest.acks();  // it is there
  wait(2h - 1s);
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  wait(9 * 75s + 2s);
  const auto all = guest.hears_all();
  EXPECT_EQ(all.size(), 10u);
  EXPECT_EQ(all.back(), "R. 1 ack 11");
  EXPECT_EQ(host.closed, Closing::reset);
}

TEST_F(Hazard, H31AnEventOfAConnectionThatHasEndedReachesNobody) {
  establish();
  const uint32_t stale = host.token();
  burst([&] {
    guest.rst();
    engine().host_ready(stale, {.readable = true, .writable = true, .ended = true}, now());
  });
  for (int i = 0; i < 10; ++i) {
    auto& ends = another();
    ends.guest.syn();
    EXPECT_NE(ends.host.token(), stale);
    engine().host_ready(stale, {.writable = true}, now());
    EXPECT_THAT(ends.guest.hears_all(), IsEmpty());
  }
  engine().host_ready(0xffff'ffff, {.readable = true}, now());
}

TEST_F(Hazard, H31EndingInTheMiddleOfABurstIsSafe) {
  establish();
  burst([&] {
    host.sends(100);
    guest.sends(100);
    guest.rst();
    guest.sends(100);  // to nobody
    guest.syn({.initial = 7});
    guest.segment({.flags = rst, .seq = 1});
  });
  EXPECT_EQ(engine().open_flows(), 0u);
}

TEST_F(Hazard, H32WhatIsReadableStaysSoUntilItIsRead) {
  establish();
  host.sends(900'000);  // one edge, several shares
  guest.ignores_all();
  while (host.unread() != 0) {
    const size_t before_it = host.unread();
    guest.acks();
    ASSERT_LT(host.unread(), before_it);
  }
  EXPECT_EQ(guest.heard_up_to(), 900'001u);
}

TEST_F(Hazard, H32OneConnectionDoesNotStarveAnother) {
  establish();
  auto& other = another();
  establish(other, {});
  burst([&] {
    host.sends(10 << 20);
    other.host.sends(10);
  });
  EXPECT_EQ(other.guest.hears(), "P. 1:11(10) ack 1");
}

TEST_F(Hazard, H32WhileTheGuestOwesAnAcknowledgmentTheEngineSleeps) {
  guest.set_window(64'000);
  establish();
  host.sends(1 << 20);
  const int calls = host.calls;
  const int before_it = wakes();
  wait(150ms);
  EXPECT_EQ(host.calls, calls);
  EXPECT_LE(wakes() - before_it, 4);
  EXPECT_FALSE(engine().has_work());
}

TEST_F(Hazard, H33AConnectionToItselfThroughTheHostComesToRest) {
  // What the guest sends on one connection comes back to it on another, and neither reads.
  establish();
  auto& back = another();
  back.guest.set_window(20'000);
  establish(back, {});
  host.has_room(0);
  for (int i = 0; i < 20; ++i) {
    guest.sends(guest.told_window());
    guest.hears_all();
    back.host.sends(10'000);
  }
  wait(1min);
  EXPECT_TRUE(host.is_open());
  EXPECT_EQ(guest.told_window(), 0u);
}

TEST_F(Hazard, H39AJumpOfTheClockIsOneTimeout) {
  establish();
  host.sends(100);
  guest.ignores_all();
  guest.loses(1);
  engine().run(now() + 10min);
  EXPECT_EQ(guest.hears_all(), std::vector<std::string>{"P. 1:101(100) ack 1"});
  EXPECT_TRUE(host.is_open());
}

TEST_F(Hazard, H40FramesGoToTheAddressThatTheLastOneCameFrom) {
  establish();
  const Mac bridge{{2, 0, 0, 0, 0, 0x77}};
  guest.set_mac(bridge);
  guest.sends(10);
  host.sends(10);
  EXPECT_EQ(guest.hears(), ". 1 ack 11");
  EXPECT_EQ(guest.last().frame.destination_mac, bridge);
  EXPECT_EQ(guest.hears(), "P. 1:11(10) ack 11");
  EXPECT_EQ(guest.last().frame.destination_mac, bridge);
  guest.set_mac({{2, 6, 6, 6, 6, 6}});
  guest.segment({.seq = 1 << 30, .ack = 1, .bytes = 10});  // not valid: nothing is learnt of it
  EXPECT_EQ(guest.hears(), ". 11 ack 11");
  EXPECT_EQ(guest.last().frame.destination_mac, bridge);
}

}  // namespace postern::flow
