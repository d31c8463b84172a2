#include "postern/journey/journey.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "events.h"

namespace postern::journey {
namespace {

using test::drop;
using test::forwarded;
using test::ip;
using test::kContainer;
using test::kHost;
using test::kOutside;
using test::ping;
using test::rule;
using test::Scene;
using test::way;

/// A container's request through a bridge and a host that masquerades, as the probes see it.
void request(Scene& scene, uint16_t sequence = 1) {
  const Packet inside = ping("10.77.0.2", "192.0.2.3", test::kRequest, sequence);
  const Packet translated = forwarded(ping("192.0.2.1", "192.0.2.3", test::kRequest, sequence));
  scene.identity = 0xa000U + sequence;
  scene.see(kContainer, Point::output, "eth0", inside);
  scene.see(kContainer, Point::after_snat, "eth0", inside);
  scene.see(kContainer, Point::transmit, "eth0", inside).observer = Observer::tracepoint;
  scene.see(kHost, Point::ingress, "vc1", inside).observer = Observer::tracepoint;
  scene.see(kHost, Point::ingress, "br0", inside).observer = Observer::tracepoint;
  scene.see(kHost, Point::prerouting, "br0", inside);
  scene.see(kHost, Point::after_dnat, "br0", inside);
  scene.see(kHost, Point::forward, "br0", forwarded(inside));
  scene.see(kHost, Point::postrouting, "up0", forwarded(inside));
  scene.see(kHost, Point::after_snat, "up0", translated);
  scene.see(kHost, Point::transmit, "up0", translated).observer = Observer::tracepoint;
  scene.see(kOutside, Point::ingress, "eth0", translated).observer = Observer::tracepoint;
  scene.see(kOutside, Point::prerouting, "eth0", translated);
  scene.see(kOutside, Point::input, "eth0", translated);
}

void reply(Scene& scene, uint16_t sequence = 1) {
  const Packet outside = ping("192.0.2.3", "192.0.2.1", test::kReply, sequence);
  const Packet translated = ping("192.0.2.3", "10.77.0.2", test::kReply, sequence);
  scene.identity = 0xb000U + sequence;
  scene.see(kOutside, Point::output, "eth0", outside);
  scene.see(kOutside, Point::transmit, "eth0", outside).observer = Observer::tracepoint;
  scene.see(kHost, Point::ingress, "up0", outside).observer = Observer::tracepoint;
  scene.see(kHost, Point::prerouting, "up0", outside);
  scene.see(kHost, Point::after_dnat, "up0", translated);
  scene.see(kHost, Point::forward, "up0", forwarded(translated));
  scene.see(kHost, Point::transmit, "br0", forwarded(translated)).observer = Observer::tracepoint;
  scene.see(kHost, Point::transmit, "vc1", forwarded(translated)).observer = Observer::tracepoint;
  scene.see(kContainer, Point::ingress, "eth0", forwarded(translated)).observer = Observer::tracepoint;
  scene.see(kContainer, Point::input, "eth0", forwarded(translated));
}

const std::string kRequestWay =
    "1:output eth0, 1:after_snat eth0, 1:transmit eth0, 2:ingress vc1, 2:ingress br0, 2:prerouting br0, 2:after_dnat br0, "
    "2:forward br0, 2:postrouting up0, 2:after_snat up0, 2:transmit up0, 3:ingress eth0, 3:prerouting eth0, 3:input eth0";
const std::string kReplyWay =
    "3:output eth0, 3:transmit eth0, 2:ingress up0, 2:prerouting up0, 2:after_dnat up0, 2:forward up0, 2:transmit br0, "
    "2:transmit vc1, 1:ingress eth0, 1:input eth0";

TEST(Journeys, APingThroughMasqueradeIsOneRequestAndOneReply) {
  Scene scene;
  request(scene);
  reply(scene);
  const auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 2U);
  EXPECT_EQ(way(journeys[0]), kRequestWay);
  EXPECT_EQ(way(journeys[1]), kReplyWay);
  EXPECT_FALSE(journeys[0].answers);
  EXPECT_EQ(journeys[1].answers, 0U);
  EXPECT_EQ(journeys[0].end, Journey::End::delivered);
  EXPECT_EQ(journeys[1].end, Journey::End::delivered);
  EXPECT_EQ(journeys[0].duration_ns, 13 * Scene::kStep);
  EXPECT_EQ(journeys[0].hops[0].since_previous_ns, 0U);
  EXPECT_EQ(journeys[0].hops[1].since_previous_ns, Scene::kStep);
}

TEST(Journeys, ShowTheAddressBeforeAndAfter) {
  Scene scene;
  request(scene);
  reply(scene);
  const auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 2U);
  for (size_t i = 0; i < journeys[0].hops.size(); ++i) EXPECT_EQ(journeys[0].hops[i].translation.has_value(), i == 9) << i;
  const Translation snat = *journeys[0].hops[9].translation;
  EXPECT_TRUE(snat.source_changed && !snat.destination_changed);
  EXPECT_EQ(snat.source_before.address, ip("10.77.0.2"));
  EXPECT_EQ(snat.source_after.address, ip("192.0.2.1"));
  const Translation back = *journeys[1].hops[4].translation;
  EXPECT_TRUE(!back.source_changed && back.destination_changed);
  EXPECT_EQ(back.destination_after.address, ip("10.77.0.2"));
}

