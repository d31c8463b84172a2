// our_stack_test.cpp - journeys through our own stack, whose relay tells as the real one does: one number a frame, and of itself
// that it is on the host.
#include <gtest/gtest.h>

#include "events.h"

namespace postern::journey {
namespace {

using test::ip;
using test::kContainer;
using test::kHost;
using test::ping;
using test::rule;
using test::Scene;
using test::way;

const Endpoint kGuest{ip("10.0.2.100"), Port{40'000}}, kServer{ip("192.0.2.3"), Port{80}}, kSocket{ip("192.0.2.1"), Port{50'000}};
const Mapping kMapping{kSocket, kServer};

/// One frame, as the relay of a namespace tells of it.
void relay(Scene& scene, std::initializer_list<Point> points, const Packet& packet, uint64_t guest = kContainer) {
  static uint64_t frames = uint64_t{4711} << 40;
  scene.identity = ++frames;
  for (const Point point : points) {
    const bool at_tap = point == Point::tap_in || point == Point::tap_out;
    Event& event = scene.see(at_tap ? guest : kHost, point, at_tap ? "tap0" : "", packet);
    event.observer = Observer::relay;
    if (point == Point::host_socket) event.mapping = kMapping;
  }
  scene.identity = 0;
}
const std::initializer_list<Point> kFromGuest{Point::tap_in, Point::engine, Point::host_socket};
const std::initializer_list<Point> kToGuest{Point::host_socket, Point::tap_out};

enum class Said { before, after };  // the host's packet: before the relay says so, or after

void out(Scene& scene, const Packet& guest, const Packet& host, Said said) {
  scene.identity = 0;
  scene.see(kContainer, Point::transmit, "tap0", guest);
  const auto leave = [&] {
    scene.identity = host.tcp_sequence + 0xc000U;
    scene.see(kHost, Point::output, "up0", host);
    scene.see(kHost, Point::transmit, "up0", host);
  };
  if (said == Said::before) leave();
  relay(scene, kFromGuest, guest);
  if (said == Said::after) leave();
}

void in(Scene& scene, const Packet& host, const Packet& guest, Said said) {
  scene.identity = host.tcp_sequence + 0xd000U;
  scene.see(kHost, Point::ingress, "up0", host);
  scene.see(kHost, Point::input, "up0", host);
  const auto arrive = [&] {
    scene.identity = host.tcp_sequence + 0xe000U;
    scene.see(kContainer, Point::ingress, "tap0", guest);
    scene.see(kContainer, Point::input, "tap0", guest);
  };
  if (said == Said::before) arrive();
  relay(scene, kToGuest, guest);
  if (said == Said::after) arrive();
}

const std::string kOutWay = "1:transmit tap0, 1:tap_in tap0, 2:engine, 2:host_socket, 2:output up0, 2:transmit up0";
const std::string kInWay = "2:ingress up0, 2:input up0, 2:host_socket, 1:tap_out tap0, 1:ingress tap0, 1:input tap0";

class ThroughOurStack : public testing::TestWithParam<Said> {};
INSTANTIATE_TEST_SUITE_P(, ThroughOurStack, testing::Values(Said::before, Said::after),
                         [](const auto& said) { return said.param == Said::before ? "before" : "after"; });

TEST_P(ThroughOurStack, ATcpHandshakeIsTwoJourneys) {
  Scene scene;
  out(scene, test::tcp(kGuest, kServer, test::kSyn, 100), test::tcp(kSocket, kServer, test::kSyn, 500), GetParam());
  in(scene, test::tcp(kServer, kSocket, test::kSyn | test::kAck, 900, 501),
     test::tcp(kServer, kGuest, test::kSyn | test::kAck, 300, 101), GetParam());
  const auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 2U);
  EXPECT_EQ(way(journeys[0]), kOutWay);
  EXPECT_EQ(way(journeys[1]), kInWay);
  EXPECT_EQ(journeys[1].answers, 0U);
  ASSERT_TRUE(journeys[0].hops[4].translation);
  EXPECT_EQ(journeys[0].hops[4].translation->source_after.port, kSocket.port);
  EXPECT_EQ(journeys[1].end, Journey::End::delivered);
}

TEST_P(ThroughOurStack, DatagramsGoOneForOne) {
  Scene scene;
  for (uint32_t i = 0; i < 3; ++i) {
    Packet guest = test::udp(kGuest, kServer), host = test::udp(kSocket, kServer);
    host.tcp_sequence = 0;
    guest.ip_id = i + 1;
    host.ip_id = i + 10;
    out(scene, guest, host, GetParam());
  }
  const auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 3U);
  for (const Journey& journey : journeys) EXPECT_EQ(way(journey), kOutWay);
  EXPECT_EQ(journeys[2].hops[5].event.packet->ip_id, 12U);
}

