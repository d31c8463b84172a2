// hazard_order_test.cpp - bytes that are lost, late, twice or early: H10, H18 to H21, H37, H38, H41, H44.
#include <fmt/format.h>

#include <cerrno>

#include "engine_script.h"

namespace postern::flow {
namespace {

using namespace std::chrono_literals;
using namespace wire::tcp_flag;
using testing::ElementsAre;
using testing::IsEmpty;

}  // namespace

TEST_F(Hazard, H10UrgentDataAreOrdinary) {
  establish();
  guest.segment({.flags = ack | psh | urg, .seq = 1, .ack = 1, .bytes = 100});
  EXPECT_EQ(guest.hears(), ". 1 ack 101");
  EXPECT_EQ(host.got(), 100u);
}

TEST_F(Hazard, H10WhatStandsBehindAnUrgentMarkOfTheRemoteComesToo) {
  establish();
  host.sends_marked(3, 100);
  EXPECT_EQ(guest.hears(), "P. 1:4(3) ack 1");
  EXPECT_EQ(guest.hears(), "P. 4:101(97) ack 1");
}

TEST_F(Hazard, H18MegabytesOverTheWrapInBothDirections) {
  begin({.mtu_bytes = 65'520});
  establish({.mss = 65'480});
  for (int i = 0; i < 200; ++i) {
    guest.sends(60'000);
    host.sends(60'000);
    guest.acks();
  }
  EXPECT_EQ(host.got(), 12'000'000u);
  EXPECT_EQ(guest.heard_up_to(), 12'000'001u);
  EXPECT_EQ(engine().counters().sent_again, 0u);
}

TEST_F(Hazard, H18AnAcknowledgmentOfWhatWasNeverSentIsAnsweredAndNotBelieved) {
  establish();
  host.sends(100);
  guest.ignores_all();
  guest.acks(102);
  EXPECT_EQ(guest.hears(), ". 101 ack 1");
  guest.acks(1 + (1u << 31));  // as far before as behind
  guest.ignores_all();
  wait(1s);
  EXPECT_EQ(guest.hears(), "P. 1:101(100) ack 1");
}

TEST_F(Hazard, H19WhatComesAgainInOtherPiecesIsDeliveredOnce) {
  establish();
  guest.sends(3000);
  guest.segment({.seq = 1, .ack = 1, .bytes = 3000});
  guest.segment({.seq = 1461, .ack = 1, .bytes = 2500});  // a part of it is new
  guest.segment({.seq = 1, .ack = 1, .bytes = 5000});
  guest.segment({.seq = 4999, .ack = 1, .bytes = 3});
  EXPECT_THAT(guest.hears_all(), ElementsAre(". 1 ack 3001", ". 1 ack 3001", ". 1 ack 3961", ". 1 ack 5001", ". 1 ack 5002"));
  EXPECT_EQ(host.got(), 5001u);
}

TEST_F(Hazard, H19TheSameOnceMoreWithinOneBurst) {
  establish();
  burst([&] {
    for (int i = 0; i < 3; ++i) guest.segment({.seq = 1, .ack = 1, .bytes = 2000});
    guest.segment({.seq = 1001, .ack = 1, .bytes = 2000});
  });
  EXPECT_EQ(guest.hears_all().back(), ". 1 ack 3001");
  EXPECT_EQ(host.got(), 3000u);
}

TEST_F(Hazard, H20WhatComesEarlyIsNamedAndKept) {
  establish();
  guest.segment({.seq = 1461, .ack = 1, .bytes = 1460});
  guest.segment({.seq = 4381, .ack = 1, .bytes = 1460});
  guest.segment({.seq = 2921, .ack = 1, .bytes = 1460});
  EXPECT_THAT(guest.hears_all(),
              ElementsAre(". 1 ack 1 sack 1461:2921", ". 1 ack 1 sack 4381:5841 sack 1461:2921", ". 1 ack 1 sack 1461:5841"));
  EXPECT_EQ(host.got(), 0u);
  guest.segment({.seq = 1, .ack = 1, .bytes = 1460});
  EXPECT_EQ(guest.hears(), ". 1 ack 5841");
  EXPECT_EQ(host.got(), 5840u);
  EXPECT_EQ(engine().counters().out_of_order, 3u);
}

TEST_F(Hazard, H20WithoutSackItIsKeptAllTheSame) {
  establish({.sack = false});
  guest.segment({.seq = 101, .ack = 1, .bytes = 100});
  EXPECT_EQ(guest.hears(), ". 1 ack 1");
  guest.segment({.seq = 1, .ack = 1, .bytes = 150});
  EXPECT_EQ(guest.hears(), ". 1 ack 201");
  EXPECT_EQ(host.got(), 200u);
}

TEST_F(Hazard, H20OneSegmentThatIsLostIsSentAgainAfterThreeThatTellOfIt) {
  establish();
  guest.loses(1);
  for (int i = 0; i < 5; ++i) host.sends(1460);
  guest.ignores_all();
  for (uint32_t i = 2; i <= 4; ++i) guest.acks(1, {{1461, 1461 + (i - 1) * 1460}});
  EXPECT_EQ(guest.hears(), "P. 1:1461(1460) ack 1");
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  guest.acks(7301);
  wait(10s);
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  EXPECT_EQ(engine().counters().timeouts, 0u);
}

TEST_F(Hazard, H20EachHoleIsFilledOnce) {
  establish();
  for (int i = 0; i < 8; ++i) host.sends(1460);
  guest.ignores_all();
  const auto at = [](uint32_t segment) { return 1 + segment * 1460; };
  guest.acks(1, {{at(1), at(2)}, {at(3), at(4)}, {at(5), at(8)}});
  EXPECT_THAT(guest.hears_all(), ElementsAre("P. 1:1461(1460) ack 1", "P. 2921:4381(1460) ack 1", "P. 5841:7301(1460) ack 1"));
  for (int i = 0; i < 4; ++i) guest.acks(1, {{at(1), at(2)}, {at(3), at(4)}, {at(5), at(8)}});
  EXPECT_THAT(guest.hears_all(), IsEmpty());
}

TEST_F(Hazard, H20WithoutSackThreeDuplicatesAreALoss) {
  establish({.sack = false});
  for (int i = 0; i < 5; ++i) host.sends(1460);
  guest.ignores_all();
  guest.acks(1);
  guest.acks(1);
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  guest.acks(1);
  EXPECT_EQ(guest.hears(), "P. 1:1461(1460) ack 1");
  guest.acks(2921);  // partial, RFC 6582
  EXPECT_EQ(guest.hears(), "P. 2921:4381(1460) ack 1");
  guest.acks(7301);
  EXPECT_THAT(guest.hears_all(), IsEmpty());
}

TEST_F(Hazard, H21AWholeFlightThatIsLostComesAgainAfterATimeout) {
  establish();
  guest.loses(1);
  host.sends(64'000);
  guest.ignores_all();
  wait(190ms);
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  wait(60ms);
  EXPECT_EQ(guest.hears(), "P. 1:14601(14600) ack 1");  // ten segments, RFC 6928
  guest.acks();
  while (guest.hears() != "") guest.acks();
  EXPECT_EQ(guest.heard_up_to(), 64'001u);
  EXPECT_EQ(engine().counters().timeouts, 1u);
}

TEST_F(Hazard, H37WhatTheHostTakesInPartIsAcknowledgedInFullAndSentInOrder) {
  establish();
  host.has_room(700);
  burst([&] {
    guest.sends(500);
    guest.sends(500);
    guest.sends(500);
  });
  EXPECT_EQ(guest.hears(), ". 1 ack 1501");
  EXPECT_EQ(host.got(), 700u);
  guest.sends(500);
  EXPECT_EQ(host.got(), 700u);
  for (size_t got = 700; got < 2000; got += 100) {
    host.has_room(100);
    EXPECT_EQ(host.got(), got + 100);
  }
  guest.sends(10);  // its buffer is full
  EXPECT_EQ(host.got(), 2000u);
  host.has_room(SIZE_MAX);
  EXPECT_EQ(host.got(), 2010u);
}

TEST_F(Hazard, H37AnInterruptedReadOrAnEmptyOneIsNoEnd) {
  establish();
  host.tells({.readable = true});  // and there is nothing
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  EXPECT_TRUE(host.is_open());
  host.sends(5);
  EXPECT_EQ(guest.hears(), "P. 1:6(5) ack 1");
}

TEST_F(Hazard, H38AFrameThatTheTapDoesNotTakeIsALoss) {
  establish();
  guest.loses(2);
  host.sends(100);
  host.ends();
  EXPECT_THAT(guest.hears_all(), ElementsAre("P. 1:101(100) ack 1", "FP. 101 ack 1"));
  wait(250ms);
  EXPECT_EQ(guest.hears(), "FP. 1:101(100) ack 1");
  guest.acks();
  guest.fin();
  EXPECT_EQ(host.closed, Closing::orderly);
}

TEST_F(Hazard, H41TheLastOfABurstIsPushed) {
  establish();
  host.sends(150'000);
  EXPECT_THAT(guest.hears_all(),
              ElementsAre(". 1:64241(64240) ack 1", ". 64241:128481(64240) ack 1", "P. 128481:150001(21520) ack 1"));
}

TEST_F(Hazard, H44SmallMessagesGoAtOnceAndAreAcknowledgedAtOnce) {
  establish();
  for (uint32_t i = 0; i < 50; ++i) {
    host.sends(1);
    EXPECT_EQ(guest.hears(), fmt::format("P. {}:{}(1) ack {}", 1 + i, 2 + i, 1 + i));
    guest.sends(1);
    EXPECT_EQ(guest.hears(), fmt::format(". {} ack {}", 2 + i, 2 + i));
    EXPECT_EQ(host.got(), i + 1);
  }
}

TEST_F(Hazard, H44OneAcknowledgmentABurst) {
  establish();
  burst([&] {
    for (int i = 0; i < 40; ++i) guest.sends(1460);
  });
  EXPECT_THAT(guest.hears_all(), ElementsAre(". 1 ack 58401"));
  EXPECT_EQ(host.calls, 1);
}

TEST_F(Hazard, H20WithItsWindowFullTheGuestsAcknowledgmentsStillCount) {
  establish({.scale = std::nullopt});  // so that the window cannot grow beyond 65 535
  host.sends(1000);
  guest.ignores_all();
  // A whole window of which the first segment is lost: all else stands at its right edge.
  guest.segment({.seq = 1461, .ack = 1, .bytes = 65'535 - 1460});
  guest.ignores_all();
  guest.segment({.seq = 65'536, .ack = 1001});
  wait(1s);
  EXPECT_THAT(guest.hears_all(), IsEmpty());  // nothing comes again
}

TEST_F(Hazard, H37NeverMoreThanTheBudgetWaits) {
  establish();
  host.has_room(0);
  for (int i = 0; i < 10; ++i) {
    guest.segment({.seq = guest.next(), .ack = 1, .bytes = 60'000});  // whatever the window says
    guest.hears_all();
    guest.sends(guest.told_window() == 0 ? 0 : std::min(guest.told_window(), 60'000u));
    guest.hears_all();
  }
  const uint32_t acknowledged = guest.last().frame.acknowledgment - ScriptGuest::kInitial;
  EXPECT_LE(acknowledged, 1u + 256 * 1024 + 128);
  host.has_room(SIZE_MAX);
  EXPECT_EQ(host.got(), acknowledged - 1);
}

TEST_F(Hazard, H37ManySmallSegmentsDoNotMoveTheEdgeBeyondTheBudget) {
  establish();
  host.has_room(0);
  for (int i = 0; i < 3000; ++i) {
    guest.sends(1);
    guest.hears();
  }
  EXPECT_LE(guest.told_window(), 256u * 1024 - 3000 + 128);
}

TEST_F(Hazard, H21AGuestThatNeverAnswersIsGivenUpAfterFifteenTimeouts) {
  establish();
  host.sends(100);
  wait(8min);
  EXPECT_TRUE(host.is_open());
  wait(1min);
  EXPECT_EQ(host.closed, Closing::reset);
  const auto all = guest.hears_all();
  EXPECT_EQ(all.size(), 17u);  // once, 15 times more, and the end
  EXPECT_EQ(all.back(), "R. 101 ack 1");
}

/// What is to be sent again lies in more pieces than a frame takes, and the host's socket is found dead before the first of them.
TEST_F(Hazard, H20AConnectionThatEndsWhileItIsRepairedEndsTheRepair) {
  guest.set_window(4 << 20);
  establish({.scale = 14});
  for (int i = 0; i < 8; ++i) {  // its share of a round: it waits for its turn from now on
    host.sends(60'000);
    guest.acks();
  }
  for (int i = 0; i < 40; ++i) host.sends(2'049);                  // too large to be copied: a chunk each
  const uint32_t lost = guest.heard_up_to() - 40 * 2'049 + 2'000;  // 33 pieces in 64'240 bytes
  guest.acks(lost);
  guest.ignores_all();
  host.send_fails(EPIPE);
  burst([&] {
    const uint32_t next = guest.next(), end = guest.heard_up_to();
    guest.segment({.seq = next, .ack = lost, .bytes = 100});
    for (int i = 0; i < 4; ++i) guest.segment({.seq = next + 100, .ack = lost, .sack = {{end - 10, end}}});
  });
  EXPECT_TRUE(host.closed);
}

}  // namespace postern::flow
