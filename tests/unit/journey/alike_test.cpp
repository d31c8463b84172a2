// alike_test.cpp - packets whose headers are alike: which are one, and which are not.
#include <gtest/gtest.h>

#include "events.h"

namespace postern::journey {
namespace {

using test::ip;
using test::kContainer;
using test::kHost;
using test::kOutside;
using test::rule;
using test::Scene;
using test::way;

TEST(Journeys, PacketSocketsOfNamespacesThatAreAddressedAlikeDoNotMix) {
  const Packet solicitation = test::with_ports(IPPROTO_ICMPV6, {ip("fd00::100"), {}}, {ip("ff02::1:ff00:2"), {}});
  Scene scene;
  for (const uint64_t inode : {kContainer, kOutside}) {
    scene.see(inode, Point::transmit, "eth0", solicitation).observer = Observer::packet_socket;
  }
  scene.see(kHost, Point::ingress, "vc1", solicitation).observer = Observer::packet_socket;
  const auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 2U);
  EXPECT_EQ(way(journeys[0]), "1:transmit eth0, 2:ingress vc1");
  EXPECT_EQ(way(journeys[1]), "3:transmit eth0");
}

TEST(Journeys, ARuleThatIsToldLateIsOfItsNamespacesPacket) {
  const Packet datagram = test::udp({ip("fd00::100"), Port{123}}, {ip("2001:db8::9"), Port{123}});
  Scene scene;
  scene.see(kContainer, Point::transmit, "eth0", datagram);
  scene.see(kOutside, Point::transmit, "eth0", datagram);
  rule(scene, kOutside, "output", datagram).identity = 0x9a;
  rule(scene, kOutside, "postrouting", datagram).identity = 0x9b;
  const auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 2U);
  EXPECT_EQ(way(journeys[0]), "1:transmit eth0");
  EXPECT_EQ(way(journeys[1]), "3:rule, 3:rule, 3:transmit eth0");
}

TEST(Journeys, DatagramsOfOtherLengthsAreOthersWhereNothingElseTellsThemApart) {
  Packet first = test::udp({ip("fd00::2"), Port{4000}}, {ip("fd00::3"), Port{53}}), second = first;
  first.bytes = 100;
  second.bytes = 900;
  Scene scene;
  scene.see(kContainer, Point::transmit, "eth0", first);  // lost on the wire
  scene.see(kContainer, Point::transmit, "eth0", second);
  scene.see(kHost, Point::ingress, "vc1", second);
  rule(scene, kHost, "prerouting", second);
  const auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 2U);
  EXPECT_EQ(way(journeys[0]), "1:transmit eth0");
  EXPECT_EQ(way(journeys[1]), "1:transmit eth0, 2:ingress vc1, 2:rule");
}

TEST(Journeys, ByTheIdentificationOtherLengthsAreTheSameDatagram) {
  Packet whole = test::udp({ip("10.77.0.2"), Port{4000}}, {ip("192.0.2.53"), Port{53}}), first = whole;
  whole.ip_id = first.ip_id = 77;
  whole.bytes = 2000;
  first.bytes = 1500;
  Scene scene;
  scene.see(kContainer, Point::output, "eth0", whole);
  scene.see(kContainer, Point::transmit, "eth0", first);
  EXPECT_EQ(scene.journeys().size(), 1U);
}

/// A superframe and its first piece, of either family.
class Superframe : public testing::TestWithParam<const char*> {
 protected:
  static Packet segment(uint8_t flags, uint32_t bytes) {
    const bool v4 = std::string_view(GetParam()) == "ipv4";
    Packet packet =
        test::tcp({ip(v4 ? "10.77.0.2" : "fd00::2"), Port{4000}}, {ip(v4 ? "192.0.2.53" : "fd00::3"), Port{80}}, flags, 1000, 1);
    packet.bytes = bytes;
    return packet;
  }
};
INSTANTIATE_TEST_SUITE_P(, Superframe, testing::Values("ipv4", "ipv6"), [](const auto& family) { return family.param; });

TEST_P(Superframe, CutUpGoesOnAsItsFirstPiece) {
  for (const uint8_t last : {test::kPsh, test::kFin, uint8_t{test::kPsh | test::kFin}}) {
    for (const uint32_t whole : {4000U, 0U}) {
      Scene scene;
      scene.identity = 0xa001;
      scene.see(kContainer, Point::output, "eth0", segment(test::kAck | last, whole));
      scene.identity = 0xa002;
      scene.see(kContainer, Point::transmit, "eth0", segment(test::kAck, 1500));
      EXPECT_EQ(scene.journeys().size(), 1U) << int{last} << " " << whole;
    }
  }
}

TEST_P(Superframe, PutTogetherGoesOnInTheBufferOfItsFirstPiece) {
  Scene scene;
  scene.identity = 0xa001;
  scene.see(kHost, Point::ingress, "eth0", segment(test::kAck, 1500));
  scene.see(kHost, Point::prerouting, "eth0", segment(test::kAck | test::kPsh | test::kFin, 4000));
  EXPECT_EQ(scene.journeys().size(), 1U);
}

TEST_P(Superframe, AnEndAloneIsNoAcknowledgment) {
  Scene scene;
  scene.see(kContainer, Point::transmit, "eth0", segment(test::kAck, 60));
  scene.see(kHost, Point::ingress, "vc1", segment(test::kAck | test::kFin, 60));
  EXPECT_EQ(scene.journeys().size(), 2U);
}

}  // namespace
}  // namespace postern::journey