TEST(Journeys, KeepInterleavedPingsApart) {
  Scene first, second;
  request(first, 1);
  reply(first, 1);
  second.wait(500);  // half a step
  request(second, 2);
  reply(second, 2);
  Scene both;
  both.events = first.events;
  both.events.insert(both.events.end(), second.events.begin(), second.events.end());
  for (const bool with_buffers : {true, false}) {
    for (Event& event : both.events) {
      if (!with_buffers) event.identity = 0;
      if (!with_buffers) event.observer = Observer::packet_socket;
    }
    std::reverse(both.events.begin(), both.events.end());  // they may come in any order
    const auto journeys = both.journeys();
    ASSERT_EQ(journeys.size(), 4U) << with_buffers;
    EXPECT_EQ(way(journeys[0]), kRequestWay);
    EXPECT_EQ(way(journeys[1]), kRequestWay);
    EXPECT_EQ(way(journeys[2]), kReplyWay);
    EXPECT_EQ(journeys[2].answers, 0U);
    EXPECT_EQ(journeys[3].answers, 1U);
  }
}

TEST(Journeys, ABufferThatIsUsedAgainIsAnotherPacket) {
  Scene scene;
  scene.identity = 0xa001;
  scene.see(kContainer, Point::output, "eth0", ping("10.77.0.2", "192.0.2.3", test::kRequest, 1));
  scene.see(kContainer, Point::transmit, "eth0", ping("10.77.0.2", "192.0.2.3", test::kRequest, 1));
  scene.see(kContainer, Point::output, "eth0", ping("10.77.0.2", "192.0.2.3", test::kRequest, 2));
  scene.see(kContainer, Point::transmit, "eth0", ping("10.77.0.2", "192.0.2.3", test::kRequest, 2));
  EXPECT_EQ(scene.journeys().size(), 2U);
}

TEST(Journeys, ABufferWithTheSameHeadersAgainIsAnotherPacketWhereItHasBeen) {
  const Packet datagram = test::udp({ip("10.77.0.2"), Port{4000}}, {ip("192.0.2.53"), Port{53}});  // identification 0
  for (const uint64_t identity : {0xa001U, 0U}) {
    Scene scene;
    scene.identity = identity;
    for (int i = 0; i < 3; ++i) {
      scene.see(kContainer, Point::output, "eth0", datagram);
      scene.see(kContainer, Point::transmit, "eth0", datagram);
      scene.see(kHost, Point::ingress, "vc1", datagram);
    }
    const auto journeys = scene.journeys();
    ASSERT_EQ(journeys.size(), 3U);
    EXPECT_EQ(way(journeys[2]), "1:output eth0, 1:transmit eth0, 2:ingress vc1");
  }
}

TEST(Journeys, ALoopOfRoutesIsOneJourney) {
  Scene scene;
  scene.identity = 0xa001;
  Packet packet = ping("10.77.0.2", "192.0.2.3", test::kRequest);
  for (int i = 0; i < 5; ++i, packet = forwarded(packet)) scene.see(kHost, Point::prerouting, "up0", packet);
  EXPECT_EQ(scene.journeys().size(), 1U);
}

