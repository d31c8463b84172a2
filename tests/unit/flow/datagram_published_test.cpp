// datagram_published_test.cpp - UDP ports of the host that lead into the namespace.
#include <fmt/format.h>

#include "datagram_script.h"

namespace postern::flow {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class PublishedUdp : public DatagramScript {};

constexpr int kSocket = 90, kOther = 91;

TEST_F(PublishedUdp, AnybodyMaySendInAndIsShownAsHeIs) {
  publishes(kSocket, 53);
  brings(kSocket, "192.0.2.1:7000", "a");
  EXPECT_EQ(hears(), "192.0.2.1:7000>53 a");
  sends("192.0.2.1:7000", "b", {.port = 53});
  EXPECT_EQ(host.went(), "90>192.0.2.1:7000 b");
  EXPECT_EQ(engine().open_flows(), 0u);
}

TEST_F(PublishedUdp, ClientsOnTheLoopbackOrInsideAreShownAsTheGateway) {
  publishes(kSocket, 53);
  for (const char* client : {"127.0.0.1:7000", "127.9.9.9:7001", "10.0.2.100:7002", "10.0.2.3:7003"})
    brings(kSocket, client, "a");
  for (const char* shown : {"10.0.2.2:7000", "10.0.2.2:7001", "10.0.2.2:7002", "10.0.2.2:7003"}) {
    EXPECT_EQ(hears(), fmt::format("{}>53 a", shown));
    sends(shown, "b", {.port = 53});
  }
  for (const char* client : {"127.0.0.1:7000", "127.9.9.9:7001", "10.0.2.100:7002", "10.0.2.3:7003"}) {
    EXPECT_EQ(host.went(), fmt::format("90>{} b", client));
  }
  EXPECT_THAT(expected, ElementsAre("10.0.2.2:7000", "10.0.2.2:7001", "10.0.2.2:7002", "10.0.2.2:7003"));
}

TEST_F(PublishedUdp, TheAnswerGoesWhereTheLoopbackIsClosed) {
  host.aliases["10.0.2.2"] = "";
  publishes(kSocket, 53);
  brings(kSocket, "127.0.0.1:7000", "a");
  sends("10.0.2.2:7000", "b", {.port = 53});
  EXPECT_EQ(host.went(), "90>127.0.0.1:7000 b");
}

TEST_F(PublishedUdp, WhatMayOnlyAnswerOpensNothing) {
  publishes(kSocket, 53);
  brings(kSocket, "127.0.0.1:7000", "a");
  sends("10.0.2.2:7000", "b", {.port = 53, .may_open = false});
  EXPECT_EQ(host.went(), "90>127.0.0.1:7000 b");
  sends("10.0.2.2:7000", "c", {.address = "10.0.2.55", .port = 53, .may_open = false});  // somebody else's answer
  passes(135s);                                                                          // the client is forgotten
  sends("10.0.2.2:7000", "d", {.port = 53, .may_open = false});
  EXPECT_EQ(host.went(), "");
  EXPECT_EQ(engine().open_flows(), 0u);
  EXPECT_EQ(engine().counters().filtered, 2u);
}

TEST_F(PublishedUdp, ItIsTheWayOutThoughTheServerHasSpokenAlready) {
  sends("192.0.2.1:7", "a", {.port = 53});
  EXPECT_EQ(host.went(), "3>192.0.2.1:7 a");
  publishes(kSocket, 53);
  sends("192.0.2.1:7", "b", {.port = 53});
  EXPECT_EQ(host.went(), "90>192.0.2.1:7 b");
}

TEST_F(PublishedUdp, WhereOneIsTakenAwayAnotherIsTheWayOut) {
  const uint32_t first = publishes(kSocket, 53);
  publishes(kOther, 53);
  sends("192.0.2.1:7", "a", {.port = 53});
  EXPECT_EQ(host.went(), "90>192.0.2.1:7 a");
  engine().unpublish(first);
  sends("192.0.2.1:7", "b", {.port = 53});
  EXPECT_EQ(host.went(), "91>192.0.2.1:7 b");
}

TEST_F(PublishedUdp, TwoClientsOfOnePortAreTwoInside) {
  publishes(kSocket, 53);
  brings(kSocket, "127.0.0.1:7000", "a");
  brings(kSocket, "127.0.0.2:7000", "b");
  EXPECT_EQ(hears(), "10.0.2.2:7000>53 a");
  const std::string second = hears();
  EXPECT_NE(second, "10.0.2.2:7000>53 b");
  brings(kSocket, "127.0.0.2:7000", "b");
  EXPECT_EQ(hears(), second);  // and stays who he is
  sends(second.substr(0, second.find('>')), "c", {.port = 53});
  sends("10.0.2.2:7000", "d", {.port = 53});
  EXPECT_EQ(host.went(), "90>127.0.0.2:7000 c");
  EXPECT_EQ(host.went(), "90>127.0.0.1:7000 d");
}

TEST_F(PublishedUdp, TheAnswerLeavesByThePortThatWasAsked) {
  publishes(kSocket, 53);
  publishes(kOther, 53, false);
  brings(kOther, "127.0.0.1:7000", "a");
  brings(kSocket, "127.0.0.1:7001", "b");
  sends("10.0.2.2:7000", "c", {.port = 53});
  sends("10.0.2.2:7001", "d", {.port = 53});
  EXPECT_EQ(host.went(), "91>127.0.0.1:7000 c");
  EXPECT_EQ(host.went(), "90>127.0.0.1:7001 d");
}

TEST_F(PublishedUdp, TheAnswerLeavesByTheAddressThatWasAskedLast) {
  const IpAddress first = *Ipv4::parse("192.0.2.8"), second = *Ipv4::parse("192.0.2.9");
  publishes(kSocket, 53);
  brings_all(kSocket, {{end_of("198.51.100.1:7000"), "a", 0, first},
                       {end_of("198.51.100.2:7000"), "b", 0, second},
                       {end_of("198.51.100.3:7000"), "c", 0, first},
                       {end_of("198.51.100.3:7000"), "d", 0, second},
                       {end_of("198.51.100.4:7000"), "e", 0}});
  for (const char* client : {"198.51.100.1:7000", "198.51.100.2:7000", "198.51.100.3:7000", "198.51.100.4:7000"})
    sends(client, "f", {.port = 53});
  EXPECT_EQ(host.went(), "90>198.51.100.1:7000 f from 192.0.2.8");
  EXPECT_EQ(host.went(), "90>198.51.100.2:7000 f from 192.0.2.9");
  EXPECT_EQ(host.went(), "90>198.51.100.3:7000 f from 192.0.2.9");
  EXPECT_EQ(host.went(), "90>198.51.100.4:7000 f");
}

TEST_F(PublishedUdp, ItsServerSpeaksToOthersFromThere) {
  publishes(kSocket, 51820);
  sends("192.0.2.1:51820", "a", {.port = 51820});
  EXPECT_EQ(host.went(), "90>192.0.2.1:51820 a");
  EXPECT_EQ(engine().open_flows(), 0u);
}

TEST_F(PublishedUdp, ByAPortOfTheLoopbackNobodyOutsideIsSpokenTo) {
  publishes(kSocket, 53, false);
  sends("192.0.2.1:53", "a", {.port = 53});
  EXPECT_EQ(host.went(), "3>192.0.2.1:53 a");
  brings(kSocket, "127.0.0.1:7000", "b");
  EXPECT_EQ(hears(), "10.0.2.2:7000>53 b");
}

TEST_F(PublishedUdp, ItDoesNotEndByItself) {
  publishes(kSocket, 53);
  brings(kSocket, "192.0.2.1:7000", "a");
  passes(24h);
  EXPECT_TRUE(host.sockets.contains(kSocket));
  brings(kSocket, "192.0.2.1:7000", "a");
  EXPECT_EQ(hears(), "192.0.2.1:7000>53 a");
}

TEST_F(PublishedUdp, ItDoesNotMakeRoom) {
  config.max_flows = 1;
  publishes(kSocket, 53);
  sends("192.0.2.1:7", "a", {.port = 1});
  sends("192.0.2.1:7", "a", {.port = 2});
  EXPECT_FALSE(!host.sockets.contains(kSocket));
}

TEST_F(PublishedUdp, TakenAwayItIsClosedAndItsClientsAreStrangers) {
  host.aliases["10.0.2.2"] = "";
  const uint32_t token = publishes(kSocket, 53);
  brings(kSocket, "127.0.0.1:7000", "a");
  brings(kSocket, "192.0.2.1:7000", "a");
  engine().unpublish(token);
  EXPECT_FALSE(host.sockets.contains(kSocket));
  sends("192.0.2.1:7000", "b", {.port = 53});
  EXPECT_EQ(host.went(), "3>192.0.2.1:7000 b");
  sends("10.0.2.2:7000", "b", {.port = 53});
  EXPECT_EQ(host.went(), "");
}

TEST_F(PublishedUdp, ItsClientsCanBeListed) {
  publishes(kSocket, 53);
  brings(kSocket, "192.0.2.1:7000", "a");
  sends("192.0.2.9:7", "a");
  std::vector<std::string> listed;
  engine().for_each_flow(now, [&](const DatagramEngine::Flow& flow) {
    listed.push_back(fmt::format("{} {}{} {}", flow.socket, flow.is_inbound ? "<" : "",
                                 text_of(flow.ends.key.remote, flow.ends.key.remote_port), flow.expires.count()));
  });
  EXPECT_THAT(listed, ElementsAre("3 192.0.2.9:7 30", "90 <192.0.2.1:7000 120"));
}

}  // namespace
}  // namespace postern::flow
