#include "postern/wire/ethernet.h"

#include <gtest/gtest.h>

#include "frame_builder.h"

namespace postern::wire {
namespace {

TEST(EthernetFrame, ReadsItsFieldsInWireOrder) {
  const test::Frame bytes = test::ethernet_frame(0x86dd, {1, 2, 3});
  const auto frame = EthernetFrame::parse(bytes);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->destination, test::kGatewayMac);
  EXPECT_EQ(frame->source, test::kGuestMac);
  EXPECT_EQ(frame->type, EtherType::ipv6);
  EXPECT_EQ(test::Frame(frame->payload.begin(), frame->payload.end()), (test::Frame{1, 2, 3}));
}

TEST(EthernetFrame, IsNotShorterThanItsHeader) {
  const test::Frame header = test::ethernet_frame(0x0800, {});
  EXPECT_TRUE(EthernetFrame::parse(header));
  for (size_t bytes = 0; bytes < header.size(); ++bytes) EXPECT_FALSE(EthernetFrame::parse(Bytes(header).first(bytes))) << bytes;
}

TEST(EthernetFrame, HeaderStoredIsHeaderRead) {
  std::array<uint8_t, 14> bytes{};
  store_ethernet_header(bytes, test::kGuestMac, test::kGatewayMac, EtherType::arp);
  const auto frame = EthernetFrame::parse(bytes);
  EXPECT_EQ(frame->destination, test::kGuestMac);
  EXPECT_EQ(frame->source, test::kGatewayMac);
  EXPECT_EQ(frame->type, EtherType::arp);
}

}  // namespace
}  // namespace postern::wire
