#include "postern/wire/neighbour_request.h"

#include <gtest/gtest.h>

#include <array>

#include "postern/wire/arp.h"
#include "postern/wire/checksum.h"
#include "postern/wire/icmp.h"

namespace postern::wire {
namespace {

constexpr Mac kOurs{{0x52, 0x55, 10, 0, 2, 2}};

TEST(NeighbourRequest, IsAnArpRequestToAllForIpv4) {
  std::array<uint8_t, kMaxNeighbourRequest> room;
  const Bytes bytes = store_neighbour_request(room, {kOurs, Ipv4::of(10, 0, 2, 2), Ipv4::of(10, 0, 2, 100)});
  const auto frame = EthernetFrame::parse(bytes);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->destination, (Mac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}));
  EXPECT_EQ(frame->source, kOurs);
  const auto arp = ArpPacket::parse(frame->payload);
  ASSERT_TRUE(arp);
  EXPECT_EQ(arp->operation, 1);
  EXPECT_EQ(arp->sender_mac, kOurs);
  EXPECT_EQ(arp->sender, Ipv4::of(10, 0, 2, 2));
  EXPECT_EQ(arp->target, Ipv4::of(10, 0, 2, 100));
}

TEST(NeighbourRequest, IsASolicitationToTheGroupOfTheAddressForIpv6) {
  std::array<uint8_t, kMaxNeighbourRequest> room;
  const Ipv6 ours = *Ipv6::parse("fd00::2"), wanted = *Ipv6::parse("fd00::12:3456");
  const Bytes bytes = store_neighbour_request(room, {kOurs, ours, wanted});
  const auto frame = EthernetFrame::parse(bytes);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->destination, (Mac{{0x33, 0x33, 0xff, 0x12, 0x34, 0x56}}));
  const auto ip = IpPacket::parse(frame->payload);
  ASSERT_TRUE(ip);
  EXPECT_EQ(to_string(ip->destination), "ff02::1:ff12:3456");
  EXPECT_EQ(ip->hop_limit, 255);
  const auto message = IcmpMessage::parse(*ip);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->type, 135);
  EXPECT_EQ(load_octets<Ipv6>(message->payload, 0), wanted);
  EXPECT_EQ(load_octets<Mac>(message->payload, 18), kOurs);
  EXPECT_EQ(finish(sum(ip->payload, pseudo_header(ip->source, ip->destination, ip->protocol, ip->payload.size()))), 0);
}

}  // namespace
}  // namespace postern::wire
