// arrival_test.cpp - connections that clients of published ports open towards the namespace: RFC 9293 3.10.7.3 from our side.
#include <cerrno>

#include "engine_script.h"

namespace postern::flow {
namespace {

using namespace std::chrono_literals;
using namespace wire::tcp_flag;
using testing::ElementsAre;
using testing::IsEmpty;
using Admission = TcpEngine::Admission;

class Arrival : public OneConnection {
 protected:
  /// The handshake, nothing of it left to hear.
  void establish_inbound() {
    arrives();
    EXPECT_EQ(guest.hears(), "S 0");
    guest.answers();
    EXPECT_EQ(guest.hears(), ". 1 ack 1");
  }
  std::string state() {
    std::string name;
    engine().for_each_flow([&](const TcpEngine::Flow& flow) { name = flow.state; });
    return name;
  }
};

}  // namespace

TEST_F(Arrival, SynSentBecomesEstablishedOnSynAck) {
  arrives();
  EXPECT_EQ(state(), "SYN_SENT");
  EXPECT_EQ(guest.hears(), "S 0");
  EXPECT_EQ(guest.options().mss, 1460);
  EXPECT_EQ(guest.options().window_scale, 7);
  EXPECT_TRUE(guest.options().sack_permitted);
  EXPECT_EQ(guest.last().frame.acknowledgment, 0u);
  guest.answers();
  EXPECT_EQ(guest.hears(), ". 1 ack 1");
  EXPECT_EQ(state(), "ESTABLISHED");
  guest.sends(100);
  EXPECT_EQ(host.got(), 100u);
  host.sends(3000);
  EXPECT_THAT(guest.hears_all(), ElementsAre(". 1 ack 101", "P. 1:3001(3000) ack 101"));
}

TEST_F(Arrival, OverIpv6IsTheSame) {
  begin6({});
  establish_inbound();
  host.sends(10);
  EXPECT_EQ(guest.hears(), "P. 1:11(10) ack 1");
}

TEST_F(Arrival, ANamespaceWithoutOptionsIsTalkedToInSmallSegments) {
  arrives();
  guest.answers({.mss = {}, .scale = {}, .sack = false});
  guest.ignores_all();
  host.sends(1000);
  EXPECT_EQ(guest.hears(), "P. 1:1001(1000) ack 1");
  EXPECT_EQ(guest.last().segment_bytes, 536u);
}

TEST_F(Arrival, WhatTheClientSaysFirstWaitsInItsSocket) {
  arrives();
  host.sends(500);
  EXPECT_EQ(host.calls, 0);
  EXPECT_EQ(guest.hears(), "S 0");
  guest.answers();
  EXPECT_EQ(guest.hears(), ". 1 ack 1");
  EXPECT_EQ(guest.hears(), "P. 1:501(500) ack 1");
}

TEST_F(Arrival, AClientThatHasSaidItsEndBeforeTheAnswerIsStillServed) {
  arrives();
  burst([&] {
    host.sends(5);
    host.ends();
  });
  EXPECT_EQ(guest.hears(), "S 0");
  guest.answers();
  EXPECT_THAT(guest.hears_all(), ElementsAre(". 1 ack 1", "P. 1:6(5) ack 1", "FP. 6 ack 1"));
  guest.acks();
  guest.sends(7);
  guest.fin();
  EXPECT_EQ(host.got(), 7u);
  EXPECT_EQ(host.closed, Closing::orderly);
}

TEST_F(Arrival, AResetOfTheNamespaceBecomesOneToTheClient) {
  arrives();
  guest.ignores_all();
  guest.segment({.flags = rst | ack, .seq = 0, .ack = 1});
  EXPECT_EQ(host.closed, Closing::reset);
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  EXPECT_EQ(engine().counters().turned_away, 1u);
  EXPECT_EQ(engine().open_flows(), 0u);
}

TEST_F(Arrival, AResetThatAcknowledgesNothingOfOursIsPassedOver) {
  arrives();
  guest.ignores_all();
  guest.segment({.flags = rst, .seq = 0});
  guest.segment({.flags = rst | ack, .seq = 0, .ack = 77});
  EXPECT_TRUE(host.is_open());
  guest.answers();
  EXPECT_EQ(guest.hears(), ". 1 ack 1");
}

TEST_F(Arrival, AnIcmpErrorAboutOurSynBecomesAReset) {
  arrives();
  guest.says_unreachable(9);  // not ours
  EXPECT_TRUE(host.is_open());
  guest.says_unreachable(0);
  EXPECT_EQ(host.closed, Closing::reset);
  EXPECT_EQ(engine().counters().turned_away, 1u);
}

TEST_F(Arrival, AnIcmpErrorAboutAnEstablishedConnectionPasses) {
  establish_inbound();
  host.sends(10);
  guest.says_unreachable(1);
  EXPECT_TRUE(host.is_open());
}

TEST_F(Arrival, ASilentNamespaceIsAskedFiveTimesMore) {
  arrives();
  EXPECT_EQ(guest.hears(), "S 0");
  for (const Duration after : {1s, 2s, 4s, 8s, 16s}) {
    wait(after - 100ms);
    EXPECT_EQ(guest.hears(), "");
    wait(100ms);
    EXPECT_EQ(guest.hears(), "S 0");
  }
  EXPECT_TRUE(host.is_open());
  wait(33s);
  EXPECT_EQ(host.closed, Closing::reset);
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  EXPECT_EQ(engine().counters().turned_away, 1u);
}

TEST_F(Arrival, ASynAckThatWasLostIsAskedForAgain) {
  arrives();
  guest.ignores_all();
  wait(1s);
  EXPECT_EQ(guest.hears(), "S 0");
  guest.answers();
  EXPECT_EQ(guest.hears(), ". 1 ack 1");
}

TEST_F(Arrival, ASynAckThatComesAgainIsAcknowledgedAgain) {
  establish_inbound();
  guest.answers();
  EXPECT_EQ(guest.hears(), ". 1 ack 1");
  guest.sends(5);
  EXPECT_EQ(host.got(), 5u);
}

TEST_F(Arrival, SynsThatCrossMakeOneConnection) {
  arrives();
  EXPECT_EQ(guest.hears(), "S 0");
  guest.syn();
  EXPECT_EQ(guest.hears(), "S. 0 ack 1");
  guest.answers();  // RFC 9293 3.5 figure 8, its line 5
  EXPECT_EQ(guest.hears(), ". 1 ack 1");
  EXPECT_EQ(state(), "ESTABLISHED");
  host.sends(5);
  EXPECT_EQ(guest.hears(), "P. 1:6(5) ack 1");
  EXPECT_EQ(engine().open_flows(), 1u);
}

TEST_F(Arrival, WhatTheNamespaceHoldsOfAnOlderConnectionEndsFirst) {
  arrives();
  guest.ignores_all();
  guest.segment({.flags = ack, .seq = 4711, .ack = 0x4000'0000});  // the challenge of RFC 5961 4
  EXPECT_EQ(guest.hears(), "R 1073741824");
  wait(1s);
  EXPECT_EQ(guest.hears(), "S 0");
  guest.answers();
  EXPECT_EQ(guest.hears(), ". 1 ack 1");
}

TEST_F(Arrival, AClientThatIsResetBeforeTheAnswerIsTakenBack) {
  arrives();
  guest.ignores_all();
  host.refuses(ECONNRESET);  // what SO_ERROR says
  EXPECT_EQ(guest.hears(), "R 1");
  EXPECT_EQ(host.closed, Closing::orderly);
  EXPECT_EQ(engine().open_flows(), 0u);
  guest.segment({.flags = syn | ack, .seq = 0, .ack = 1});
  EXPECT_EQ(guest.hears(), "R 1");
}

TEST_F(Arrival, TwoOnOneFourTupleAreOneTooMany) {
  establish_inbound();
  EXPECT_EQ(arrives(first()), Admission::taken);
  EXPECT_TRUE(host.is_open());
  guest.sends(5);
  EXPECT_EQ(host.got(), 5u);
}

TEST_F(Arrival, TheNextOnAFourTupleBeginsBeyondTheLast) {
  establish_inbound();
  const uint32_t began = guest.last().frame.sequence;
  host.sends(900'000);  // faster than the clock of initial numbers
  while (host.unread() != 0) guest.acks();
  guest.acks();
  host.ends();
  guest.acks();
  guest.fin();
  ASSERT_EQ(engine().open_flows(), 0u);
  guest.ignores_all();
  arrives();
  EXPECT_EQ(guest.hears(), "S 0");
  EXPECT_GT(guest.last().frame.sequence - began, 900'000u);
}

TEST_F(Arrival, ClientsThatWaitHaveALimitOfTheirOwn) {
  begin({.max_flows = 8, .max_embryonic = 2});
  arrives();
  EXPECT_EQ(arrives(another()), Admission::opened);
  EXPECT_FALSE(engine().has_room_for_client(now()));
  EXPECT_EQ(arrives(another()), Admission::full);
  auto& outbound = another();
  outbound.guest.syn();
  outbound.host.connects();
  EXPECT_EQ(outbound.guest.hears(), "S. 0 ack 1");
  guest.answers();
  EXPECT_TRUE(engine().has_room_for_client(now()));
}

TEST_F(Arrival, AtTheLimitThoseGoForWhomTheNamespaceHasLongBeenSilent) {
  begin({.max_flows = 2, .max_embryonic = 2});
  arrives();
  arrives(another());
  EXPECT_FALSE(engine().has_room_for_client(now()));
  wait(11s);
  EXPECT_TRUE(engine().has_room_for_client(now()));
  EXPECT_EQ(host.closed, Closing::reset);
  EXPECT_EQ(arrives(another()), Admission::opened);
}

TEST_F(Arrival, WhatIsEndedFromOutsideIsResetOnBothSides) {
  establish_inbound();
  auto& waits = another();
  arrives(waits);
  waits.guest.ignores_all();
  reset_all();
  EXPECT_EQ(guest.hears(), "R. 1 ack 1");
  EXPECT_EQ(waits.guest.hears(), "R 1");
  EXPECT_EQ(host.closed, Closing::reset);
  EXPECT_EQ(waits.host.closed, Closing::reset);
  EXPECT_EQ(engine().open_flows(), 0u);
}

}  // namespace postern::flow