TEST(Journeys, AfterPatienceIsAnotherPacket) {
  Scene scene;
  scene.identity = 0xa001;
  scene.see(kHost, Point::prerouting, "up0", ping("10.77.0.2", "192.0.2.3", test::kRequest));
  scene.wait(2'100'000'000);
  scene.see(kHost, Point::after_dnat, "up0", ping("10.77.0.2", "192.0.2.3", test::kRequest));
  EXPECT_EQ(scene.journeys().size(), 2U);
}

TEST(Journeys, LoopbackComesBackToTheSameNamespace) {
  Scene scene;
  scene.identity = 0xa001;
  const Packet packet = ping("127.0.0.1", "127.0.0.1", test::kRequest);
  for (const Point point :
       {Point::output, Point::postrouting, Point::transmit, Point::ingress, Point::prerouting, Point::input}) {
    scene.see(kHost, point, "lo", packet);
  }
  ASSERT_EQ(scene.journeys().size(), 1U);
  EXPECT_EQ(scene.journeys()[0].end, Journey::End::delivered);
}

TEST(Journeys, ADropAtTheEndIsTheEnd) {
  Scene scene;
  scene.identity = 0xa001;
  const Packet packet = ping("10.77.0.2", "192.0.2.3", test::kRequest);
  scene.see(kHost, Point::prerouting, "br0", packet);
  drop(scene, kHost, "NETFILTER_DROP", packet);
  ASSERT_EQ(scene.journeys().size(), 1U);
  EXPECT_EQ(scene.journeys()[0].end, Journey::End::dropped);
}

TEST(Journeys, ADropOfACloneInMidWayIsNotTheEnd) {
  Scene scene;
  scene.identity = 0xa001;
  const Packet packet = ping("10.77.0.2", "192.0.2.3", test::kRequest);
  scene.see(kContainer, Point::output, "eth0", packet);
  drop(scene, kContainer, "NEIGH_QUEUEFULL", packet);
  scene.see(kContainer, Point::transmit, "eth0", packet);
  scene.see(kHost, Point::ingress, "vc1", packet);
  ASSERT_EQ(scene.journeys().size(), 1U);
  EXPECT_EQ(scene.journeys()[0].end, Journey::End::unknown);
}

TEST(Journeys, AnAnswerForARawSocketIsDeliveredAlthoughItsCopyIsDropped) {
  Scene scene;
  scene.identity = 0xa001;
  const Packet packet = ping("192.0.2.3", "10.77.0.2", test::kReply);
  scene.see(kContainer, Point::input, "eth0", packet);
  drop(scene, kContainer, "NO_SOCKET", packet);
  ASSERT_EQ(scene.journeys().size(), 1U);
  EXPECT_EQ(scene.journeys()[0].end, Journey::End::delivered);
  const Packet datagram = test::udp({ip("192.0.2.3"), Port{53}}, {ip("10.77.0.2"), Port{4000}});
  scene.identity = 0xa002;
  scene.see(kContainer, Point::input, "eth0", datagram);
  drop(scene, kContainer, "NO_SOCKET", datagram);
  ASSERT_EQ(scene.journeys().size(), 2U);
  EXPECT_EQ(scene.journeys()[1].end, Journey::End::dropped);
}

TEST(Journeys, WhatIsDeliveredHereIsNotDroppedThere) {
  Scene scene;
  scene.identity = 0xa001;
  const Packet packet = ping("10.77.0.2", "10.77.0.3", test::kRequest);
  scene.see(kHost, Point::transmit, "vc1", packet);  // flooded by the bridge: to its receiver, and to a third
  scene.see(kHost, Point::transmit, "vc3", packet);
  scene.see(kContainer, Point::ingress, "eth0", packet);
  scene.see(kOutside, Point::ingress, "eth0", packet);
  scene.see(kContainer, Point::input, "eth0", packet);
  drop(scene, kOutside, "OTHERHOST", packet);
  ASSERT_EQ(scene.journeys().size(), 1U);
  EXPECT_EQ(scene.journeys()[0].end, Journey::End::delivered);
  drop(scene, kContainer, "SOCKET_FILTER", packet);
  ASSERT_EQ(scene.journeys().size(), 1U);
  EXPECT_EQ(scene.journeys()[0].end, Journey::End::dropped);
}

TEST(Journeys, RulesThatAreToldLateStandWhereTheySpoke) {
  Scene scene;
  request(scene);
  const Packet inside = ping("10.77.0.2", "192.0.2.3", test::kRequest);
  scene.wait(50'000'000);
  rule(scene, kHost, "prerouting", inside);
  rule(scene, kHost, "forward", forwarded(inside));
  rule(scene, kHost, "postrouting", forwarded(inside));
  rule(scene, kOutside, "input", forwarded(ping("192.0.2.1", "192.0.2.3", test::kRequest))).rule->hook =
      "";  // by the chain's name
  rule(scene, kContainer, "output", inside);
  const auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 1U);
  EXPECT_EQ(way(journeys[0]),
            "1:output eth0, 1:rule, 1:after_snat eth0, 1:transmit eth0, 2:ingress vc1, 2:ingress br0, 2:prerouting br0, 2:rule, "
            "2:after_dnat br0, 2:rule, 2:forward br0, 2:postrouting up0, 2:rule, 2:after_snat up0, 2:transmit up0, "
            "3:ingress eth0, 3:prerouting eth0, 3:rule, 3:input eth0");
  EXPECT_EQ(journeys[0].end, Journey::End::delivered);
  EXPECT_EQ(journeys[0].hops[7].since_previous_ns, 0U);
  EXPECT_EQ(journeys[0].hops[8].since_previous_ns, Scene::kStep) << "the time goes on from the last exact clock";
}

