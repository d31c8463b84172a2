// flow_totals_test.cpp - what each flow has carried: every byte once, whatever was lost, refused or sent again on the way.
#include <cerrno>

#include "datagram_script.h"
#include "engine_script.h"

namespace postern::flow {
namespace {

using namespace std::chrono_literals;

class TcpTotals : public OneConnection {
 protected:
  TcpEngine::Flow told() {
    std::optional<TcpEngine::Flow> only;
    engine().for_each_flow([&](const TcpEngine::Flow& flow) { only = flow; });
    EXPECT_TRUE(only);
    return only.value_or(TcpEngine::Flow{});
  }
};

TEST_F(TcpTotals, BeginAtNothingAndAtNow) {
  const TimePoint begun = now();
  guest.syn();
  host.connects();
  wait(5s);
  EXPECT_EQ(told().carried_to_guest, 0u);
  EXPECT_EQ(told().carried_to_host, 0u);
  EXPECT_EQ(told().began, begun);
}

TEST_F(TcpTotals, CountBothDirections) {
  establish();
  guest.sends(700);
  host.sends(3000);
  EXPECT_EQ(told().carried_to_host, 700u);
  EXPECT_EQ(told().carried_to_guest, 3000u);
  EXPECT_EQ(engine().counters().bytes_to_host, 700u);
  EXPECT_EQ(engine().counters().bytes_to_guest, 3000u);
}

TEST_F(TcpTotals, WhatIsSentAgainIsNotCarriedAgain) {
  establish();
  guest.loses(1);
  host.sends(500);
  wait(10s);
  EXPECT_GE(engine().counters().sent_again, 1u);
  EXPECT_EQ(told().carried_to_guest, 500u);
}

TEST_F(TcpTotals, WhatWaitsForTheHostIsNotCarriedYet) {
  establish();
  host.has_room(100);
  guest.sends(250);
  EXPECT_EQ(told().carried_to_host, 100u);
  EXPECT_EQ(told().bytes_to_host, 150u);
  host.has_room(1000);
  EXPECT_EQ(told().carried_to_host, 250u);
}

TEST_F(TcpTotals, TheNamespacesRoundTripIsKnownWhenItHasAnswered) {
  guest.syn();
  host.connects();
  EXPECT_FALSE(told().guest_round_trip);
  wait(40ms);
  guest.acks(1);
  host.sends(100);
  wait(40ms);
  guest.acks(101);
  ASSERT_TRUE(told().guest_round_trip);
  EXPECT_EQ(*told().guest_round_trip, 40ms);
}

class DatagramTotals : public DatagramScript {
 protected:
  std::vector<DatagramEngine::Flow> told() {
    std::vector<DatagramEngine::Flow> all;
    engine().for_each_flow(now, [&](const DatagramEngine::Flow& flow) { all.push_back(flow); });
    return all;
  }
};

TEST_F(DatagramTotals, CountPayloadInBothDirections) {
  const TimePoint begun = now;
  sends("192.0.2.1:7", "abc");
  passes(1s);
  sends("192.0.2.1:7", "de");
  brings(3, "192.0.2.1:7", "answer");
  ASSERT_EQ(told().size(), 1u);
  EXPECT_EQ(told()[0].carried_to_host, 5u);
  EXPECT_EQ(told()[0].carried_to_guest, 6u);
  EXPECT_EQ(told()[0].began, begun);
  EXPECT_EQ(engine().counters().bytes_to_host, 5u);
  EXPECT_EQ(engine().counters().bytes_to_guest, 6u);
}

TEST_F(DatagramTotals, SeveralInOneMessageAreAllCounted) {
  adds("192.0.2.1:7", "abc");
  adds("192.0.2.1:7", "def");
  adds("192.0.2.1:7", "g");
  end();
  brings(3, "192.0.2.1:7", "aabbc", 2);
  EXPECT_EQ(told()[0].carried_to_host, 7u);
  EXPECT_EQ(told()[0].carried_to_guest, 5u);
}

TEST_F(DatagramTotals, WhatWasNotTakenOrNotAdmittedIsNotCarried) {
  sends("192.0.2.1:7", "abc");
  host.send_errors = {EINVAL};
  sends("192.0.2.1:7", "lost");
  brings(3, "192.0.2.200:7", "stranger");
  EXPECT_EQ(told()[0].carried_to_host, 3u);
  EXPECT_EQ(told()[0].carried_to_guest, 0u);
}

TEST_F(DatagramTotals, EachClientOfAPublishedPortHasItsOwn) {
  publishes(90, 53);
  brings(90, "192.0.2.1:7000", "abc");
  passes(1s);
  brings_all(90, {{end_of("192.0.2.2:7000"), "defgh", 0}, {end_of("192.0.2.1:7000"), "i", 0}});
  sends("192.0.2.1:7000", "answer", {.port = 53});
  ASSERT_EQ(told().size(), 2u);
  for (const auto& flow : told()) {
    const bool is_first = text_of(flow.ends.key.remote, flow.ends.key.remote_port) == "192.0.2.1:7000";
    EXPECT_EQ(flow.carried_to_guest, is_first ? 4u : 5u);
    EXPECT_EQ(flow.carried_to_host, is_first ? 6u : 0u);
    EXPECT_EQ(flow.began, is_first ? now - 1s : now);
  }
}

TEST_F(DatagramTotals, AClientInAnothersPlaceBeginsAtNothing) {
  const uint32_t first = publishes(90, 53);
  brings(90, "192.0.2.1:7000", "abc");
  engine().unpublish(first);
  publishes(91, 53);
  brings(91, "192.0.2.1:7000", "d");
  ASSERT_EQ(told().size(), 1u);
  EXPECT_EQ(told()[0].carried_to_guest, 1u);
}

}  // namespace
}  // namespace postern::flow
