#include "postern/wire/udp_frame.h"

#include <gtest/gtest.h>

#include "postern/wire/checksum.h"

#include "frame_builder.h"

namespace postern::wire::test {
namespace {

constexpr Ends kV4{"10.0.2.3", "10.0.2.100"}, kV6{"fd00::3", "fd00::64"};
constexpr uint32_t kId = 0xabcdbeef;

Frame data_of(size_t bytes) {
  Frame data(bytes);
  for (size_t i = 0; i < bytes; ++i) data[i] = static_cast<uint8_t>(i * 7 + i / 256);
  return data;
}

class UdpFramesOfEitherFamily : public ::testing::TestWithParam<Ends> {
 protected:
  UdpFrame described() const {
    return {.destination_mac = kGatewayMac,  // as frame_builder.h has them
            .source_mac = kGuestMac,
            .source = GetParam().from(),
            .destination = GetParam().to(),
            .source_port = {53},
            .destination_port = {50'000},
            .ip_id = kId};
  }
  /// Every frame, whole, written into a room that was full of other things.
  std::vector<Frame> written(const Frame& data, size_t mtu_bytes, VnetHeaders vnet) const {
    std::vector<Frame> found;
    UdpFrames frames(described(), data, mtu_bytes, vnet);
    Frame room(kMaxUdpFrameHeaders, 0xee);
    while (const auto piece = frames.next(room)) {
      found.push_back(slice(room, 0, piece->header_bytes));
      append(found.back(), Frame(piece->data.begin(), piece->data.end()));
    }
    return found;
  }
  Frame expected(const Frame& data) const {
    return udp_frame(GetParam(), {.source = 53, .destination = 50'000, .payload = data}, {.id = kId & 0xffff});
  }
};
INSTANTIATE_TEST_SUITE_P(, UdpFramesOfEitherFamily, ::testing::Values(kV4, kV6),
                         [](const auto& ends) { return ends.param.is_v4() ? "v4" : "v6"; });

TEST_P(UdpFramesOfEitherFamily, OneThatFitsIsOneFrameWithItsChecksum) {
  for (const size_t bytes : {0u, 1u, 2u, 511u, 1232u}) {
    const auto frames = written(data_of(bytes), 1280, VnetHeaders::absent);
    ASSERT_EQ(frames.size(), 1u) << bytes;
    EXPECT_EQ(frames[0], expected(data_of(bytes))) << bytes;
  }
}

TEST_P(UdpFramesOfEitherFamily, WithAVnetHeaderTheKernelCompletesTheChecksum) {
  const auto frames = written(data_of(700), 1500, VnetHeaders::present);
  ASSERT_EQ(frames.size(), 1u);
  const auto vnet = VnetHeader::parse(frames[0]);
  ASSERT_TRUE(vnet);
  EXPECT_TRUE(vnet->needs_checksum);
  EXPECT_EQ(vnet->gso, VnetHeader::Gso::none);
  EXPECT_EQ(vnet->checksum_start, 14 + (GetParam().is_v4() ? 20 : 40));
  EXPECT_EQ(vnet->checksum_offset, 6);
  Frame frame = slice(frames[0], VnetHeader::kBytes, frames[0].size());
  const size_t field = vnet->checksum_start + size_t{vnet->checksum_offset};
  const uint16_t partial = load16(frame, field);
  EXPECT_EQ(partial, static_cast<uint16_t>(~finish(pseudo_header(GetParam().from(), GetParam().to(), Protocol::udp, 708))));
  complete_checksum(frame);
  EXPECT_EQ(frame, expected(data_of(700)));
}

TEST_P(UdpFramesOfEitherFamily, OneAboveTheMtuIsItsFragments) {
  for (const VnetHeaders vnet : {VnetHeaders::absent, VnetHeaders::present}) {
    for (const size_t bytes : {1500u, 8192u, static_cast<unsigned>(kMaxUdpData)}) {
      const auto frames = written(data_of(bytes), 1500, vnet);
      EXPECT_GT(frames.size(), 1u);
      Frame whole;
      for (size_t i = 0; i < frames.size(); ++i) {
        const size_t vnet_bytes = vnet == VnetHeaders::present ? VnetHeader::kBytes : 0;
        if (vnet_bytes != 0) {
          EXPECT_EQ(slice(frames[i], 0, vnet_bytes), Frame(vnet_bytes, 0));
        }
        const Frame bare = slice(frames[i], vnet_bytes, frames[i].size());
        const auto ethernet = EthernetFrame::parse(bare);
        const auto ip = IpPacket::parse(ethernet->payload);
        ASSERT_TRUE(ip) << i;
        EXPECT_LE(ip->whole().size(), 1500u);
        EXPECT_EQ(ip->whole().size(), ethernet->payload.size());
        EXPECT_EQ(ip->protocol, Protocol::udp);
        EXPECT_TRUE(ip->header_checksum_ok());
        const uint32_t id = GetParam().is_v4() ? kId & 0xffff : kId;
        EXPECT_EQ(ip->fragment, (Fragment{id, static_cast<uint16_t>(whole.size()), i + 1 < frames.size()})) << i;
        append(whole, Frame(ip->payload.begin(), ip->payload.end()));
      }
      EXPECT_EQ(whole, udp_datagram(GetParam(), {.source = 53, .destination = 50'000, .payload = data_of(bytes)}));
    }
  }
}

TEST_P(UdpFramesOfEitherFamily, TheLargestThatFitsIsNotCut) {
  const size_t most = 1500 - (GetParam().is_v4() ? 20 : 40) - 8;
  EXPECT_EQ(written(data_of(most), 1500, VnetHeaders::absent).size(), 1u);
  EXPECT_EQ(written(data_of(most + 1), 1500, VnetHeaders::absent).size(), 2u);
}

TEST(UdpFrames, AChecksumOfZeroIsWrittenAsAllOnes) {
  const Ends ends = kV4;
  UdpFrame udp{.destination_mac = kGatewayMac,
               .source_mac = kGuestMac,
               .source = ends.from(),
               .destination = ends.to(),
               .source_port = {53},
               .destination_port = {50'000}};
  Frame data = {0, 0};
  Frame room(kMaxUdpFrameHeaders);
  const auto checksum_of = [&] {
    UdpFrames frames(udp, data, 1500, VnetHeaders::absent);
    return frames.next(room) ? load16(room, 14 + 20 + 6) : uint16_t{0};
  };
  put16(data, 0, checksum_of());  // what is missing for a sum of all ones
  EXPECT_EQ(checksum_of(), 0xffff);
}

}  // namespace
}  // namespace postern::wire::test
