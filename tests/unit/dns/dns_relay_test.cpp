#include "postern/dns/dns_relay.h"

#include "relay_script.h"

namespace postern::dns::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint16_t kServerFailure = 2, kNoSuchName = 3, kNotImplemented = 4, kRefused = 5;
const Frame kQuery = dns_query("www.example.org", {.id = 7}), kOther = dns_query("www.example.org", {.id = 8, .type = 28});

class Relay : public Script {};

TEST_F(Relay, CarriesAnAnswerAsItIsAndHangsUp) {
  ask(kQuery);
  EXPECT_THAT(asked_, ElementsAre(1));
  say(1, answer_to(kQuery));
  EXPECT_THAT(answers_, ElementsAre(answer_to(kQuery)));
  EXPECT_EQ(last_asker_, kAsker);
  EXPECT_THAT(sockets_, IsEmpty());
  EXPECT_EQ(relay_.counters().answered, 1u);
  pass(20s);
  EXPECT_THAT(asked_, ElementsAre(1));
  EXPECT_FALSE(relay_.next_deadline());
}

TEST_F(Relay, CarriesALargeAnswer) {
  ask(kQuery);
  say(1, answer_to(kQuery, 0, std::string(60'000, 'x')));
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_EQ(answers_[0].size(), kQuery.size() + 60'000);
}

TEST_F(Relay, TakesNoAnswerToAnotherQuestion) {
  ask(kQuery);
  say(1, answer_to(dns_query("www.example.org", {.id = 9})));
  say(1, answer_to(dns_query("www.example.com", {.id = 7})));
  say(1, kQuery);  // is no response
  say(1, {1, 2, 3});
  EXPECT_THAT(answers_, IsEmpty());
  EXPECT_EQ(relay_.counters().strange_answers, 4u);
  say(1, answer_to(dns_query("WWW.example.ORG", {.id = 7})));
  EXPECT_THAT(answers_, SizeIs(1));
}

TEST_F(Relay, TakesAnErrorWithoutItsQuestionButNoAnswer) {
  Frame bare = {0, 7, 0x81, 0x80, 0, 0, 0, 0, 0, 0, 0, 0};
  ask(kQuery);
  say(1, bare);
  EXPECT_THAT(answers_, IsEmpty());
  bare[3] = 0x81;  // format error
  say(1, bare);
  EXPECT_THAT(answers_, ElementsAre(bare));
}

TEST_F(Relay, NoSuchNameIsAnAnswer) {
  ask(kQuery);
  say(1, answer_to(kQuery, kNoSuchName));
  EXPECT_THAT(answers_, SizeIs(1));
  EXPECT_THAT(asked_, ElementsAre(1));
}

// ---- another server is asked

TEST_F(Relay, ARefusalAsksTheNextAtOnce) {
  ask(kQuery);
  fail(1, ECONNREFUSED);
  EXPECT_THAT(asked_, ElementsAre(1, 2));
  EXPECT_FALSE(hears(1));
  say(2, answer_to(kQuery));
  EXPECT_THAT(answers_, SizeIs(1));
  EXPECT_EQ(relay_.counters().failed_over, 1u);
}

TEST_F(Relay, WhoCannotBeAskedIsPassedOver) {
  cannot_be_asked_ = {{1, ENETUNREACH}, {2, EAFNOSUPPORT}};
  ask(kQuery);
  EXPECT_THAT(asked_, ElementsAre(1, 2, 3));
  say(3, answer_to(kQuery));
  EXPECT_THAT(answers_, SizeIs(1));
}

TEST_F(Relay, AfterASecondOfSilenceTheNextIsAskedToo) {
  ask(kQuery);
  pass(999ms);
  EXPECT_THAT(asked_, ElementsAre(1));
  pass(1ms);
  EXPECT_THAT(asked_, ElementsAre(1, 2));
  EXPECT_TRUE(hears(1));
  pass(1s);
  EXPECT_THAT(asked_, ElementsAre(1, 2, 3));
  say(1, answer_to(kQuery));  // late, and good
  EXPECT_THAT(answers_, SizeIs(1));
  EXPECT_THAT(sockets_, IsEmpty());
}

TEST_F(Relay, WhoAnsweredLastIsAskedFirst) {
  ask(kQuery);
  pass(1s);
  say(2, answer_to(kQuery));
  ask(kOther);
  EXPECT_THAT(asked_, ElementsAre(1, 2, 2));
  fail(2, ECONNREFUSED);
  EXPECT_THAT(asked_, ElementsAre(1, 2, 2, 1));
  say(1, answer_to(kOther));
  EXPECT_EQ(choice_.answering(), server(1));
}

TEST_F(Relay, WhoCannotAnswerIsNotAskedFirstAndAnotherIsAskedInstead) {
  for (const uint16_t code : {kServerFailure, kNotImplemented, kRefused}) {
    asked_.clear();
    ask(kQuery);
    say(1, answer_to(kQuery, code));
    EXPECT_THAT(asked_, ElementsAre(1, 2)) << code;
    EXPECT_FALSE(choice_.answering());
    fail(2, ECONNREFUSED);
    fail(3, ECONNREFUSED);
    EXPECT_EQ(answers_.back(), answer_to(kQuery, code));  // nobody knows better
    EXPECT_THAT(sockets_, IsEmpty());
  }
  EXPECT_THAT(refusals_, IsEmpty());
}

TEST_F(Relay, WhoKnowsBetterThanOneThatLivesIsNotAskedFirst) {  // a name whose signature is wrong, say
  ask(kQuery);
  say(1, answer_to(kQuery, kServerFailure));
  say(2, answer_to(kQuery));
  EXPECT_THAT(answers_, ElementsAre(answer_to(kQuery)));
  EXPECT_FALSE(choice_.answering());
  ask(kOther);
  EXPECT_THAT(asked_, ElementsAre(1, 2, 1));
}

TEST_F(Relay, WhoWasSilentAndAnswersLateIsAskedFirstWhateverThoseBehindItSaid) {
  ask(kQuery);
  pass(1s);
  say(2, answer_to(kQuery, kServerFailure));
  say(1, answer_to(kQuery));
  EXPECT_EQ(choice_.answering(), server(1));
  ask(kOther);
  fail(1, ECONNREFUSED);
  pass(1s);
  say(3, answer_to(kOther));
  EXPECT_EQ(choice_.answering(), server(3));
}

TEST_F(Relay, ThatNobodyCanAnswerIsSaidWhileAProgramStillListens) {
  ask(kQuery);
  say(1, answer_to(kQuery, kServerFailure));
  pass(3999ms);
  EXPECT_THAT(asked_, ElementsAre(1, 2, 3));
  EXPECT_THAT(answers_, IsEmpty());
  pass(1ms);
  EXPECT_THAT(answers_, ElementsAre(answer_to(kQuery, kServerFailure)));
  EXPECT_THAT(sockets_, IsEmpty());
}

TEST_F(Relay, ALateWordOfNoHelpIsHeldBackNoLonger) {
  servers(8);
  ask(kQuery);
  pass(5s);
  say(1, answer_to(kQuery, kServerFailure));
  EXPECT_THAT(answers_, SizeIs(1));
  EXPECT_THAT(asked_, SizeIs(6));  // and nobody else for it
}

// ---- nobody answers

TEST_F(Relay, WhereAllRefuseTheNamespaceIsRefused) {
  cannot_be_asked_ = {{3, ECONNREFUSED}};
  ask(kQuery);
  fail(1, ECONNREFUSED);
  fail(2, EHOSTUNREACH);
  EXPECT_THAT(refusals_, ElementsAre(Refusal::nobody_listens));
  EXPECT_THAT(answers_, IsEmpty());
  EXPECT_EQ(relay_.counters().refused, 1u);
}

TEST_F(Relay, EachErrorHasItsWord) {
  servers(1);
  const std::pair<int, Refusal> words[] = {{ENETUNREACH, Refusal::no_route}, {EADDRNOTAVAIL, Refusal::no_route},
                                           {EHOSTUNREACH, Refusal::host},    {EACCES, Refusal::prohibited},
                                           {EPERM, Refusal::prohibited},     {ECONNREFUSED, Refusal::nobody_listens}};
  for (const auto& [error, word] : words) {
    cannot_be_asked_ = {{1, error}};
    ask(kQuery);
    EXPECT_EQ(refusals_.back(), word) << error;
  }
}

TEST_F(Relay, OfItsOwnTroubleTheNamespaceHearsNothing) {
  cannot_be_asked_ = {{1, EMFILE}, {2, ENOBUFS}, {3, EMFILE}};
  ask(kQuery);
  EXPECT_THAT(refusals_, IsEmpty());
  EXPECT_EQ(relay_.counters().timed_out, 1u);
}

TEST_F(Relay, SilenceIsSilenceAndIsForgotten) {
  ask(kQuery);
  fail(1, ECONNREFUSED);
  pass(9999ms);
  EXPECT_THAT(sockets_, SizeIs(2));
  pass(1ms);
  EXPECT_THAT(sockets_, IsEmpty());
  EXPECT_THAT(refusals_, IsEmpty());
  EXPECT_EQ(relay_.counters().timed_out, 1u);
  EXPECT_EQ(relay_.open_sockets(), 0u);
}

// ---- what is asked

TEST_F(Relay, TheSameQueryAgainOpensNothing) {
  ask(kQuery);
  pass(1s);
  ask(kQuery);
  EXPECT_THAT(asked_, ElementsAre(1, 2));
  EXPECT_THAT(asked_again_, ElementsAre(1, 2));
  EXPECT_EQ(relay_.counters().queries, 1u);
  say(2, answer_to(kQuery));
  EXPECT_THAT(answers_, SizeIs(1));
}

TEST_F(Relay, AServerThatRefusesTheSecondTimeHasRefused) {
  servers(2);
  ask(kQuery);
  cannot_be_asked_ = {{1, ECONNREFUSED}};
  ask(kQuery);
  EXPECT_FALSE(hears(1));
  EXPECT_TRUE(hears(2));
  EXPECT_THAT(asked_again_, ElementsAre(1));  // the second has just been asked
}

TEST_F(Relay, TwoQuestionsOfOnePortAreTwoQueries) {  // as a C library asks for both families
  ask(kQuery);
  ask(kOther);
  EXPECT_THAT(asked_, ElementsAre(1, 1));
  say(1, answer_to(kOther));
  say(1, answer_to(kQuery));
  EXPECT_THAT(answers_, ElementsAre(answer_to(kOther), answer_to(kQuery)));
}

TEST_F(Relay, AddedNamesAreAnsweredHere) {
  ask(dns_query("DB.lan", {}));
  EXPECT_THAT(asked_, IsEmpty());
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_EQ(wire::load16(answers_[0], 6), 1);
  ask(dns_query("db.lan", {.type = 28}));
  EXPECT_EQ(wire::load16(answers_[1], 6), 0);
  EXPECT_EQ(relay_.counters().answered_here, 2u);
}

TEST_F(Relay, WhatIsNoPlainQueryIsCarriedToo) {
  Frame notify = dns_query("example.org", {.flags = 0x2000}), status = {0, 1, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  for (const Frame& message : {notify, status}) {
    ask(message);
    Frame answer = message;
    answer[2] |= 0x80;
    say(1, answer);
    EXPECT_EQ(answers_.back(), answer);
  }
}

TEST_F(Relay, WhatIsNoMessageIsNotCarried) {
  ask({1, 2, 3});
  ask(answer_to(kQuery));
  Frame endless = kQuery;
  endless.resize(DnsRelay::kMostQueryBytes + 1);
  ask(endless);
  EXPECT_THAT(asked_, IsEmpty());
  EXPECT_EQ(relay_.counters().malformed, 3u);
}

// ---- limits

TEST_F(Relay, BeyondTheLimitTheOldestIsForgotten) {
  for (uint16_t i = 0; i < DnsRelay::kMostQueries + 10; ++i) {
    ask(dns_query("x", {.id = i}));
    pass(1us);
  }
  EXPECT_EQ(relay_.counters().evicted, 10u);
  EXPECT_EQ(relay_.open_sockets(), DnsRelay::kMostQueries);
  ask(dns_query("x", {.id = 9}));  // was forgotten
  EXPECT_EQ(relay_.counters().asked_again, 0u);
  ask(dns_query("x", {.id = 11}));
  EXPECT_EQ(relay_.counters().asked_again, 1u);
}

TEST_F(Relay, SilentServersDoNotTakeMoreSocketsThanTheLimit) {
  servers(8);
  for (uint16_t i = 0; i < DnsRelay::kMostQueries; ++i) ask(dns_query("x", {.id = i}));
  pass(8s);
  EXPECT_EQ(relay_.open_sockets(), DnsRelay::kMostSockets);
  ask(dns_query("y", {}));  // the oldest makes room
  EXPECT_LE(relay_.open_sockets(), DnsRelay::kMostSockets);
  EXPECT_EQ(asked_.back(), 1);
  pass(10s);
  EXPECT_EQ(relay_.open_sockets(), 0u);
}

TEST_F(Relay, BesideFewFlowsTheLimitIsLower) {
  static_assert(DnsRelay::sockets_beside(20) == 16 && DnsRelay::sockets_beside(1000) == 125);
  static_assert(DnsRelay::sockets_beside(16'384) == DnsRelay::kMostSockets);
  DnsRelay small(names_, choice_, *this, *this, 16);
  for (uint16_t i = 0; i < 20; ++i) small.input(kAsker, dns_query("x", {.id = i}), now_ + i * 1us);
  EXPECT_EQ(small.open_sockets(), 16u);
  EXPECT_EQ(small.counters().evicted, 4u);
}

TEST_F(Relay, AnEventOfWhatHasEndedReachesNobody) {
  ask(kQuery);
  const uint32_t token = sockets_.begin()->second.token;
  say(1, answer_to(kQuery));
  relay_.host_ready(token, now_);
  relay_.host_ready(~0u, now_);
  EXPECT_THAT(answers_, SizeIs(1));
}

TEST_F(Relay, TellsOfWhatIsOnItsWay) {
  ask(kQuery);
  pass(1s);
  int told = 0;
  relay_.for_each_query([&](const DnsRelay::Pending& query) {
    ++told;
    EXPECT_EQ(query.asker, kAsker);
    EXPECT_EQ(query.forgotten_at, now_ + 9s);
    EXPECT_EQ(sockets_.at(query.socket).number, 2);
  });
  EXPECT_EQ(told, 1);
  say(2, answer_to(kQuery, kServerFailure));
  relay_.for_each_query([&](const DnsRelay::Pending& query) { EXPECT_EQ(query.forgotten_at, now_ + 3s); });
}

}  // namespace
}  // namespace postern::dns::test