TEST_P(ThroughOurStack, APingByASocketWithoutAddressIsTied) {
  Scene scene;
  Packet host = ping("192.0.2.1", "192.0.2.3", test::kRequest);
  host.icmp_id = 99;
  out(scene, ping("10.0.2.100", "192.0.2.3", test::kRequest), host, GetParam());
  for (Event& event : scene.events) {
    if (event.mapping) event.mapping = Mapping{{ip("0.0.0.0"), Port{99}}, {ip("192.0.2.3"), Port{}}};
  }
  ASSERT_EQ(scene.journeys().size(), 1U);
  EXPECT_EQ(way(scene.journeys()[0]), kOutWay);
}

TEST(Journeys, WhatTheHostDeliveredToOurStackMayBeDroppedByTheGuest) {
  Scene scene;
  const Packet packet = test::udp(kServer, kGuest);
  in(scene, test::udp(kServer, kSocket), packet, Said::after);
  scene.events.pop_back();  // instead of `input`
  Event drop = scene.events.back();
  drop.time_ns += Scene::kStep;
  drop.point = Point::drop;
  drop.drop = Drop{"OTHERHOST", "ip_rcv_core"};
  scene.events.push_back(drop);
  const auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 1U);
  EXPECT_EQ(journeys[0].end, Journey::End::dropped);
}

TEST(Journeys, AnAcknowledgmentAloneEndsInOurStack) {
  Scene scene;
  const Packet guest = [] {
    Packet packet = test::tcp(kGuest, kServer, test::kAck, 101, 301);
    packet.bytes = 40;
    return packet;
  }();
  relay(scene, kFromGuest, guest);
  Packet data = test::tcp(kSocket, kServer, test::kAck | test::kPsh, 501, 901);
  data.bytes = 540;
  scene.identity = 0xc001;
  scene.see(kHost, Point::output, "up0", data);
  const auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 2U);
  EXPECT_EQ(journeys[0].end, Journey::End::to_host_socket);
}

TEST(Journeys, WithoutAMappingOurStackIsTheEnd) {
  Scene scene;
  const Packet guest = test::udp(kGuest, kServer);
  relay(scene, kFromGuest, guest);
  scene.events.back().mapping.reset();
  scene.see(kHost, Point::output, "up0", test::udp(kSocket, kServer));
  const auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 2U);
  EXPECT_EQ(journeys[0].end, Journey::End::to_host_socket);
}

TEST(Journeys, RulesOfTheGuestStandBeforeTheTap) {
  Scene scene;
  const Packet guest = test::udp(kGuest, kServer);
  relay(scene, kFromGuest, guest);
  for (Event& event : scene.events) event.network.inode = 0;
  rule(scene, kContainer, "output", guest);
  rule(scene, kContainer, "postrouting", guest);
  const auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 1U);
  EXPECT_EQ(way(journeys[0]), "1:rule, 1:rule, 0:tap_in tap0, 0:engine, 0:host_socket");
  EXPECT_EQ(journeys[0].hops[0].event.rule->hook, "output");
}

const Mapping kEchoes{{ip("0.0.0.0"), Port{99}}, {ip("192.0.2.3"), Port{}}};

Packet echo(const char* source, uint16_t id) {
  Packet packet = ping(source, "192.0.2.3", test::kRequest);
  packet.icmp_id = id;
  packet.ip_id = id;
  return packet;
}

void send_echo(Scene& scene, uint16_t id) {
  scene.see(kContainer, Point::transmit, "tap0", echo("10.0.2.100", id)).observer = Observer::packet_socket;
  relay(scene, kFromGuest, echo("10.0.2.100", id));
  scene.events.back().mapping = kEchoes;
}

TEST(Journeys, TheGuestsNextPingIsNotTheHostsPacket) {
  Scene scene;
  send_echo(scene, 99);  // by chance with the number that the host's socket has
  send_echo(scene, 99);
  scene.events[4].packet->ip_id = scene.events[5].packet->ip_id = 5353;  // the second: at the device, and at the TAP
  const auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 2U);
  for (const Journey& journey : journeys) EXPECT_EQ(way(journey), "1:transmit tap0, 1:tap_in tap0, 2:engine, 2:host_socket");
}

TEST(Journeys, AnEchoOfTheHostsOwnIsNotThatOfTheSocket) {
  Scene scene;
  const auto leave = [&](uint16_t id) {
    scene.identity = id;
    scene.see(kHost, Point::output, "up0", echo("192.0.2.1", id));
    scene.identity = 0;
  };
  leave(7);
  send_echo(scene, 5);
  leave(8);
  leave(99);
  const auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 3U);
  EXPECT_EQ(way(journeys[1]), "1:transmit tap0, 1:tap_in tap0, 2:engine, 2:host_socket, 2:output up0");
  EXPECT_EQ(journeys[1].hops.back().event.packet->icmp_id, 99);
}

