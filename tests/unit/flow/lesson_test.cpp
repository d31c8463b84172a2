// lesson_test.cpp - twenty defects that others had to mend in 2025 and 2026, so that we do not have them: one script each, by the
// number of the list in README.md. Where a script of a hazard is the same, it stands there.
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

TEST_F(Lesson, L01WhatTheGuestHasNotAcknowledgedMakesNoBusyLoop) {
  guest.set_window(10'000);
  establish();
  host.sends(1 << 20);
  const int calls = host.calls;
  for (int i = 0; i < 100; ++i) host.tells({.readable = true});
  EXPECT_EQ(host.calls, calls);
  EXPECT_FALSE(engine().has_work());
}

TEST_F(Lesson, L02ARefusalAcknowledgesTheSyn) {
  guest.syn();
  host.refuses(ECONNREFUSED);
  EXPECT_EQ(guest.hears(), "R. 0 ack 1");
}

TEST_F(Lesson, L03ASynThatComesAgainOpensNoSecondSocket) {
  guest.syn();
  guest.segment({.flags = syn, .seq = 0});
  EXPECT_EQ(engine().counters().opened, 1u);
}

TEST_F(Lesson, L04ASegmentOfNoConnectionIsReset) {
  guest.segment({.flags = ack | psh, .seq = 100, .ack = 7, .bytes = 10});
  EXPECT_EQ(guest.hears(), "R 7");
  guest.segment({.flags = ack | fin, .seq = 100, .ack = 8});
  EXPECT_EQ(guest.hears(), "R 8");
  guest.segment({.flags = syn | ack, .seq = 100, .ack = 9});
  EXPECT_EQ(guest.hears(), "R 9");
  guest.segment({.flags = psh, .seq = 100, .bytes = 10});
  EXPECT_EQ(guest.hears(), "R. 0 ack 110");
  guest.segment({.flags = fin, .seq = 100});
  EXPECT_EQ(guest.hears(), "R. 0 ack 101");
  guest.segment({.flags = rst, .seq = 100});
  guest.segment({.flags = rst | ack, .seq = 100, .ack = 9});
  EXPECT_THAT(guest.hears_all(), IsEmpty());
}

TEST_F(Lesson, L05ABurstEndsWithPsh) {
  establish();
  host.sends(70'000);
  EXPECT_THAT(guest.hears_all(), ElementsAre(". 1:64241(64240) ack 1", "P. 64241:70001(5760) ack 1"));
}

TEST_F(Lesson, L08NoFinBeforeWhatCameEarlierCanBeAcknowledged) {
  guest.set_window(1460);
  establish();
  host.sends(3000);
  host.ends();
  for (const auto* text : {"P. 1:1409(1408) ack 1", "P. 1409:2817(1408) ack 1", "P. 2817:3001(184) ack 1", "FP. 3001 ack 1"}) {
    EXPECT_EQ(guest.hears(), text);
    guest.acks();
  }
}

TEST_F(Lesson, L09AFinThatIsLostComesAgain) {
  establish();
  guest.loses(2);
  host.ends();
  guest.ignores_all();
  wait(250ms);
  EXPECT_EQ(guest.hears(), "FP. 1 ack 1");
  wait(450ms);
  EXPECT_EQ(guest.hears(), "FP. 1 ack 1");
  guest.acks();
  wait(1min);
  EXPECT_THAT(guest.hears_all(), IsEmpty());
}

TEST_F(Lesson, L10AFinInTheWrongPlaceIsIgnored) {
  establish();
  guest.sends(100);
  guest.ignores_all();
  guest.segment({.flags = ack | fin, .seq = 50, .ack = 1});
  guest.segment({.flags = ack | fin, .seq = 150, .ack = 1});
  guest.segment({.flags = ack | fin, .seq = 1u << 30, .ack = 1});
  for (const auto& text : guest.hears_all()) EXPECT_EQ(text, ". 1 ack 101");
  EXPECT_FALSE(host.is_shut);
}

TEST_F(Lesson, L14WhatTheHostTookIsWhatIsAcknowledgedWhenItTakesHalf) {
  establish();
  host.has_room(1);
  for (int i = 0; i < 20; ++i) {
    guest.sends(97);
    EXPECT_EQ(guest.hears(), fmt::format(". 1 ack {}", guest.next()));
    host.has_room(31);
  }
  host.has_room(SIZE_MAX);
  EXPECT_EQ(host.got(), 20u * 97);
}

TEST_F(Lesson, L17EitherSideMayBeSilentAndIsAsked) {
  establish();
  wait(3h);
  EXPECT_FALSE(guest.hears_all().empty());
}

TEST_F(Lesson, L19TheEndOfTheHostIsToldOnceAllIsRead) {
  establish();
  burst([&] {
    host.sends(200'000);
    host.ends();
  });
  std::string last;
  for (std::string text = guest.hears(); !text.empty(); text = guest.hears()) last = text;
  guest.acks();
  EXPECT_EQ(last, "FP. 200001 ack 1");
}

}  // namespace postern::flow
