#include "postern/wire/arp.h"

#include <gtest/gtest.h>

#include "frame_builder.h"

namespace postern::wire {
namespace {

test::Frame request() {
  const test::Frame frame = test::arp_frame();
  return {frame.begin() + 14, frame.end()};
}

TEST(ArpPacket, ReadsARequest) {
  const test::Frame bytes = request();
  const auto arp = ArpPacket::parse(bytes);
  ASSERT_TRUE(arp);
  EXPECT_EQ(arp->operation, 1);
  EXPECT_EQ(arp->sender_mac, test::kGuestMac);
  EXPECT_EQ(arp->sender, Ipv4::of(10, 0, 2, 100));
  EXPECT_EQ(arp->target_mac, Mac{});
  EXPECT_EQ(arp->target, Ipv4::of(10, 0, 2, 2));
}

TEST(ArpPacket, MayBePadded) {
  test::Frame bytes = request();
  bytes.resize(46);
  EXPECT_TRUE(ArpPacket::parse(bytes));
}

TEST(ArpPacket, IsNotCutShort) {
  const test::Frame bytes = request();
  for (size_t left = 0; left < bytes.size(); ++left) EXPECT_FALSE(ArpPacket::parse(Bytes(bytes).first(left))) << left;
}

TEST(ArpPacket, SpeaksOfIpv4OverEthernetOnly) {
  for (size_t at = 0; at < 6; ++at) {  // hardware type, protocol type, the two lengths
    test::Frame bytes = request();
    bytes[at] ^= 2;
    EXPECT_FALSE(ArpPacket::parse(bytes)) << at;
  }
}

}  // namespace
}  // namespace postern::wire