/// Of guests that are addressed alike, as any two of `postern run` are; nothing in the headers tells their datagrams apart.
const Packet kAlike = test::udp({ip("fd00::100"), Port{123}}, {ip("2001:db8::9"), Port{123}});
constexpr uint64_t kOther = 4;

void leave(Scene& scene, uint64_t guest, uint64_t buffer) {
  scene.identity = buffer;
  scene.see(guest, Point::output, "tap0", kAlike);
  scene.see(guest, Point::transmit, "tap0", kAlike);
  scene.identity = 0;
}

const std::string kWayOfFirst = "1:output tap0, 1:transmit tap0, 1:tap_in tap0, 2:engine, 2:host_socket",
                  kWayOfOther = "4:output tap0, 4:transmit tap0, 4:tap_in tap0, 2:engine, 2:host_socket";

TEST(Journeys, OfTwoGuestsThatAreAddressedAlikeStayApart) {
  Scene scene;
  leave(scene, kContainer, 0xa001);
  leave(scene, kOther, 0xa002);
  relay(scene, kFromGuest, kAlike, kOther);
  relay(scene, kFromGuest, kAlike, kContainer);
  const auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 2U);
  EXPECT_EQ(way(journeys[0]), kWayOfFirst);
  EXPECT_EQ(way(journeys[1]), kWayOfOther);
}

TEST(Journeys, OfTwoGuestsOneAfterTheOtherStayApartAlsoInABufferThatIsUsedAgain) {
  for (const uint64_t buffer : {0xa001U, 0xa002U}) {
    Scene scene;
    leave(scene, kContainer, 0xa001);
    relay(scene, kFromGuest, kAlike, kContainer);
    leave(scene, kOther, buffer);
    relay(scene, kFromGuest, kAlike, kOther);
    const auto journeys = scene.journeys();
    ASSERT_EQ(journeys.size(), 2U) << buffer;
    EXPECT_EQ(way(journeys[0]), kWayOfFirst);
    EXPECT_EQ(way(journeys[1]), kWayOfOther);
  }
}

TEST(Journeys, ToTwoGuestsThatAreAddressedAlikeStayApartWhoeverTellsFirst) {
  const auto arrive = [](Scene& scene, uint64_t guest) { scene.see(guest, Point::ingress, "tap0", kAlike); };
  Scene before, after;
  for (const uint64_t guest : {kContainer, kOther}) arrive(before, guest);
  for (const uint64_t guest : {kOther, kContainer}) relay(before, kToGuest, kAlike, guest);
  for (const uint64_t guest : {kOther, kContainer}) relay(after, kToGuest, kAlike, guest);
  for (const uint64_t guest : {kContainer, kOther}) arrive(after, guest);
  for (const Scene* scene : {&before, &after}) {
    const auto journeys = scene->journeys();
    ASSERT_EQ(journeys.size(), 2U);
    EXPECT_EQ(way(journeys[0]), "2:host_socket, 4:tap_out tap0, 4:ingress tap0");
    EXPECT_EQ(way(journeys[1]), "2:host_socket, 1:tap_out tap0, 1:ingress tap0");
  }
}

TEST(Journeys, WithoutAMappingAFrameToTheGuestStandsBeforeItsKernel) {
  Scene scene;
  scene.see(kContainer, Point::ingress, "tap0", kAlike);
  relay(scene, {Point::tap_out}, kAlike, kOther);
  relay(scene, {Point::tap_out}, kAlike, kContainer);
  const auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 2U);
  EXPECT_EQ(way(journeys[0]), "4:tap_out tap0");
  EXPECT_EQ(way(journeys[1]), "1:tap_out tap0, 1:ingress tap0");
}

TEST(Journeys, WhatTheRelaySaysWithoutANumberFollowsWhatItHadSaid) {
  Scene scene;
  leave(scene, kContainer, 0xa001);
  leave(scene, kOther, 0xa002);
  relay(scene, kFromGuest, kAlike, kOther);
  relay(scene, kFromGuest, kAlike, kContainer);
  for (Event& event : scene.events) {
    if (event.observer == Observer::relay) event.identity = 0;
  }
  const auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 2U);
  EXPECT_EQ(way(journeys[0]), kWayOfFirst);
  EXPECT_EQ(way(journeys[1]), kWayOfOther);
}

}  // namespace
}  // namespace postern::journey
