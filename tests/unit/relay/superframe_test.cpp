#include "superframe.h"

#include <gtest/gtest.h>

#include "postern/wire/ip.h"

#include "../wire/frame_builder.h"

namespace postern::relay {
namespace {

using namespace wire::test;
using wire::VnetHeader;
namespace flag = wire::tcp_flag;

constexpr Ends kV4{"192.0.2.1", "10.0.2.100"}, kV6{"2001:db8::1", "fd00::64"};
constexpr uint32_t kStart = 1'000;

Frame segment(const Ends& ends, uint32_t sequence, size_t bytes, uint8_t flags = flag::ack) {
  return tcp_frame(ends, {.flags = flags, .payload = Frame(bytes, static_cast<uint8_t>(sequence)), .sequence = sequence});
}

struct Written {
  VnetHeader vnet;
  wire::Bytes frame;
};

Written finish(Superframe& superframe) {
  const wire::Bytes bytes = superframe.finish();
  return {*VnetHeader::parse(bytes), bytes.subspan(VnetHeader::kBytes)};
}

class SuperframeOfEitherFamily : public ::testing::TestWithParam<Ends> {};
INSTANTIATE_TEST_SUITE_P(, SuperframeOfEitherFamily, ::testing::Values(kV4, kV6),
                         [](const auto& ends) { return ends.param.is_v4() ? "v4" : "v6"; });

TEST_P(SuperframeOfEitherFamily, ASegmentByItselfIsWrittenAsItCame) {
  Superframe superframe;
  const Frame only = segment(GetParam(), kStart, 100);
  ASSERT_TRUE(superframe.add(only));
  const Written written = finish(superframe);
  EXPECT_FALSE(written.vnet.needs_checksum);
  EXPECT_EQ(written.vnet.gso, VnetHeader::Gso::none);
  EXPECT_EQ(Frame(written.frame.begin(), written.frame.end()), only);
  EXPECT_TRUE(superframe.empty());
}

TEST_P(SuperframeOfEitherFamily, SegmentsInARowBecomeOneThatTheKernelCanCutAgain) {
  Superframe superframe;
  ASSERT_TRUE(superframe.add(segment(GetParam(), kStart, 1000)));
  ASSERT_TRUE(superframe.add(segment(GetParam(), kStart + 1000, 1000)));
  ASSERT_TRUE(superframe.add(segment(GetParam(), kStart + 2000, 500, flag::ack | flag::psh)));
  const Written written = finish(superframe);
  const size_t headers = GetParam().is_v4() ? 54 : 74;
  EXPECT_TRUE(written.vnet.needs_checksum);
  EXPECT_EQ(written.vnet.gso, GetParam().is_v4() ? VnetHeader::Gso::tcp4 : VnetHeader::Gso::tcp6);
  EXPECT_EQ(written.vnet.segment_bytes, 1000);
  EXPECT_EQ(written.vnet.header_bytes, headers);
  EXPECT_EQ(written.vnet.checksum_start, headers - 20);
  EXPECT_EQ(written.vnet.checksum_offset, 16);

  const auto ip = wire::IpPacket::parse(written.frame.subspan(14));
  ASSERT_TRUE(ip);
  EXPECT_TRUE(ip->header_checksum_ok());
  EXPECT_EQ(ip->whole().size() + 14, written.frame.size()) << "the length says all of it";
  const auto tcp = wire::TcpSegment::parse(ip->payload);
  EXPECT_EQ(tcp->sequence, kStart);
  EXPECT_TRUE(tcp->has(flag::psh));
  EXPECT_EQ(tcp->payload.size(), 2500u);
  EXPECT_EQ(tcp->payload[999], static_cast<uint8_t>(kStart));
  EXPECT_EQ(tcp->payload[2499], static_cast<uint8_t>(kStart + 2000));

  Frame completed(written.frame.begin(), written.frame.end());
  const size_t checksum = headers - 4;
  uint16_t pseudo_only =
      reference_checksum(slice(with_pseudo_header(GetParam(), 6, Frame(20 + 2500)), 0, GetParam().is_v4() ? 16 : 40));
  EXPECT_EQ(wire::load16(completed, checksum), static_cast<uint16_t>(~pseudo_only))
      << "the pseudo header's sum, not complemented";
}

TEST_P(SuperframeOfEitherFamily, WhatDoesNotContinueItIsRefused) {
  const auto refused_after = [](const Frame& first, const Frame& next) {
    Superframe superframe;
    return superframe.add(first) && !superframe.add(next);
  };
  const Ends& ends = GetParam();
  const Frame first = segment(ends, kStart, 1000);
  const Ends stranger{ends.is_v4() ? "192.0.2.9" : "2001:db8::9", ends.destination};
  EXPECT_TRUE(refused_after(first, segment(ends, kStart + 999, 1000))) << "overlap";
  EXPECT_TRUE(refused_after(first, segment(ends, kStart + 1001, 1000))) << "gap";
  EXPECT_TRUE(refused_after(first, segment(ends, kStart + 1000, 1001))) << "longer than the first";
  EXPECT_TRUE(refused_after(first, segment(stranger, kStart + 1000, 1000))) << "another address";
  EXPECT_TRUE(
      refused_after(first, tcp_frame(ends, {.source = 1, .flags = flag::ack, .payload = Frame(9), .sequence = kStart + 1000})))
      << "another port";
  EXPECT_TRUE(
      refused_after(first, tcp_frame(ends, {.flags = flag::ack, .payload = Frame(9), .sequence = kStart + 1000, .window = 1})))
      << "another window";
  EXPECT_TRUE(refused_after(
      first, tcp_frame(ends, {.flags = flag::ack, .payload = Frame(9), .sequence = kStart + 1000}, {.hop_limit = 9})))
      << "another hop limit";
  EXPECT_TRUE(refused_after(segment(ends, kStart, 1000, flag::ack | flag::psh), segment(ends, kStart + 1000, 1000)))
      << "after PSH";
  Superframe superframe;
  EXPECT_TRUE(superframe.add(first) && superframe.add(segment(ends, kStart + 1000, 500)));
  EXPECT_FALSE(superframe.add(segment(ends, kStart + 1500, 500))) << "after a short segment";
}

TEST_P(SuperframeOfEitherFamily, OnlyPlainDataBeginsOne) {
  for (const uint8_t flags : {flag::syn, flag::rst, flag::fin, flag::urg, flag::ece, flag::cwr}) {
    EXPECT_FALSE(Superframe().add(segment(GetParam(), kStart, 10, static_cast<uint8_t>(flag::ack | flags)))) << int{flags};
  }
  EXPECT_FALSE(Superframe().add(segment(GetParam(), kStart, 0))) << "a bare ACK";
  EXPECT_FALSE(Superframe().add(tcp_frame(GetParam(), {.flags = flag::ack, .options = Frame(4, 1), .payload = Frame(9)})));
  EXPECT_FALSE(Superframe().add(udp_frame(GetParam())));
  EXPECT_FALSE(Superframe().add(arp_frame()));
  EXPECT_FALSE(Superframe().add({}));
}

TEST_P(SuperframeOfEitherFamily, NeverGrowsBeyondWhatAnIpLengthCanSay) {
  Superframe superframe;
  uint32_t sequence = kStart;
  while (superframe.add(segment(GetParam(), sequence, 1460))) sequence += 1460;
  const Written written = finish(superframe);
  EXPECT_LE(written.frame.size(), 14u + 65'535);
  EXPECT_GT(written.frame.size(), 14u + 65'535 - 1460 - 60);
  EXPECT_TRUE(superframe.add(segment(GetParam(), sequence, 1460))) << "and what came too late begins the next";
}

TEST_P(SuperframeOfEitherFamily, TheSequenceNumberMayWrapAround) {
  Superframe superframe;
  ASSERT_TRUE(superframe.add(segment(GetParam(), 0xffff'ff00, 1000)));
  EXPECT_TRUE(superframe.add(segment(GetParam(), 0xffff'ff00u + 1000u, 1000)));
}

TEST_P(SuperframeOfEitherFamily, ALargeSegmentIsWrittenAloneWithoutACopyOfItsData) {
  const Frame large = segment(GetParam(), kStart, 16'000, flag::ack | flag::psh);
  Superframe superframe;
  const auto parts = superframe.alone(large);
  ASSERT_TRUE(parts);
  EXPECT_EQ((*parts)[1].data() + 16'000, large.data() + large.size()) << "the caller's own bytes";
  Frame written((*parts)[0].begin() + VnetHeader::kBytes, (*parts)[0].end());
  written.insert(written.end(), (*parts)[1].begin(), (*parts)[1].end());
  const auto vnet = VnetHeader::parse((*parts)[0]);
  ASSERT_TRUE(vnet);
  EXPECT_TRUE(vnet->needs_checksum);
  EXPECT_EQ(vnet->gso, VnetHeader::Gso::none);
  wire::complete_checksum(written);  // as the kernel would
  EXPECT_EQ(written, large);
}

TEST(Superframe, WhatIsNoPlainDataIsNotWrittenInParts) {
  EXPECT_FALSE(Superframe().alone(udp_frame(kV4)));
  EXPECT_FALSE(Superframe().alone(Frame(9000, 0)));
}

}  // namespace
}  // namespace postern::relay
