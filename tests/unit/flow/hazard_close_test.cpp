// hazard_close_test.cpp - how connections end: H04 to H07, H11.
#include <cerrno>

#include "engine_script.h"

namespace postern::flow {
namespace {

using namespace std::chrono_literals;
using namespace wire::tcp_flag;
using testing::ElementsAre;
using testing::IsEmpty;

}  // namespace

TEST_F(Hazard, H04TheGuestEndsFirstAndGoesOnReceiving) {
  establish();
  guest.sends(10);
  guest.fin();
  EXPECT_THAT(guest.hears_all(), ElementsAre(". 1 ack 11", ". 1 ack 12"));
  EXPECT_EQ(host.got(), 10u);
  EXPECT_TRUE(host.is_shut);
  for (uint32_t sent = 1; sent < 3'000'001; sent += 60'000) {
    host.sends(60'000);
    EXPECT_NE(guest.hears(), "");
    guest.acks();
  }
  host.ends();
  EXPECT_EQ(guest.hears_all().back(), "FP. 3000001 ack 12");
  EXPECT_TRUE(host.is_open());
  guest.acks();
  EXPECT_EQ(host.closed, Closing::orderly);
  EXPECT_EQ(engine().open_flows(), 0u);
}

TEST_F(Hazard, H04AfterTheGuestsFinItsWindowStillCounts) {
  establish();
  guest.fin();
  guest.ignores_all();
  guest.set_window(0);
  guest.acks();
  host.sends(100);
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  guest.set_window(1 << 20);
  guest.acks();
  EXPECT_EQ(guest.hears(), "P. 1:101(100) ack 2");
}

TEST_F(Hazard, H04TheHostEndsFirstAndGoesOnReceiving) {
  establish();
  host.sends(10);
  host.ends();
  EXPECT_THAT(guest.hears_all(), ElementsAre("P. 1:11(10) ack 1", "FP. 11 ack 1"));
  guest.acks();
  for (int i = 0; i < 50; ++i) guest.sends(60'000);
  EXPECT_EQ(host.got(), 3'000'000u);
  EXPECT_FALSE(host.is_shut);
  guest.ignores_all();
  guest.fin();
  EXPECT_EQ(guest.hears(), ". 12 ack 3000002");
  EXPECT_TRUE(host.is_shut);
  EXPECT_EQ(host.closed, Closing::orderly);
}

TEST_F(Hazard, H04TheHostIsShutOnlyWhenItHasTakenEverything) {
  establish();
  host.has_room(0);
  guest.sends(5000);
  guest.fin();
  EXPECT_EQ(guest.hears_all().back(), ". 1 ack 5002");
  EXPECT_FALSE(host.is_shut);
  host.has_room(3000);
  EXPECT_FALSE(host.is_shut);
  host.has_room(2000);
  EXPECT_EQ(host.got(), 5000u);
  EXPECT_TRUE(host.is_shut);
}

TEST_F(Hazard, H04WithBothEndsSaidWhatTheHostHasNotTakenKeepsTheConnection) {
  establish();
  host.has_room(0);
  guest.sends(5000);
  guest.fin();
  host.ends();
  guest.acks();
  EXPECT_TRUE(host.is_open());
  host.has_room(5000);
  EXPECT_EQ(host.got(), 5000u);
  EXPECT_EQ(host.closed, Closing::orderly);
}

TEST_F(Hazard, H04AHalfClosedConnectionMayBeSilentForHours) {
  establish();
  guest.fin();
  wait(90min);
  EXPECT_TRUE(host.is_open());
  guest.ignores_all();
  host.sends(5);
  EXPECT_EQ(guest.hears(), "P. 1:6(5) ack 2");
}

TEST_F(Hazard, H05AFinAheadOfMissingDataWaitsForThem) {
  establish();
  guest.segment({.flags = ack | fin, .seq = 101, .ack = 1});
  EXPECT_EQ(guest.hears(), ". 1 ack 1");
  guest.segment({.flags = ack | fin, .seq = 51, .ack = 1, .bytes = 50});
  EXPECT_EQ(guest.hears(), ". 1 ack 1 sack 51:101");
  EXPECT_FALSE(host.is_shut);
  guest.segment({.seq = 1, .ack = 1, .bytes = 50});
  EXPECT_EQ(guest.hears(), ". 1 ack 102");
  EXPECT_EQ(host.got(), 100u);
  EXPECT_TRUE(host.is_shut);
}

TEST_F(Hazard, H05AFinInTheMiddleOfDataIsNoEnd) {
  establish();
  guest.segment({.flags = ack | fin, .seq = 51, .ack = 1});
  guest.ignores_all();
  guest.segment({.seq = 1, .ack = 1, .bytes = 100});
  EXPECT_EQ(guest.hears(), ". 1 ack 101");
  EXPECT_FALSE(host.is_shut);
  guest.segment({.seq = 101, .ack = 1, .bytes = 100});
  EXPECT_EQ(guest.hears(), ". 1 ack 201");
  EXPECT_EQ(host.got(), 200u);
}

TEST_F(Hazard, H05AFinWithDataAndOnceMore) {
  establish();
  guest.segment({.flags = ack | psh | fin, .seq = 1, .ack = 1, .bytes = 100});
  EXPECT_EQ(guest.hears(), ". 1 ack 102");
  EXPECT_EQ(host.got(), 100u);
  EXPECT_TRUE(host.is_shut);
  guest.segment({.flags = ack | psh | fin, .seq = 1, .ack = 1, .bytes = 100});
  EXPECT_EQ(guest.hears(), ". 1 ack 102");
  guest.segment({.flags = ack | fin, .seq = 101, .ack = 1});
  EXPECT_EQ(guest.hears(), ". 1 ack 102");
  EXPECT_EQ(host.got(), 100u);
}

TEST_F(Hazard, H05AFinBehindDataThatIsKnownInPartCounts) {
  establish();
  guest.sends(60);
  guest.ignores_all();
  guest.segment({.flags = ack | fin, .seq = 1, .ack = 1, .bytes = 100});
  EXPECT_EQ(guest.hears(), ". 1 ack 102");
  EXPECT_EQ(host.got(), 100u);
}

TEST_F(Hazard, H05DataBehindAFinIsNotDelivered) {
  establish();
  guest.fin();
  guest.ignores_all();
  guest.segment({.seq = 2, .ack = 1, .bytes = 10});
  EXPECT_EQ(guest.hears(), ". 1 ack 2");
  EXPECT_EQ(host.got(), 0u);
}

TEST_F(Hazard, H05AFinThroughAClosedWindowCounts) {
  establish();
  host.has_room(0);
  guest.sends(1);
  while (guest.hears() != "" && guest.told_window() != 0) guest.sends(guest.told_window());
  guest.fin();
  EXPECT_EQ(guest.hears(), ". 1 ack " + std::to_string(guest.next()));
}

TEST_F(Hazard, H05OurFinTowardsAClosedWindowComesAgainWhenItOpens) {
  establish();
  guest.set_window(0);
  guest.acks();
  host.ends();
  guest.ignores_all();
  guest.acks(1);  // it did not take that
  wait(400ms);
  guest.ignores_all();
  guest.acks(1);
  guest.set_window(10'000);
  guest.acks(1);
  EXPECT_EQ(guest.hears(), "FP. 1 ack 1");
  guest.acks(2);
  guest.fin();
  EXPECT_EQ(host.closed, Closing::orderly);
}

TEST_F(Hazard, H05NoFinGoesAheadOfDataThatWaitForWindow) {
  establish();
  guest.set_window(1024);
  guest.acks();
  host.sends(2000);
  host.ends();
  wait(250ms);
  EXPECT_EQ(guest.hears(), "P. 1:1025(1024) ack 1");
  guest.ignores_all();
  guest.set_window(0);
  guest.acks();
  wait(5s);
  for (const auto& text : guest.hears_all()) EXPECT_EQ(text, ". 1024 ack 1");
  guest.set_window(10'000);
  guest.acks();
  EXPECT_EQ(guest.hears(), "P. 1025:2001(976) ack 1");
  EXPECT_EQ(guest.hears(), "FP. 2001 ack 1");
}

TEST_F(Hazard, H05AFinInASynIsNotOne) {
  guest.syn({.more_flags = fin});
  host.connects();
  EXPECT_EQ(guest.hears(), "S. 0 ack 1");
  guest.acks();
  guest.sends(5);
  EXPECT_EQ(host.got(), 5u);
  EXPECT_FALSE(host.is_shut);
}

TEST_F(Hazard, H06OnlyAResetAtTheNextNumberResets) {
  establish();
  guest.sends(100);
  guest.ignores_all();
  guest.segment({.flags = rst, .seq = 111});
  EXPECT_EQ(guest.hears(), ". 1 ack 101");  // RFC 5961 3.2
  guest.segment({.flags = rst, .seq = 100});
  guest.segment({.flags = rst, .seq = 101 + (8 << 20)});
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  EXPECT_TRUE(host.is_open());
  guest.segment({.flags = rst, .seq = 101});
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  EXPECT_EQ(host.closed, Closing::reset);
  EXPECT_EQ(engine().counters().resets_from_guest, 1u);
}

TEST_F(Hazard, H06AResetAfterTheGuestsFinResets) {
  establish();
  guest.fin();
  guest.rst();
  EXPECT_EQ(host.closed, Closing::reset);
}

TEST_F(Hazard, H06AResetThroughAClosedWindowResets) {
  establish();
  host.has_room(0);
  guest.sends(1);
  while (guest.hears() != "" && guest.told_window() != 0) guest.sends(guest.told_window());
  guest.rst();
  EXPECT_EQ(host.closed, Closing::reset);
}

TEST_F(Hazard, H06WhileConnectingOnlyTheGuestsOwnNumberEndsTheAttempt) {
  guest.syn();
  guest.segment({.flags = rst, .seq = 500});
  guest.segment({.flags = rst, .seq = 0});
  EXPECT_TRUE(host.is_open());
  guest.segment({.flags = rst, .seq = 1});
  EXPECT_EQ(host.closed, Closing::reset);
  EXPECT_THAT(guest.hears_all(), IsEmpty());
}

TEST_F(Hazard, H06ARefusedSynHearsAResetThatAcknowledgesIt) {
  guest.syn();
  host.refuses(ECONNREFUSED);
  EXPECT_EQ(guest.hears(), "R. 0 ack 1");
  EXPECT_THAT(guest.hears_all(), IsEmpty());
}

TEST_F(Hazard, H07TheGuestsResetBecomesTheRemotes) {
  establish();
  guest.rst();
  EXPECT_EQ(host.closed, Closing::reset);
}

TEST_F(Hazard, H07TheRemotesResetBecomesTheGuestsBehindWhatWasReadable) {
  establish();
  host.fails(ECONNRESET);
  EXPECT_EQ(guest.hears(), "R. 1 ack 1");
  EXPECT_EQ(engine().open_flows(), 0u);
  auto& other = another();
  establish(other, {});
  burst([&] {
    other.host.sends(3000);
    other.host.fails(ECONNRESET);
  });
  EXPECT_THAT(other.guest.hears_all(), ElementsAre("P. 1:3001(3000) ack 1", "R. 3001 ack 1"));
}

TEST_F(Hazard, H07WhatArrivedBeforeASendFailedIsGivenToTheGuestFirst) {
  establish();
  burst([&] {
    host.arrives_untold(3000);
    host.send_fails(ECONNRESET);
    guest.sends(10);
  });
  EXPECT_THAT(guest.hears_all(), ElementsAre("P. 1:3001(3000) ack 11", "R. 3001 ack 11"));
  EXPECT_TRUE(host.closed);
}

TEST_F(Hazard, H07AFailedSendIsNoFin) {
  establish();
  burst([&] {
    host.sends(3000);
    host.ends();  // what the kernel says when it has told of the error once
    host.send_fails(ECONNRESET);
    guest.sends(10);
  });
  EXPECT_THAT(guest.hears_all(), ElementsAre("P. 1:3001(3000) ack 11", "R. 3001 ack 11"));
}

TEST_F(Hazard, H07AResetDoesNotWaitForTheGuestsWindow) {
  establish();
  guest.set_window(0);
  guest.acks();
  host.sends(3000);
  host.tells({.readable = true, .ended = true});  // its FIN
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  host.fails(ECONNRESET);
  EXPECT_EQ(guest.hears(), "R. 1 ack 1");
  EXPECT_TRUE(host.closed);
}

TEST_F(Hazard, H07AResetBehindTheRemotesEndIsAReset) {  // it has closed, and was spoken to
  establish();
  host.ends();
  EXPECT_EQ(guest.hears(), "FP. 1 ack 1");
  guest.acks();
  guest.sends(10);
  EXPECT_EQ(guest.hears(), ". 2 ack 11");
  host.fails(EPIPE);
  EXPECT_EQ(guest.hears(), "R. 2 ack 11");
  EXPECT_TRUE(host.closed);
  auto& at_once = another();
  establish(at_once, {});
  burst([&] {
    at_once.host.ends();
    at_once.host.fails(EPIPE);  // after which a socket is at its end, as before
  });
  EXPECT_THAT(at_once.guest.hears_all(), ElementsAre("FP. 1 ack 1", "R. 2 ack 1"));
}

TEST_F(Hazard, H11BothEndsAtOnce) {
  establish();
  host.ends();
  EXPECT_EQ(guest.hears(), "FP. 1 ack 1");
  guest.segment({.flags = ack | fin, .seq = 1, .ack = 1});  // they cross
  EXPECT_EQ(guest.hears(), ". 2 ack 2");
  EXPECT_TRUE(host.is_open());
  guest.segment({.seq = 2, .ack = 2});
  EXPECT_EQ(host.closed, Closing::orderly);
  EXPECT_EQ(engine().open_flows(), 0u);
}

TEST_F(Hazard, H11AFinThatComesAgainAfterTheEndIsAcknowledgedAgain) {
  establish();
  host.ends();
  guest.acks();
  guest.fin();
  EXPECT_EQ(engine().open_flows(), 0u);
  guest.ignores_all();
  guest.segment({.flags = ack | fin, .seq = 1, .ack = 2});
  EXPECT_EQ(guest.hears(), ". 2 ack 2");
  guest.acks();
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  wait(61s);
  guest.segment({.flags = ack | fin, .seq = 1, .ack = 2});
  EXPECT_EQ(guest.hears(), "R 2");
}

TEST_F(Hazard, H13AnOldSynAfterTheEndOpensNothing) {
  establish();
  guest.sends(100);
  host.ends();
  guest.acks();
  guest.fin();
  EXPECT_EQ(engine().open_flows(), 0u);
  guest.ignores_all();
  guest.segment({.flags = syn, .seq = 0});
  EXPECT_EQ(engine().open_flows(), 0u);
  EXPECT_EQ(guest.hears(), ". 2 ack 102");
  guest.segment({.flags = ack | fin, .seq = 101, .ack = 2});
  EXPECT_EQ(guest.hears(), ". 2 ack 102");
}

/// Its number may lie before the old one's end by chance, after gigabytes.
TEST_F(Hazard, H13WhoMeansItsSynSaysSoByAReset) {
  establish();
  guest.sends(100);
  host.ends();
  guest.acks();
  guest.fin();
  guest.ignores_all();
  guest.segment({.flags = syn, .seq = 50});
  EXPECT_EQ(guest.hears(), ". 2 ack 102");
  guest.segment({.flags = rst, .seq = 102});
  guest.segment({.flags = syn, .seq = 50});
  EXPECT_EQ(engine().open_flows(), 1u);
}

}  // namespace postern::flow
