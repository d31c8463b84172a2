// hazard_windows_test.cpp - windows that close, shrink, are silly, or are told of too late: H01 to H03, H17.
#include <fmt/format.h>

#include <cerrno>

#include "engine_script.h"

namespace postern::flow {
namespace {

using namespace std::chrono_literals;
using namespace wire::tcp_flag;
using testing::ElementsAre;
using testing::IsEmpty;

/// Until the engine's window is closed, for the host takes nothing.
void fill(ScriptGuest& guest) {
  guest.sends(1);
  while (guest.hears() != "" && guest.told_window() != 0) guest.sends(guest.told_window());
}

}  // namespace

TEST_F(Hazard, H01ProbesOfAClosedWindowAreAnsweredAndNotDelivered) {
  establish();
  host.has_room(0);
  fill(guest);
  const uint32_t next = guest.next();
  for (int i = 0; i < 20; ++i) {
    wait(200ms);
    guest.probes();
    EXPECT_EQ(guest.hears(), fmt::format(". 1 ack {}", next));
    guest.segment({.seq = next - 1, .ack = 1, .bytes = 1});
    EXPECT_EQ(guest.hears(), fmt::format(". 1 ack {}", next));
    guest.segment({.seq = next, .ack = 1, .bytes = 1});
    EXPECT_EQ(guest.hears(), fmt::format(". 1 ack {}", next));
    EXPECT_EQ(guest.told_window(), 0u);
  }
  EXPECT_TRUE(host.is_open());
  EXPECT_FALSE(host.keep_alive);
  host.has_room(SIZE_MAX);
  EXPECT_EQ(host.got(), next - 1);
}

TEST_F(Hazard, H02AWindowUpdateThatWasLostIsToldAgainToAProbe) {
  establish();
  host.has_room(0);
  fill(guest);
  guest.loses(1);
  host.has_room(SIZE_MAX);
  EXPECT_EQ(guest.hears(), fmt::format(". 1 ack {}", guest.next()));  // the update
  guest.probes();
  EXPECT_EQ(guest.hears(), fmt::format(". 1 ack {}", guest.next()));
  EXPECT_GE(guest.told_window(), 256u * 1024);
}

TEST_F(Hazard, H02AWindowThatOpensIsToldWithoutBeingAsked) {
  establish();
  host.has_room(0);
  fill(guest);
  host.has_room(1);
  EXPECT_EQ(guest.hears(), "");  // silly
  host.has_room(size_t{8} * 1460);
  EXPECT_EQ(guest.hears(), fmt::format(". 1 ack {}", guest.next()));
  EXPECT_GE(guest.told_window(), 2u * 1460);
}

TEST_F(Hazard, H03WhatAClosedWindowThrewAwayIsSentAgainWhenItOpens) {
  establish();
  host.sends(5000);
  EXPECT_EQ(guest.hears(), "P. 1:5001(5000) ack 1");
  guest.set_window(0);
  for (int i = 0; i < 5; ++i) guest.acks(1);  // not five duplicates
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  wait(300ms);
  EXPECT_EQ(guest.hears(), ". 0 ack 1");  // a probe, and nothing but
  guest.acks(1);
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  guest.set_window(1 << 20);
  guest.acks(1);
  EXPECT_EQ(guest.hears(), "P. 1:5001(5000) ack 1");
  guest.acks();
  wait(10s);
  EXPECT_THAT(guest.hears_all(), IsEmpty());
}

TEST_F(Hazard, H03ANamespaceThatDoesNotAnswerProbesIsGivenUp) {
  establish();
  guest.set_window(0);
  guest.acks();
  host.sends(100);
  wait(30min);
  EXPECT_EQ(host.closed, Closing::reset);
  EXPECT_EQ(guest.hears_all().back(), "R. 1 ack 1");
}

TEST_F(Hazard, H03AWindowThatNeverReachesOneSegmentIsUsed) {
  guest.set_window(640);
  establish();
  host.sends(1920);
  for (const auto* text : {"P. 1:641(640) ack 1", "P. 641:1281(640) ack 1", "P. 1281:1921(640) ack 1"}) {
    EXPECT_EQ(guest.hears(), text);
    guest.acks();
  }
}

TEST_F(Hazard, H03ASillyWindowIsUsedAfterAWhile) {
  guest.set_window(60'000);
  establish();
  guest.set_window(512);
  guest.acks();
  host.sends(10'000);
  EXPECT_EQ(guest.hears(), "");
  wait(300ms);
  EXPECT_EQ(guest.hears(), "P. 1:513(512) ack 1");
}

TEST_F(Hazard, H17TheWindowOfASynIsNotScaledAndThatOfAllElseIs) {
  guest.set_window(65'535);
  guest.syn({.scale = 2});
  host.connects();
  EXPECT_EQ(guest.hears(), "S. 0 ack 1");
  EXPECT_EQ(guest.options().window_scale, 7);
  EXPECT_EQ(guest.last().frame.window, 65'535);
  guest.set_window(8 * 1460);
  guest.acks();
  host.sends(100'000);
  EXPECT_EQ(guest.hears(), "P. 1:11681(11680) ack 1");
}

TEST_F(Hazard, H17WithoutTheGuestsScaleThereIsNone) {
  guest.set_window(65'535);
  establish({.scale = std::nullopt});
  EXPECT_FALSE(guest.options().window_scale);
  guest.sends(100);
  EXPECT_EQ(guest.hears(), ". 1 ack 101");
  EXPECT_EQ(guest.told_window(), 65'535u);
  host.sends(200'000);
  EXPECT_EQ(guest.hears(), "P. 1:64241(64240) ack 101");  // 65 535 rounded down to whole segments
  host.has_room(0);
  for (int i = 0; i < 10; ++i) {
    guest.sends(guest.told_window());
    guest.hears_all();
  }
  EXPECT_EQ(guest.told_window(), 0u);  // its edge never moved left, nor beyond the budget by more than the field's size
  EXPECT_LE(guest.next(), 101u + 256 * 1024 + 65'535);
}

TEST_F(Hazard, H17AShiftAbove14Is14) {
  guest.set_window(16'384 * 4);
  establish({.raw_options = {2, 4, 5, 180, 3, 3, 15, 1}});
  host.sends(200'000);
  EXPECT_EQ(guest.hears(), "P. 1:64241(64240) ack 1");
}

TEST_F(Hazard, H03WhileThingsAreSentAgainAcknowledgmentsKeepTheHighestNumber) {
  establish();
  host.sends(200'000);
  guest.loses(9);
  guest.ignores_all();
  wait(250ms);  // the timeout: what is sent next lies before what the namespace may have had
  guest.ignores_all();
  guest.segment({.flags = ack | psh, .seq = 1, .ack = 1, .bytes = 10});
  EXPECT_EQ(guest.hears(), ". 200001 ack 11");
}

TEST_F(Hazard, H03AResetReachesANamespaceThatThrewThingsAway) {
  establish();
  host.sends(5000);
  guest.ignores_all();
  guest.set_window(0);
  guest.acks(1);
  host.fails(ECONNRESET);
  EXPECT_EQ(guest.hears(), "R. 1 ack 1");
}

TEST_F(Hazard, H03WhatWeAcknowledgeMeanwhileIsStillAcceptableToTheNamespace) {
  establish();
  host.sends(5000);
  EXPECT_EQ(guest.hears(), "P. 1:5001(5000) ack 1");
  guest.set_window(0);
  guest.acks(1);
  guest.segment({.flags = ack | psh, .seq = 1, .ack = 1, .bytes = 10});
  EXPECT_EQ(guest.hears(), ". 1 ack 11");  // 5001 would be outside of its window, and dropped with what it acknowledges
}

TEST_F(Hazard, H03NothingIsSentBeyondAWindowThatShrank) {
  establish();
  guest.set_window(20'000);
  guest.acks();
  host.sends(100'000);
  EXPECT_EQ(guest.hears(), "P. 1:18981(18980) ack 1");
  guest.set_window(4096);
  guest.acks(1461);
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  wait(300ms);
  EXPECT_EQ(guest.hears(), "P. 1461:5557(4096) ack 1");
}

TEST_F(Hazard, H03AClosedWindowIsProbedAtLongerAndLongerIntervalsForEver) {
  establish();
  guest.set_window(0);
  guest.acks();
  host.sends(100);
  int probes = 0;
  Duration last{}, waited{};
  const TimePoint start = now();
  while (waited < 1h) {
    wait(100ms);
    waited = now() - start;
    if (guest.hears() == "") continue;
    guest.acks();
    ++probes;
    last = waited;
    EXPECT_THAT(guest.hears_all(), IsEmpty());
  }
  EXPECT_GT(waited - last, 0s);
  EXPECT_GE(probes, 60);
  EXPECT_LE(probes, 100);
  guest.set_window(10'000);
  guest.acks();
  EXPECT_EQ(guest.hears(), "P. 1:101(100) ack 1");
  wait(1s);  // the path is as quick as it was: the back-off was the window's
  EXPECT_EQ(guest.hears(), "P. 1:101(100) ack 1");
}

TEST_F(Hazard, H02AProbeOfAWindowThatIsOpenByLessThanASegmentHearsZero) {
  establish();
  host.has_room(0);
  fill(guest);
  host.has_room(700);
  guest.probes();
  EXPECT_EQ(guest.hears(), fmt::format(". 1 ack {}", guest.next()));
  EXPECT_EQ(guest.told_window(), 0u);
  for (size_t room = 700; room < size_t{256} * 1024; room += 700) host.has_room(700);  // and no bit of it is forgotten
  EXPECT_NE(guest.hears(), "");
  EXPECT_GE(guest.told_window(), 1460u);
}

}  // namespace postern::flow
