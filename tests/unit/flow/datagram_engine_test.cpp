// datagram_engine_test.cpp - who may send in, how the other side is called inside, how long a mapping lives, what goes together.
#include <fmt/format.h>

#include <cerrno>

#include "datagram_script.h"

namespace postern::flow {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class Datagrams : public DatagramScript {};

TEST_F(Datagrams, OneSocketSpeaksToEverybody) {
  sends("192.0.2.1:7", "a");
  sends("192.0.2.2:9", "b");
  EXPECT_EQ(host.went(), "3>192.0.2.1:7 a");
  EXPECT_EQ(host.went(), "3>192.0.2.2:9 b");
  sends("192.0.2.1:7", "c", {.port = 4001});
  sends("192.0.2.1:7", "d", {.address = "10.0.2.101"});
  sends("[2001:db8::1]:7", "e", {.address = "fd00::64"});
  EXPECT_EQ(host.went(), "4>192.0.2.1:7 c");
  EXPECT_EQ(host.went(), "5>192.0.2.1:7 d");
  EXPECT_EQ(host.went(), "6>[2001:db8::1]:7 e");
  EXPECT_EQ(engine().open_flows(), 4u);
}

// ---- who may send in

TEST_F(Datagrams, OnlyAddressesThatWereSentToMaySendIn) {
  sends("192.0.2.1:7", "a");
  brings(3, "192.0.2.1:7", "b");
  brings(3, "192.0.2.1:8", "c");  // RFC 4787 REQ-8: of another port too
  brings(3, "192.0.2.2:7", "d");
  EXPECT_EQ(hears(), "192.0.2.1:7>4000 b");
  EXPECT_EQ(hears(), "192.0.2.1:8>4000 c");
  EXPECT_EQ(hears(), "");
  EXPECT_EQ(engine().counters().filtered, 1u);
}

TEST_F(Datagrams, WhomAnotherPortHasSentToMayNotSendIn) {
  sends("192.0.2.1:7", "a");
  sends("192.0.2.2:7", "a", {.port = 4001});
  brings(3, "192.0.2.2:7", "b");
  EXPECT_EQ(hears(), "");
}

TEST_F(Datagrams, AMappingThatHasEndedAllowsNobodyInItsSuccessor) {
  sends("192.0.2.1:7", "a");
  passes(30s);
  sends("192.0.2.2:7", "a");
  brings(4, "192.0.2.1:7", "b");
  EXPECT_EQ(hears(), "");
}

TEST_F(Datagrams, AFullConeLetsEverybodyInButTheHostsLoopback) {
  config.filtering = Filtering::full_cone;
  sends("192.0.2.1:7", "a");
  brings(3, "198.51.100.1:9", "b");
  EXPECT_EQ(hears(), "198.51.100.1:9>4000 b");
  for (const char* source : {"127.0.0.1:53", "127.1.2.3:9", "10.0.2.2:53", "10.0.2.77:9"}) brings(3, source, "c");
  EXPECT_EQ(hears(), "");
  sends("[2001:db8::1]:7", "a", {.address = "fd00::64"});
  for (const char* source : {"[::1]:53", "[fd00::2]:9", "[fe80::1]:9"}) brings(4, source, "c");
  EXPECT_EQ(hears(), "");
  EXPECT_EQ(engine().counters().filtered, 7u);
}

TEST_F(Datagrams, TheOnesLongSilentAreForgottenFirst) {
  config.max_peers = 2;
  for (const char* to : {"192.0.2.1:7", "192.0.2.2:7", "192.0.2.3:7"}) sends(to, "a");
  for (const char* from : {"192.0.2.1:7", "192.0.2.2:7", "192.0.2.3:7"}) brings(3, from, "b");
  EXPECT_EQ(hears(), "192.0.2.2:7>4000 b");
  EXPECT_EQ(hears(), "192.0.2.3:7>4000 b");
  EXPECT_EQ(hears(), "");
}

TEST_F(Datagrams, TenThousandPeersAreWithinTheBound) {
  for (int i = 0; i < 10'000; ++i) sends(fmt::format("198.18.{}.{}:7", i / 250, i % 250), "a");
  for (int i = 0; i < 10'000; ++i) brings(3, fmt::format("198.18.{}.{}:7", i / 250, i % 250), "b");
  for (int i = 0; i < 10'000; ++i) ASSERT_NE(hears(), "") << i;
  EXPECT_EQ(engine().open_flows(), 1u);
}

// ---- how the other side is called

TEST_F(Datagrams, AnAliasAnswersUnderItsOwnName) {
  host.aliases["10.0.2.2"] = "127.0.0.1";
  sends("10.0.2.2:5000", "a");
  EXPECT_EQ(host.went(), "3>127.0.0.1:5000 a");
  brings(3, "127.0.0.1:5000", "b");
  EXPECT_EQ(hears(), "10.0.2.2:5000>4000 b");
  brings(3, "127.0.0.2:5000", "c");
  EXPECT_EQ(hears(), "");
}

TEST_F(Datagrams, GatewayResolverAndRemotesShareOneSocket) {
  host.aliases["10.0.2.2"] = "127.0.0.1";
  host.aliases["10.0.2.3"] = "127.0.0.1:5353";
  for (const char* to : {"10.0.2.3:53", "10.0.2.2:9", "192.0.2.1:7", "10.0.2.2:53"}) sends(to, "a");
  brings(3, "127.0.0.1:5353", "b");
  brings(3, "127.0.0.1:9", "c");
  brings(3, "192.0.2.1:7", "d");
  brings(3, "127.0.0.1:53", "e");
  EXPECT_EQ(hears(), "10.0.2.3:53>4000 b");
  EXPECT_EQ(hears(), "10.0.2.2:9>4000 c");
  EXPECT_EQ(hears(), "192.0.2.1:7>4000 d");
  EXPECT_EQ(hears(), "10.0.2.2:53>4000 e");
}

TEST_F(Datagrams, AnAliasThatLeadsNowhereIsUnreachable) {
  host.aliases["10.0.2.3"] = "";
  sends("10.0.2.3:53", "a");
  EXPECT_EQ(hears(), "3/0 by gateway about 10.0.2.3:53 ");
  EXPECT_EQ(engine().open_flows(), 0u);
}

// ---- how long it lives

TEST_F(Datagrams, WhoGetsNoAnswerLivesHalfAMinute) {
  sends("192.0.2.1:7", "a");
  passes(29s);
  EXPECT_EQ(engine().open_flows(), 1u);
  EXPECT_LE(*engine().next_deadline(), now + 1s);
  passes(1s);
  EXPECT_EQ(engine().open_flows(), 0u);
  EXPECT_TRUE(host.sockets.empty());
}

TEST_F(Datagrams, AStreamLivesTwoMinutesFromItsLastDatagramEitherWay) {
  sends("192.0.2.1:7", "a");
  brings(3, "192.0.2.1:7", "b");
  passes(100s);
  sends("192.0.2.1:7", "a");
  passes(100s);
  brings(3, "192.0.2.1:7", "b");
  EXPECT_NE(hears(), "");
  passes(119s);
  EXPECT_EQ(engine().open_flows(), 1u);
  passes(1s);
  EXPECT_EQ(engine().open_flows(), 0u);
}

TEST_F(Datagrams, AStrangerKeepsNoMappingAlive) {
  sends("192.0.2.1:7", "a");
  passes(29s);
  brings(3, "192.0.2.2:7", "b");
  passes(1s);
  EXPECT_EQ(engine().open_flows(), 0u);
}

TEST_F(Datagrams, QueriesLiveTenSeconds) {
  sends("192.0.2.1:53", "a");
  brings(3, "192.0.2.1:53", "b");
  passes(9s);
  EXPECT_EQ(engine().open_flows(), 1u);
  passes(1s);
  EXPECT_EQ(engine().open_flows(), 0u);
  sends("192.0.2.1:53", "a");
  sends("192.0.2.1:7", "a");  // not a query alone
  passes(10s);
  EXPECT_EQ(engine().open_flows(), 1u);
}

TEST_F(Datagrams, MemoryForABurstGoesBackAfterIt) {
  sends("192.0.2.1:7", "a");
  brings(3, "192.0.2.1:7", "b");
  passes(4s);
  EXPECT_EQ(host.trims, 0);
  EXPECT_LE(*engine().next_deadline(), now + 1s);
  passes(1s);
  EXPECT_EQ(host.trims, 1);
  passes(10s);
  EXPECT_EQ(host.trims, 1);
}

// ---- limits

TEST_F(Datagrams, WhoHasBeenIdleLongestMakesRoom) {
  config.max_flows = 2;
  sends("192.0.2.1:7", "a", {.port = 1});
  passes(1s);
  sends("192.0.2.1:7", "a", {.port = 2});
  passes(1s);
  sends("192.0.2.1:7", "a", {.port = 1});
  sends("192.0.2.1:7", "a", {.port = 3});
  EXPECT_EQ(engine().open_flows(), 2u);
  EXPECT_EQ(engine().counters().evicted, 1u);
  EXPECT_TRUE(host.sockets.contains(3) && host.sockets.contains(5));
}

TEST_F(Datagrams, StreamsOutliveThoseThatNobodyAnswers) {
  config.max_flows = 2;
  sends("192.0.2.1:7", "a", {.port = 1});
  brings(3, "192.0.2.1:7", "b");
  passes(1s);
  sends("192.0.2.1:7", "a", {.port = 2});
  sends("192.0.2.1:7", "a", {.port = 3});
  EXPECT_TRUE(host.sockets.contains(3) && host.sockets.contains(5));
}

TEST_F(Datagrams, WhatMakesRoomInABurstHasBeenSentBefore) {
  config.max_flows = 1;
  adds("192.0.2.1:7", "a", {.port = 1});
  adds("192.0.2.1:7", "b", {.port = 2});
  adds("192.0.2.1:7", "c", {.port = 3});
  end();
  EXPECT_EQ(host.went(), "3>192.0.2.1:7 a");
  EXPECT_EQ(host.went(), "4>192.0.2.1:7 b");
  EXPECT_EQ(host.went(), "5>192.0.2.1:7 c");
}

TEST_F(Datagrams, OthersFlowsLeaveLessRoom) {
  config.max_flows = 2;
  engine().leave_room_for(2);
  sends("192.0.2.1:7", "a");
  EXPECT_EQ(host.went(), "");
  EXPECT_EQ(engine().counters().dropped_at_limit, 1u);
  EXPECT_FALSE(engine().give_way());
}

// ---- what goes together

TEST_F(Datagrams, NeighboursOfOneSizeGoAsOne) {
  for (const char* data : {"aa", "bb", "c", "dd", "eee", "ff", ""}) adds("192.0.2.1:7", data);
  adds("192.0.2.2:7", "gg");
  adds("192.0.2.2:7", "hh", {.hop_limit = 10});
  end();
  EXPECT_EQ(host.went(), "3>192.0.2.1:7 aabbc /2");
  EXPECT_EQ(host.went(), "3>192.0.2.1:7 dd");
  EXPECT_EQ(host.went(), "3>192.0.2.1:7 eeeff /3");
  EXPECT_EQ(host.went(), "3>192.0.2.1:7 ");
  EXPECT_EQ(host.went(), "3>192.0.2.2:7 gg");
  EXPECT_EQ(host.went(), "3>192.0.2.2:7 hh ttl 9");
  EXPECT_EQ(host.calls, 1);
  EXPECT_EQ(engine().counters().to_host, 9u);
}

TEST_F(Datagrams, EachSocketIsSpokenToOnceABurst) {
  for (int i = 0; i < 10; ++i) adds("192.0.2.1:7", "a", {.port = static_cast<uint16_t>(1 + i % 2)});
  end();
  EXPECT_EQ(host.calls, 2);
  EXPECT_EQ(host.went(), "3>192.0.2.1:7 aaaaa /1");
  EXPECT_EQ(host.went(), "4>192.0.2.1:7 aaaaa /1");
}

TEST_F(Datagrams, ALongBurstLosesNothing) {
  for (int i = 0; i < 1000; ++i) adds("192.0.2.1:7", "a");
  end();
  EXPECT_EQ(engine().counters().to_host, 1000u);
}

TEST_F(Datagrams, ASuperframeStaysOne) {
  adds("192.0.2.1:7", "aabbc", {.segment_bytes = 2});
  adds("192.0.2.1:7", "dd");
  adds("192.0.2.1:7", "ee", {.segment_bytes = 2});  // one datagram
  end();
  EXPECT_EQ(host.went(), "3>192.0.2.1:7 aabbc /2");
  EXPECT_EQ(host.went(), "3>192.0.2.1:7 ddee /2");
  EXPECT_EQ(engine().counters().to_host, 5u);
}

TEST_F(Datagrams, WhatTheHostDoesNotTakeInOneGoesApart) {
  host.send_errors = {EINVAL};
  sends("192.0.2.1:7", "aabbc", {.segment_bytes = 2});
  for (const char* data : {"aa", "bb", "c"}) EXPECT_EQ(host.went(), fmt::format("3>192.0.2.1:7 {}", data));
  adds("192.0.2.1:7", "dd");  // and is not offered again
  adds("192.0.2.1:7", "ee");
  adds("192.0.2.1:7", "f");
  adds("192.0.2.1:7", "g");
  end();
  for (const char* data : {"dd", "ee", "fg /1"}) EXPECT_EQ(host.went(), fmt::format("3>192.0.2.1:7 {}", data));
}

TEST_F(Datagrams, ADeviceWithoutChecksumsGetsEachAlone) {
  host.send_errors = {EIO};
  adds("192.0.2.1:7", "a");
  adds("192.0.2.1:7", "b");
  end();
  sends("192.0.2.1:7", "cd", {.segment_bytes = 1});
  for (const char* data : {"a", "b", "c", "d"}) EXPECT_EQ(host.went(), fmt::format("3>192.0.2.1:7 {}", data));
}

TEST_F(Datagrams, AFullSocketLosesTheBurst) {
  host.send_errors = {EAGAIN};
  adds("192.0.2.1:7", "a");
  adds("192.0.2.2:7", "b");
  end();
  EXPECT_EQ(host.calls, 1);
  EXPECT_EQ(engine().counters().lost, 2u);
}

TEST_F(Datagrams, AnswersOfOneSourceAndSizeComeAsOne) {
  sends("192.0.2.1:7", "a");
  sends("192.0.2.2:7", "a");
  const HostEndpoint one = end_of("192.0.2.1:7"), two = end_of("192.0.2.2:7");
  brings_all(3, {{one, "aabb", 2}, {one, "cc", 0}, {one, "d", 0}, {one, "ee", 0}, {two, "ff", 0}, {two, "", 0}, {two, "gg", 0}});
  EXPECT_EQ(hears(), "192.0.2.1:7>4000 aabbccd /2");
  EXPECT_EQ(hears(), "192.0.2.1:7>4000 ee");
  EXPECT_EQ(hears(), "192.0.2.2:7>4000 ff");
  EXPECT_EQ(hears(), "192.0.2.2:7>4000 ");
  EXPECT_EQ(hears(), "192.0.2.2:7>4000 gg");
  EXPECT_EQ(engine().counters().to_guest, 8u);
}

TEST_F(Datagrams, NoFrameHasMoreDatagramsThanAKernelTakes) {
  sends("192.0.2.1:7", "a");
  brings_all(3, std::vector<FakeHost::Arrived>(100, {end_of("192.0.2.1:7"), "x", 0}));
  brings_all(3,
             {{end_of("192.0.2.1:7"), std::string(60'000, 'x'), 1'000}, {end_of("192.0.2.1:7"), std::string(6'000, 'x'), 1'000}});
  for (std::string frame = hears(); !frame.empty(); frame = hears()) EXPECT_LT(frame.size(), 65'535u);
  EXPECT_EQ(engine().counters().to_guest, 166u);
}

TEST_F(Datagrams, ASocketThatIsNeverEmptyLetsOthersHaveTheirTurn) {
  sends("192.0.2.1:7", "a", {.port = 1});
  sends("192.0.2.1:7", "a", {.port = 2});
  auto& flooded = host.sockets.at(3);
  flooded.arrived.insert(flooded.arrived.end(), 10'000, {end_of("192.0.2.1:7"), std::string(1'400, 'x'), 0});
  engine().host_ready(flooded.token, {.readable = true}, now);
  host.sockets.at(4).arrived.push_back({end_of("192.0.2.1:7"), "b", 0});
  engine().host_ready(host.sockets.at(4).token, {.readable = true}, now);
  engine().run(now);
  EXPECT_TRUE(host.sockets.at(4).arrived.empty());
  EXPECT_FALSE(host.sockets.at(3).arrived.empty());
  EXPECT_TRUE(engine().has_work());
}

TEST_F(Datagrams, TheHopLimitIsOneLess) {
  sends("192.0.2.1:7", "a", {.hop_limit = 64});  // as the host's own
  sends("192.0.2.1:7", "b", {.hop_limit = 2});
  sends("192.0.2.1:7", "c", {.hop_limit = 255});
  EXPECT_EQ(host.went(), "3>192.0.2.1:7 a");
  EXPECT_EQ(host.went(), "3>192.0.2.1:7 b ttl 1");
  EXPECT_EQ(host.went(), "3>192.0.2.1:7 c ttl 254");
}

// ---- errors

TEST_F(Datagrams, ARoutersErrorIsItsOwnWord) {
  sends("192.0.2.1:7", "a");
  fails(3, {end_of("192.0.2.1:7"), {11, 0}, parse_ip("198.51.100.9"), "a"});
  EXPECT_EQ(hears(), "11/0 by 198.51.100.9 about 192.0.2.1:7 a");
  fails(3, {end_of("192.0.2.1:7"), {3, 3}, parse_ip("192.0.2.1"), "a"});
  EXPECT_EQ(hears(), "3/3 by 192.0.2.1 about 192.0.2.1:7 a");
  fails(3, {end_of("192.0.2.1:7"), {3, 4, 1400}, parse_ip("198.51.100.9"), "a"});
  EXPECT_EQ(hears(), "3/4 1400 by 198.51.100.9 about 192.0.2.1:7 a");
  fails(3, {end_of("192.0.2.77:7"), {3, 3}, parse_ip("192.0.2.77"), "a"});  // nothing was sent there
  EXPECT_EQ(hears(), "");
}

TEST_F(Datagrams, AnErrorOfAnAliasIsAboutTheAlias) {
  host.aliases["10.0.2.2"] = "127.0.0.1";
  sends("10.0.2.2:5000", "a");
  fails(3, {end_of("127.0.0.1:5000"), {3, 3}, parse_ip("127.0.0.1"), "a"});
  EXPECT_EQ(hears(), "3/3 by 10.0.2.2 about 10.0.2.2:5000 a");
  sends("192.0.2.1:7", "a");
  fails(3, {end_of("192.0.2.1:7"), {3, 1}, parse_ip("127.0.0.1"), "a"});  // the host says it of its neighbour
  EXPECT_EQ(hears(), "3/1 by gateway about 192.0.2.1:7 a");
}

TEST_F(Datagrams, AnEarlierDatagramsErrorCostsTheNextOneNothing) {
  sends("192.0.2.1:7", "a");
  host.sockets.at(3).failures.push_back({end_of("192.0.2.1:7"), {3, 3}, parse_ip("192.0.2.1"), "a"});
  host.send_errors = {ECONNREFUSED};
  sends("192.0.2.1:7", "b");
  EXPECT_EQ(hears(), "3/3 by 192.0.2.1 about 192.0.2.1:7 a");
  EXPECT_EQ(host.went(), "3>192.0.2.1:7 a");
  EXPECT_EQ(host.went(), "3>192.0.2.1:7 b");
}

TEST_F(Datagrams, AHostWithoutRouteIsToldOfAtOnce) {
  struct Case {
    int error;
    const char* v4;
    const char* v6;
  };
  for (const Case& each : {Case{ENETUNREACH, "3/0", "1/0"},
                           {EHOSTUNREACH, "3/1", "1/3"},
                           {EACCES, "3/13", "1/1"},
                           {EPERM, "3/13", "1/1"},
                           {ENOBUFS, "", ""},
                           {EADDRNOTAVAIL, "", "1/0"}}) {
    host.send_errors = {each.error, each.error};
    sends("192.0.2.1:7", "a");
    const std::string told4 = hears();
    EXPECT_EQ(told4.substr(0, told4.find(' ')), each.v4) << each.error;
    host.send_errors = {each.error, each.error};
    sends("[2001:db8::1]:7", "a", {.address = "fd00::64"});
    const std::string told6 = hears();
    EXPECT_EQ(told6.substr(0, told6.find(' ')), each.v6) << each.error;
    host.send_errors.clear();
  }
}

TEST_F(Datagrams, AHostWithoutTheFamilyHasNoRoute) {
  host.open_error = EAFNOSUPPORT;
  sends("[2001:db8::1]:7", "a", {.address = "fd00::64"});
  EXPECT_EQ(hears(), "1/0 by gateway about [2001:db8::1]:7 ");
}

TEST_F(Datagrams, AnEventOfAMappingThatHasEndedReachesNobody) {
  sends("192.0.2.1:7", "a");
  const uint32_t token = host.sockets.at(3).token;
  passes(30s);
  engine().host_ready(token, {.readable = true, .failed = true}, now);
  EXPECT_FALSE(engine().has_work());
  sends("192.0.2.1:7", "a");
  engine().host_ready(token, {.readable = true, .failed = true}, now);
  EXPECT_FALSE(engine().has_work());
}

}  // namespace
}  // namespace postern::flow
