// hazard_path_test.cpp - a narrower path behind the namespace: H16.
#include "engine_script.h"

namespace postern::flow {
namespace {

using namespace std::chrono_literals;
using namespace wire::tcp_flag;
using testing::ElementsAre;
using testing::IsEmpty;

}  // namespace

TEST_F(Hazard, H16WhatWasTooLargeForThePathIsSentAgainInSmallerSegments) {
  establish();
  guest.loses(1);
  host.sends(10'000);
  guest.ignores_all();
  guest.says_too_big(1461, 1400);
  EXPECT_EQ(guest.hears(), "P. 1:10001(10000) ack 1");
  EXPECT_EQ(guest.last().segment_bytes, 1360u);
  guest.says_too_big(2921, 1400);  // each segment of a superframe is told of
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  guest.acks();
  host.sends(10'000);
  EXPECT_EQ(guest.hears(), "P. 10001:20001(10000) ack 1");
  EXPECT_EQ(guest.last().segment_bytes, 1360u);
  EXPECT_EQ(engine().counters().timeouts, 0u);
}

TEST_F(Hazard, H16OverIpv6TheHeadersAreLarger) {
  begin6({});
  establish({.mss = 1440});
  host.sends(10'000);
  guest.ignores_all();
  guest.says_too_big(1, 1400);
  EXPECT_NE(guest.hears(), "");
  EXPECT_EQ(guest.last().segment_bytes, 1340u);
  guest.says_too_big(1, 68);
  EXPECT_NE(guest.hears(), "");
  EXPECT_EQ(guest.last().segment_bytes, 1220u);
}

TEST_F(Hazard, H16AMessageThatQuotesNothingInFlightIsNotBelieved) {
  establish();
  guest.says_too_big(1, 600);
  host.sends(5000);
  guest.ignores_all();
  guest.acks(1461);
  guest.says_too_big(1, 600);
  guest.says_too_big(5001, 600);
  guest.says_too_big(1461, 1500);  // no less than before
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  auto& other = another();
  other.guest.says_too_big(1461, 600);  // no such connection
  guest.says_too_big(1461, 0);
  EXPECT_EQ(guest.hears(), "P. 1461:5001(3540) ack 1");
  EXPECT_EQ(guest.last().segment_bytes, 536u);
}

}  // namespace postern::flow
