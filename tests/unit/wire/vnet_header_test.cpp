#include "postern/wire/vnet_header.h"

#include <gtest/gtest.h>

#include "frame_builder.h"

namespace postern::wire::test {
namespace {

constexpr Ends kV4{"10.0.2.100", "192.0.2.1"}, kV6{"fd00::64", "2001:db8::1"};

TEST(VnetHeader, WhatIsStoredIsReadAgain) {
  Frame bytes(VnetHeader::kBytes);
  VnetHeader{.needs_checksum = true,
             .gso = VnetHeader::Gso::tcp6,
             .header_bytes = 74,
             .segment_bytes = 1440,
             .checksum_start = 54,
             .checksum_offset = 16}
      .store(bytes);
  const auto vnet = VnetHeader::parse(bytes);
  ASSERT_TRUE(vnet);
  EXPECT_TRUE(vnet->needs_checksum);
  EXPECT_EQ(vnet->gso, VnetHeader::Gso::tcp6);
  EXPECT_EQ(vnet->header_bytes, 74);
  EXPECT_EQ(vnet->segment_bytes, 1440);
  EXPECT_EQ(vnet->checksum_start, 54);
  EXPECT_EQ(vnet->checksum_offset, 16);
}

TEST(VnetHeader, CutShortIsNone) { EXPECT_FALSE(VnetHeader::parse(Frame(VnetHeader::kBytes - 1))); }

TEST(CompleteChecksum, MakesTcpAndUdpOfBothFamiliesRight) {
  for (const Ends& ends : {kV4, kV6}) {
    for (const Frame& right : {tcp_frame(ends, {.payload = Frame(333, 'x')}), udp_frame(ends)}) {
      Frame frame = right;
      const size_t transport = EthernetFrame::kHeaderBytes + (ends.is_v4() ? 20 : 40);
      const bool tcp = right == tcp_frame(ends, {.payload = Frame(333, 'x')});
      put16(frame, transport + (tcp ? 16 : 6), 0xdead);
      complete_checksum(frame);
      EXPECT_EQ(frame, right);
    }
  }
}

TEST(CompleteChecksum, AUdpSumOfZeroIsWrittenAsAllOnes) {
  Frame frame = udp_frame(kV4, {.payload = {0, 0}});
  const size_t checksum = EthernetFrame::kHeaderBytes + 20 + 6, payload = checksum + 2;
  const uint16_t right = load16(frame, checksum);
  put16(frame, payload, right);  // brings the sum to zero
  complete_checksum(frame);
  EXPECT_EQ(load16(frame, checksum), 0xffff);
}

TEST(CompleteChecksum, LeavesEverythingElseAsItIs) {
  for (const Frame& frame : {arp_frame(), icmp_frame(kV4, {.type = 8}), Frame{}, Frame(14, 0),
                             udp_frame(kV4, {}, {.fragment = 0x2000}), slice(tcp_frame(kV4), 0, 40)}) {
    Frame touched = frame;
    complete_checksum(touched);
    EXPECT_EQ(touched, frame);
  }
}

}  // namespace
}  // namespace postern::wire::test
