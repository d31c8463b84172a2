// hazard_open_test.cpp - how connections begin, and how they are refused: H08, H12 to H14, H34, H36, H42, H43.
#include <cerrno>

#include "engine_script.h"

namespace postern::flow {
namespace {

using namespace std::chrono_literals;
using namespace wire::tcp_flag;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint32_t kOther = 0x5000'0000;  // the number of a new attempt's SYN

}  // namespace

TEST_F(Hazard, H08WhatTheHostSaysIsWhatTheGuestSees) {
  const std::vector<std::pair<int, Refusal>> errors = {
      {ENETUNREACH, Refusal::no_route}, {ENETDOWN, Refusal::no_route},    {EAFNOSUPPORT, Refusal::no_route},
      {EHOSTUNREACH, Refusal::host},    {EHOSTDOWN, Refusal::host},       {EACCES, Refusal::prohibited},
      {EPERM, Refusal::prohibited},     {ENOPROTOOPT, Refusal::protocol}, {EPROTO, Refusal::protocol}};
  for (const auto& [error, refusal] : errors) {
    SCOPED_TRACE(error);
    auto& late = another();
    late.guest.syn();
    late.host.refuses(error);
    EXPECT_THAT(late.guest.refusals, ElementsAre(refusal));
    EXPECT_EQ(late.host.closed, Closing::orderly);
    host_answers_at_once(error);
    auto& soon = another();
    soon.guest.syn();
    EXPECT_THAT(soon.guest.refusals, ElementsAre(refusal));
    EXPECT_THAT(soon.guest.hears_all(), IsEmpty());
    host_answers_at_once(EINPROGRESS);
  }
  EXPECT_EQ(engine().open_flows(), 0u);
  EXPECT_EQ(engine().counters().refused, 2 * errors.size());
}

TEST_F(Hazard, H08WhatPassesIsNotTold) {
  for (const int error : {ETIMEDOUT, EMFILE, ENFILE, ENOBUFS, ENOMEM, EAGAIN, EADDRNOTAVAIL}) {
    SCOPED_TRACE(error);
    auto& ends = another();
    ends.guest.syn();
    ends.host.refuses(error);
    EXPECT_THAT(ends.guest.hears_all(), IsEmpty());
    EXPECT_THAT(ends.guest.refusals, IsEmpty());
    ends.guest.syn();  // it asks again
    EXPECT_TRUE(ends.host.is_open());
  }
}

TEST_F(Hazard, H08WithoutAnIpv6AddressOfTheHostThereIsNoRoute) {
  begin6({});
  host_answers_at_once(EADDRNOTAVAIL);
  guest.syn();
  EXPECT_THAT(guest.refusals, ElementsAre(Refusal::no_route));
}

TEST_F(Hazard, H12OfASynThatCrossesOursTheGuestHearsAChallenge) {
  guest.syn();
  host.connects();
  guest.ignores_all();
  guest.segment({.flags = syn | ack, .seq = 0, .ack = 1});
  EXPECT_NE(guest.hears(), "");
  guest.acks();
  guest.sends(5);
  EXPECT_EQ(host.got(), 5u);
}

TEST_F(Hazard, H13TheSameSynAgainWhileConnectingIsPatience) {
  guest.syn();
  for (int i = 0; i < 5; ++i) guest.segment({.flags = syn, .seq = 0});
  EXPECT_THAT(guest.hears_all(), IsEmpty());
  EXPECT_EQ(engine().counters().opened, 1u);
  host.connects();
  EXPECT_EQ(guest.hears(), "S. 0 ack 1");
}

TEST_F(Hazard, H13TheSameSynAgainBehindOurAnswerIsAnsweredAgain) {
  guest.syn();
  host.connects();
  guest.ignores_all();
  guest.segment({.flags = syn, .seq = 0});
  EXPECT_EQ(guest.hears(), "S. 0 ack 1");
  EXPECT_EQ(guest.options().mss, 1460);
  guest.acks();
  guest.sends(5);
  EXPECT_EQ(host.got(), 5u);
}

TEST_F(Hazard, H13AnotherSynWhileConnectingIsANewAttempt) {
  guest.syn();
  const uint32_t old = host.token();
  guest.syn({.initial = kOther});
  EXPECT_NE(host.token(), old);
  host.connects();
  EXPECT_EQ(guest.hears(), "S. 0 ack 1");
  EXPECT_EQ(engine().open_flows(), 1u);
}

TEST_F(Hazard, H13ASynInAConnectionIsChallenged) {
  establish();
  guest.sends(10);
  guest.ignores_all();
  guest.segment({.flags = syn, .seq = 0});
  EXPECT_EQ(guest.hears(), ". 1 ack 11");
  guest.segment({.flags = syn, .seq = kOther});
  EXPECT_EQ(guest.hears(), ". 1 ack 11");
  guest.segment({.flags = rst, .seq = 11});  // who has forgotten the connection answers so, RFC 5961 4.2
  EXPECT_EQ(host.closed, Closing::reset);
  guest.syn({.initial = kOther});
  host.connects();
  EXPECT_EQ(guest.hears(), "S. 0 ack 1");
}

TEST_F(Hazard, H13ANewSynAfterBothFinsIsANewConnectionAtOnce) {
  establish();
  host.ends();
  guest.acks();
  guest.fin();
  EXPECT_EQ(engine().open_flows(), 0u);
  guest.ignores_all();
  guest.syn({.initial = ScriptGuest::kInitial + 1000});
  host.connects();
  EXPECT_EQ(guest.hears(), "S. 0 ack 1");
  guest.acks();
  guest.sends(5);
  EXPECT_EQ(host.got(), 5u);
}

TEST_F(Hazard, H13ManyShortConnectionsFromOnePort) {
  for (uint32_t i = 0; i < 3000; ++i) {
    guest.syn({.initial = ScriptGuest::kInitial + i * 64'000});
    host.connects();
    guest.acks();
    guest.sends(10);
    host.sends(10);
    host.ends();
    guest.acks();
    guest.fin();
    ASSERT_EQ(host.closed, Closing::orderly) << i;
    guest.ignores_all();
    wait(1ms);
  }
  EXPECT_EQ(engine().open_flows(), 0u);
  EXPECT_EQ(engine().counters().opened, 3000u);
}

TEST_F(Hazard, H13SynsOfEndlesslyManyAttemptsInOneBurstAreBounded) {
  begin({.max_flows = 4});
  burst([&] {
    for (uint32_t i = 0; i < 100; ++i) guest.segment({.flags = syn, .seq = i * 1000});
  });
  EXPECT_LE(engine().open_flows(), 1u);
  host_answers_at_once(ENETUNREACH);
  auto& other = another();
  burst([&] {
    for (int i = 0; i < 100; ++i) other.guest.segment({.flags = syn, .seq = 0});
  });
  EXPECT_LE(engine().open_flows(), 1u);
}

struct Mss {
  std::vector<uint8_t> options;
  size_t segment_bytes;
};

TEST_F(Hazard, H14AnMssMayBeAbsentTinyOddOrTooLarge) {
  const std::vector<Mss> cases = {{{1, 1, 1, 0}, 536},                       // none
                                  {{2, 4, 0, 0}, 536},                       // 0 says nothing
                                  {{2, 3, 5, 180}, 536},                     // a wrong length
                                  {{2, 4, 5}, 536},                          // cut short
                                  {{2, 4, 0, 1}, 64},                        // our least
                                  {{2, 4, 0, 100}, 100},                     //
                                  {{2, 4, 3, 233}, 1001},                    // odd
                                  {{2, 4, 0xff, 0xff}, 1460},                // more than the link's
                                  {{2, 4, 5, 180, 3, 4, 7, 0}, 1460},        // malformed behind it
                                  {{254, 6, 1, 2, 3, 4, 2, 4, 2, 0}, 512}};  // unknown before it
  for (const auto& [options, segment_bytes] : cases) {
    auto& ends = another();
    establish(ends, {.raw_options = options});
    EXPECT_EQ(ends.guest.options().mss, 1460);
    ends.host.sends(10'000);
    ASSERT_NE(ends.guest.hears(), "");
    EXPECT_EQ(ends.guest.last().segment_bytes, segment_bytes);
  }
}

TEST_F(Hazard, H14OverIpv6TheDefaultAndTheLinksAreSmallerAndLarger) {
  begin6({.mtu_bytes = 65'520});
  establish({.mss = std::nullopt});
  EXPECT_EQ(guest.options().mss, 65'460);
  host.sends(10'000);
  EXPECT_NE(guest.hears(), "");
  EXPECT_EQ(guest.last().segment_bytes, 1220u);
}

TEST_F(Hazard, H34OurAnswerIsRepeatedAndThenGivenUp) {
  guest.syn();
  host.connects();
  host.sends(100);
  EXPECT_THAT(guest.hears_all(), ElementsAre("S. 0 ack 1"));
  for (const Duration after : {1s, 2s, 4s, 8s, 16s}) {
    wait(after - 10ms);
    EXPECT_EQ(guest.hears(), "");
    wait(10ms);
    EXPECT_EQ(guest.hears(), "S. 0 ack 1");
  }
  wait(32s);
  EXPECT_EQ(guest.hears(), "R. 1 ack 1");
  EXPECT_EQ(host.closed, Closing::reset);
}

TEST_F(Hazard, H34AnEarlyGreetingWaitsForTheHandshake) {
  guest.syn();
  burst([&] {
    host.connects();
    host.sends(20);
    host.ends();
  });
  EXPECT_THAT(guest.hears_all(), ElementsAre("S. 0 ack 1"));
  guest.acks();
  EXPECT_THAT(guest.hears_all(), ElementsAre("P. 1:21(20) ack 1", "FP. 21 ack 1"));
}

TEST_F(Hazard, H34AWrongAcknowledgmentOfOurSynIsReset) {
  guest.syn();
  host.connects();
  guest.ignores_all();
  guest.acks(7);
  EXPECT_EQ(guest.hears(), "R 7");
  guest.acks();
  guest.sends(5);
  EXPECT_EQ(host.got(), 5u);
}

TEST_F(Hazard, H36TheOutcomeIsAskedForOnce) {
  guest.syn();
  host.tells({.readable = true});  // no outcome yet
  EXPECT_EQ(host.outcomes, 0);
  host.tells({.readable = true, .writable = true, .ended = true});  // EPOLLHUP without an error: connected, and ended since
  EXPECT_EQ(host.outcomes, 1);
  EXPECT_EQ(guest.hears(), "S. 0 ack 1");
  host.tells({.writable = true, .ended = true});
  EXPECT_EQ(host.outcomes, 1);
}

TEST_F(Hazard, H36AResetRightBehindTheConnectIsAResetAndNoRefusal) {
  guest.syn();
  host.arrives_untold(100);
  host.connects_and_is_reset();
  EXPECT_EQ(guest.hears(), "S. 0 ack 1");
  guest.acks();
  EXPECT_EQ(guest.hears(), "P. 1:101(100) ack 1");
  EXPECT_EQ(guest.hears(), "R. 101 ack 1");
  EXPECT_FALSE(host.is_open());
}

TEST_F(Hazard, H42EcnIsNotNegotiated) {
  guest.syn({.more_flags = ece | cwr});
  host.connects();
  EXPECT_EQ(guest.hears(), "S. 0 ack 1");
  guest.acks();
  guest.segment({.flags = ack | psh | ece, .seq = 1, .ack = 1, .bytes = 5});
  EXPECT_EQ(guest.hears(), ". 1 ack 6");
  EXPECT_EQ(host.got(), 5u);
}

TEST_F(Hazard, H43OfASynWithDataOnlyTheSynIsTaken) {
  // TCP Fast Open with a cookie, MPTCP's MP_CAPABLE, MD5: RFC 7413, 8684, 2385.
  guest.syn(
      {.bytes = 50, .raw_options = {34, 6, 1, 2, 3, 4, 30, 4, 1, 0, 19, 18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}});
  host.connects();
  EXPECT_EQ(guest.hears(), "S. 0 ack 1");
  EXPECT_EQ(guest.last().options.size(), 4u);  // the MSS alone
  guest.acks();
  guest.sends(50);
  EXPECT_EQ(host.got(), 50u);
}

TEST_F(Hazard, H43AConnectionThatIsThereAtOnceIsAnsweredAtOnce) {
  host_answers_at_once(0);
  guest.syn();
  EXPECT_EQ(guest.hears(), "S. 0 ack 1");
}

TEST_F(Hazard, H13ANewSynIsANewConnectionThoughTheLastAcknowledgmentWasLost) {
  establish();
  guest.fin();
  guest.ignores_all();
  host.ends();
  EXPECT_EQ(guest.hears(), "FP. 1 ack 2");
  EXPECT_TRUE(host.is_open());  // the acknowledgment of our FIN never comes
  guest.syn({.initial = ScriptGuest::kInitial + 1000});
  EXPECT_EQ(engine().counters().opened, 2u);
  host.connects();
  EXPECT_EQ(guest.hears(), "S. 0 ack 1");
}

}  // namespace postern::flow
