#include "frame.h"

#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <net/if_arp.h>

#include "../journey/packets.h"

namespace postern::trace {
namespace {

using namespace journey::test;

sockaddr_ll from(uint16_t hardware, uint8_t kind, uint16_t ethertype = ETH_P_IP) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = 3;
  address.sll_hatype = hardware;
  address.sll_pkttype = kind;
  address.sll_protocol = htons(ethertype);
  return address;
}

const Octets kPacket = echo4({"10.0.0.2", "192.0.2.1"}, Echo::request, 5);
const Octets kMacs = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};

Octets joined(std::initializer_list<Octets> parts) {
  Octets all;
  for (const Octets& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Octets copy(wire::Bytes bytes) { return {bytes.begin(), bytes.end()}; }

TEST(Frame, OfEthernetHasItsMacsAndItsPacket) {
  const Octets bytes = joined({kMacs, {8, 0}, kPacket});
  const auto frame = parse_frame(from(ARPHRD_ETHER, PACKET_HOST), bytes);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->point, journey::Point::ingress);
  EXPECT_EQ(frame->device, 3);
  EXPECT_EQ(frame->ethertype, ETH_P_IP);
  ASSERT_TRUE(frame->macs);
  EXPECT_EQ(frame->macs->destination.to_string(), "02:00:00:00:00:01");
  EXPECT_EQ(frame->macs->source.to_string(), "02:00:00:00:00:02");
  EXPECT_EQ(copy(frame->packet), kPacket);
}

TEST(Frame, ThatGoesOutIsTransmitted) {
  const Octets bytes = joined({kMacs, {8, 0}, kPacket});
  EXPECT_EQ(parse_frame(from(ARPHRD_ETHER, PACKET_OUTGOING), bytes)->point, journey::Point::transmit);
  for (const uint8_t kind : std::initializer_list<uint8_t>{PACKET_BROADCAST, PACKET_MULTICAST, PACKET_OTHERHOST})
    EXPECT_EQ(parse_frame(from(ARPHRD_ETHER, kind), bytes)->point, journey::Point::ingress);
}

TEST(Frame, OfAVlanIsReadBehindItsTags) {
  const Octets bytes = joined({kMacs, {0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 8, 0}, kPacket});
  const auto frame = parse_frame(from(ARPHRD_ETHER, PACKET_OUTGOING, ETH_P_8021AD), bytes);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->ethertype, ETH_P_IP);
  EXPECT_EQ(copy(frame->packet), kPacket);
  EXPECT_FALSE(parse_frame(from(ARPHRD_ETHER, PACKET_HOST), Octets(bytes.begin(), bytes.begin() + 16))) << "within a tag";
}

TEST(Frame, OfATunHasNothingBeforeThePacket) {
  const auto frame = parse_frame(from(ARPHRD_NONE, PACKET_OUTGOING), kPacket);
  ASSERT_TRUE(frame);
  EXPECT_FALSE(frame->macs);
  EXPECT_EQ(copy(frame->packet), kPacket);
}

TEST(Frame, IsNoneWithoutAnIpPacketOfItsEthertype) {
  EXPECT_FALSE(parse_frame(from(ARPHRD_ETHER, PACKET_HOST), joined({kMacs, {8, 6}, kPacket}))) << "ARP";
  EXPECT_FALSE(parse_frame(from(ARPHRD_ETHER, PACKET_HOST), joined({kMacs, {0x86, 0xdd}, kPacket}))) << "IPv6 that is IPv4";
  EXPECT_FALSE(parse_frame(from(ARPHRD_ETHER, PACKET_HOST), joined({kMacs, {8, 0}}))) << "empty";
  EXPECT_FALSE(parse_frame(from(ARPHRD_ETHER, PACKET_HOST), Octets(13))) << "half a header";
  EXPECT_FALSE(parse_frame(from(ARPHRD_NONE, PACKET_HOST), {}));
  EXPECT_FALSE(parse_frame(from(ARPHRD_IEEE80211, PACKET_HOST), kPacket)) << "a link layer that is not known";
}

}  // namespace
}  // namespace postern::trace
