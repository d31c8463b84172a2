#include "postern/wire/tcp_frame.h"

#include <gtest/gtest.h>

#include "postern/wire/checksum.h"

#include "frame_builder.h"

namespace postern::wire::test {
namespace {

constexpr Ends kV4{"192.0.2.1", "10.0.2.100"}, kV6{"2001:db8::1", "fd00::64"};
constexpr uint16_t kId = 0xbeef, kDontFragment = 0x4000;
const Frame kNoOptions, kTwelve = {2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7}, kForty(kMaxTcpOptionBytes, 1);

class TcpFrameOfEitherFamily : public ::testing::TestWithParam<Ends> {
 protected:
  size_t ip_header_bytes() const { return GetParam().is_v4() ? 20 : 40; }
  size_t header_bytes(const Frame& options) const { return 14 + ip_header_bytes() + 20 + options.size(); }

  TcpFrame described(const Frame& options) const {
    return {.destination_mac = kGatewayMac,  // as frame_builder.h has them
            .source_mac = kGuestMac,
            .source = GetParam().from(),
            .destination = GetParam().to(),
            .source_port = {443},
            .destination_port = {50'000},
            .sequence = 0xfffffff0,
            .acknowledgment = 0x05060708,
            .flags = tcp_flag::ack | tcp_flag::psh,
            .window = 0x1234,
            .options = options,
            .ip_id = kId};
  }
  Frame expected(const Frame& options, const Frame& payload) const {
    return tcp_frame(GetParam(),
                     {.source = 443,
                      .destination = 50'000,
                      .flags = tcp_flag::ack | tcp_flag::psh,
                      .options = options,
                      .payload = payload,
                      .sequence = 0xfffffff0,
                      .window = 0x1234},
                     {.id = kId, .fragment = kDontFragment});
  }

  /// What is written before `payload`, in a room that was full of other things.
  Frame headers(const Frame& options, size_t payload_bytes, size_t segment_bytes) const {
    Frame room(kMaxTcpFrameHeaders, 0xee);
    room.resize(store_tcp_headers(room, described(options), payload_bytes, segment_bytes));
    return room;
  }
};
INSTANTIATE_TEST_SUITE_P(, TcpFrameOfEitherFamily, ::testing::Values(kV4, kV6),
                         [](const auto& ends) { return ends.param.is_v4() ? "v4" : "v6"; });

TEST_P(TcpFrameOfEitherFamily, WithoutVnetHeaderItIsWholeWithItsDataBehindIt) {
  for (const Frame& options : {kNoOptions, kTwelve, kForty}) {
    for (const size_t bytes : {0u, 1u, 2u, 3u, 535u, 1448u, 1449u, 65'415u}) {
      const Frame payload(bytes, 0xa7);
      Frame frame(kMaxTcpFrameHeaders, 0xee);
      frame.resize(store_tcp_headers_complete(frame, described(options), payload));
      append(frame, payload);
      EXPECT_EQ(frame, expected(options, payload)) << options.size() << ' ' << bytes;
    }
  }
}

TEST_P(TcpFrameOfEitherFamily, WithVnetHeaderOnlyTheChecksumIsMissing) {
  for (const Frame& options : {kNoOptions, kTwelve, kForty}) {
    for (const size_t bytes : {0u, 1u, 2u, 3u, 1449u, 65'415u}) {
      const Frame payload(bytes, 0xa7), whole = expected(options, payload);
      Frame frame = slice(headers(options, bytes, 1448), VnetHeader::kBytes, VnetHeader::kBytes + header_bytes(options));
      const uint64_t pseudo =
          pseudo_header(GetParam().from(), GetParam().to(), Protocol::tcp, 20 + options.size() + payload.size());
      EXPECT_EQ(load16(frame, 14 + ip_header_bytes() + 16), static_cast<uint16_t>(~finish(pseudo)));
      append(frame, payload);
      complete_checksum(frame);  // as the kernel would
      EXPECT_EQ(frame, whole) << options.size() << ' ' << bytes;
    }
  }
}

TEST_P(TcpFrameOfEitherFamily, TheVnetHeaderSaysWhereTheChecksumGoesAndWhereTheDataBegin) {
  for (const Frame& options : {kNoOptions, kTwelve, kForty}) {
    const Frame written = headers(options, 0, 1448);
    EXPECT_EQ(written.size(), VnetHeader::kBytes + header_bytes(options));
    const auto vnet = VnetHeader::parse(written);
    EXPECT_TRUE(vnet->needs_checksum);
    EXPECT_EQ(vnet->checksum_start, 14 + ip_header_bytes());
    EXPECT_EQ(vnet->checksum_offset, 16);
    EXPECT_EQ(vnet->header_bytes, header_bytes(options));
  }
}

TEST_P(TcpFrameOfEitherFamily, MoreThanASegmentIsASuperframe) {
  const auto vnet = [&](size_t bytes) { return *VnetHeader::parse(headers(kTwelve, bytes, 1448)); };
  for (const size_t bytes : {0u, 1u, 1447u, 1448u}) {
    EXPECT_EQ(vnet(bytes).gso, VnetHeader::Gso::none) << bytes;
    EXPECT_EQ(vnet(bytes).segment_bytes, 0) << bytes;
  }
  for (const size_t bytes : {1449u, 2896u, 65'415u}) {
    EXPECT_EQ(vnet(bytes).gso, GetParam().is_v4() ? VnetHeader::Gso::tcp4 : VnetHeader::Gso::tcp6) << bytes;
    EXPECT_EQ(vnet(bytes).segment_bytes, 1448) << bytes;
  }
}

TEST_P(TcpFrameOfEitherFamily, TheMostDataFitWithTheMostOptions) {
  Frame frame = slice(headers(kForty, kMaxTcpFrameData, 1448), VnetHeader::kBytes, VnetHeader::kBytes + header_bytes(kForty));
  append(frame, Frame(kMaxTcpFrameData, 1));
  const auto ip = IpPacket::parse(Bytes(frame).subspan(EthernetFrame::kHeaderBytes));
  ASSERT_TRUE(ip);
  EXPECT_TRUE(ip->header_checksum_ok());
  EXPECT_EQ(ip->whole().size(), frame.size() - EthernetFrame::kHeaderBytes);
  EXPECT_EQ(TcpSegment::parse(ip->payload)->payload.size(), kMaxTcpFrameData);
}

}  // namespace
}  // namespace postern::wire::test