TEST(Journeys, WithoutBuffersPacketSocketsAndRulesMakeTheWay) {
  Scene scene;
  const Packet inside = ping("10.77.0.2", "192.0.2.3", test::kRequest);
  const Packet translated = forwarded(ping("192.0.2.1", "192.0.2.3", test::kRequest));
  for (const auto& [point, device, packet] :
       {std::tuple{Point::ingress, "br0", inside}, std::tuple{Point::transmit, "up0", translated}}) {
    scene.see(kHost, point, device, packet).observer = Observer::packet_socket;
  }
  rule(scene, kHost, "forward", forwarded(inside));
  rule(scene, kHost, "postrouting", forwarded(inside));
  const auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 1U);
  EXPECT_EQ(way(journeys[0]), "2:ingress br0, 2:rule, 2:rule, 2:transmit up0");
  ASSERT_TRUE(journeys[0].hops[3].translation);
}

TEST(Journeys, RulesAloneAreAJourney) {
  Scene scene;
  const Packet packet = ping("10.77.0.2", "192.0.2.3", test::kRequest);
  rule(scene, kHost, "forward", packet);
  rule(scene, kHost, "prerouting", packet);
  Event& refusal = rule(scene, kHost, "forward", packet);
  refusal.rule->verdict = "drop";
  const auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 1U);
  EXPECT_EQ(journeys[0].hops[0].event.rule->hook, "prerouting");
  EXPECT_EQ(journeys[0].end, Journey::End::dropped);
}

TEST(Journeys, FragmentsGoTheirOwnWaysUntilTheyArePutTogether) {
  Scene scene;
  Packet first = test::udp({ip("10.77.0.2"), Port{4000}}, {ip("192.0.2.53"), Port{53}}), second = first;
  first.ip_id = second.ip_id = 77;
  first.bytes = 1500;
  second.has_transport = false;
  second.source_port = second.destination_port = Port{};
  second.fragment_offset = 1480;
  Packet whole = first;
  whole.bytes = 2000;
  scene.identity = 0xa001;
  scene.see(kHost, Point::ingress, "br0", first);
  scene.identity = 0xa002;
  scene.see(kHost, Point::ingress, "br0", second);
  scene.identity = 0xa001;
  scene.see(kHost, Point::prerouting, "br0", whole);
  const auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 2U);
  EXPECT_EQ(way(journeys[0]), "2:ingress br0, 2:prerouting br0");
  EXPECT_EQ(way(journeys[1]), "2:ingress br0");
}

TEST(Journeys, AnEventWithoutAPacketIsJoinedByItsBuffer) {
  Scene scene;
  scene.identity = 0xa001;
  scene.see(kHost, Point::prerouting, "br0", ping("10.77.0.2", "192.0.2.3", test::kRequest));
  scene.see(kHost, Point::drop, "", Packet{}).packet.reset();
  scene.identity = 0xa002;
  scene.see(kHost, Point::drop, "", Packet{}).packet.reset();
  EXPECT_EQ(scene.journeys().size(), 2U);
}

TEST(Journeys, NoneAreNone) { EXPECT_TRUE(Journeys().take().empty()); }

TEST(Journeys, AFloodOfEqualDatagramsCostsNotItsSquare) {
  Scene scene;
  const Packet datagram = test::udp({ip("10.77.0.2"), Port{4000}}, {ip("192.0.2.53"), Port{53}});
  for (int i = 0; i < 10'000; ++i) {
    scene.see(kContainer, Point::output, "eth0", datagram);
    scene.see(kContainer, Point::transmit, "eth0", datagram);
  }
  EXPECT_EQ(scene.journeys().size(), 10'000U);  // with a square's cost ctest's limit would end it
}

TEST(Journeys, AFloodOfDropsOfOnePlaceCostsNotItsSquare) {
  Scene scene;
  const Packet datagram = test::udp({ip("10.77.0.2"), Port{4000}}, {ip("192.0.2.53"), Port{53}});
  constexpr size_t kEvents = 20'000;
  for (size_t i = 0; i < kEvents; ++i) drop(scene, kHost, "NO_SOCKET", datagram);
  size_t hops = 0;
  for (const Journey& journey : scene.journeys()) {
    EXPECT_LE(journey.hops.size(), 1024U);
    hops += journey.hops.size();
  }
  EXPECT_EQ(hops, kEvents);
}

}  // namespace
}  // namespace postern::journey
