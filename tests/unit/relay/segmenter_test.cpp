#include "segmenter.h"

#include <gtest/gtest.h>

#include "postern/wire/checksum.h"
#include "postern/wire/ip.h"
#include "postern/wire/tcp.h"

#include "../wire/frame_builder.h"

namespace postern::relay {
namespace {

using namespace wire::test;
namespace flag = wire::tcp_flag;

constexpr Ends kV4{"10.0.2.100", "192.0.2.1"}, kV6{"fd00::64", "2001:db8::1"};
constexpr uint32_t kStart = 0xffff'fc00;  // wraps in the first KiB
constexpr size_t kMtu = 1500;
const Frame kTimestamps = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};

Frame numbered(size_t bytes) {
  Frame data(bytes);
  for (size_t i = 0; i < bytes; ++i) data[i] = static_cast<uint8_t>(i * 7 + i / 251);
  return data;
}

Frame superframe(const Ends& ends, size_t bytes, uint8_t flags = flag::ack, const IpFields& ip = {.id = 0xfffe}) {
  return tcp_frame(ends, {.flags = flags, .options = kTimestamps, .payload = numbered(bytes), .sequence = kStart}, ip);
}

/// As the kernel leaves it: the sum of the pseudo header alone.
Frame unfinished(Frame frame) {
  const auto ip = *wire::IpPacket::parse(wire::Bytes(frame).subspan(14));
  const uint64_t pseudo = wire::pseudo_header(ip.source, ip.destination, ip.protocol, ip.payload.size());
  put16(frame, 14 + ip.header.size() + 16, static_cast<uint16_t>(~wire::finish(pseudo)));
  return frame;
}

std::vector<Frame> segments(Frame frame, size_t mtu_bytes = kMtu) {
  std::vector<Frame> all;
  for_each_segment(frame, mtu_bytes, [&](wire::MutableBytes segment) { all.emplace_back(segment.begin(), segment.end()); });
  return all;
}

bool comes_as_it_is(const Frame& frame, size_t mtu_bytes = kMtu) {
  return segments(frame, mtu_bytes) == std::vector<Frame>{frame};
}

class SegmenterOfEitherFamily : public ::testing::TestWithParam<Ends> {
 protected:
  size_t header_bytes() const { return (GetParam().is_v4() ? 20 : 40) + 20 + kTimestamps.size(); }
  size_t data_bytes() const { return kMtu - header_bytes(); }  // of a segment
};
INSTANTIATE_TEST_SUITE_P(, SegmenterOfEitherFamily, ::testing::Values(kV4, kV6),
                         [](const auto& ends) { return ends.param.is_v4() ? "v4" : "v6"; });

/// What the namespace itself would have sent.
TEST_P(SegmenterOfEitherFamily, CutsASuperframeIntoWhatWouldHaveBeenSentWithoutIt) {
  for (const size_t bytes : {data_bytes() + 1, 2 * data_bytes(), 2 * data_bytes() + 1, size_t{65'000}}) {
    const uint8_t flags = flag::cwr | flag::ece | flag::ack | flag::psh | flag::fin;
    const Frame data = numbered(bytes);
    std::vector<Frame> expected;
    for (size_t at = 0; at < bytes; at += data_bytes()) {
      const size_t end = std::min(bytes, at + data_bytes());
      uint8_t said = flag::ece | flag::ack;
      if (at == 0) said |= flag::cwr;
      if (end == bytes) said |= flag::psh | flag::fin;
      expected.push_back(tcp_frame(GetParam(),
                                   {.flags = said,
                                    .options = kTimestamps,
                                    .payload = slice(data, at, end),
                                    .sequence = static_cast<uint32_t>(kStart + at)},
                                   {.id = static_cast<uint16_t>(0xfffe + expected.size())}));
    }
    const Frame whole = superframe(GetParam(), bytes, flags);
    EXPECT_EQ(segments(whole), expected) << bytes << ", with a right checksum";
    EXPECT_EQ(segments(unfinished(whole)), expected) << bytes << ", with one that is left to us";
  }
}

TEST_P(SegmenterOfEitherFamily, WhatFitsComesAsItIs) {
  for (const size_t bytes : {size_t{0}, size_t{1}, data_bytes()}) {
    EXPECT_TRUE(comes_as_it_is(superframe(GetParam(), bytes))) << bytes;
    EXPECT_TRUE(comes_as_it_is(unfinished(superframe(GetParam(), bytes)))) << bytes;
  }
  EXPECT_TRUE(comes_as_it_is(superframe(GetParam(), 60'000), 65'535));
}

TEST_P(SegmenterOfEitherFamily, PaddingIsNoReasonToCutAndNoPartOfASegment) {
  Frame padded = superframe(GetParam(), 100);
  padded.resize(5'000);
  EXPECT_TRUE(comes_as_it_is(padded));
  padded = superframe(GetParam(), 4'000);
  const std::vector<Frame> without = segments(padded);
  padded.resize(5'000, 0xee);
  EXPECT_EQ(segments(padded), without);
}

TEST_P(SegmenterOfEitherFamily, WhatCannotBeCutComesAsItIs) {
  const Ends& ends = GetParam();
  for (const uint8_t flags : {flag::syn, flag::rst, flag::urg}) {
    EXPECT_TRUE(comes_as_it_is(superframe(ends, 4'000, static_cast<uint8_t>(flag::ack | flags)))) << int{flags};
  }
  EXPECT_TRUE(comes_as_it_is(udp_frame(ends, {.payload = numbered(4'000)})));
  EXPECT_TRUE(comes_as_it_is(
      superframe(ends, 4'000, flag::ack, {.extensions = {6, 0, 1, 4, 0, 0, 0, 0}, .first_extension = 60, .fragment = 0x2000})))
      << "a fragment; an extension header";
  EXPECT_TRUE(comes_as_it_is(ethernet_frame(0x0806, Frame(4'000))));
  EXPECT_TRUE(comes_as_it_is({}));
}

TEST_P(SegmenterOfEitherFamily, AWrongChecksumIsNotMadeRight) {
  Frame wrong = superframe(GetParam(), 4'000);
  wrong.back() ^= 1;
  EXPECT_TRUE(comes_as_it_is(wrong));
}

TEST_P(SegmenterOfEitherFamily, AnMtuWithoutRoomForDataCutsNothing) {
  const Frame frame = superframe(GetParam(), 65'000);
  for (const size_t mtu_bytes : {size_t{0}, size_t{1}, header_bytes(), header_bytes() + Segmenter::kMinDataBytes - 1}) {
    EXPECT_TRUE(comes_as_it_is(frame, mtu_bytes)) << mtu_bytes;
  }
  EXPECT_EQ(segments(frame, header_bytes() + Segmenter::kMinDataBytes).size(), 65'000 / Segmenter::kMinDataBytes);
}

TEST_P(SegmenterOfEitherFamily, LengthsThatLieCutNothing) {
  const Frame right = superframe(GetParam(), 4'000);
  for (size_t left = 0; left < right.size(); left += 97) EXPECT_TRUE(comes_as_it_is(slice(right, 0, left))) << left;
  Frame lying = right;
  lying[14 + header_bytes() - 20 - kTimestamps.size() + 12] = 0x40;  // a data offset of 16 bytes
  EXPECT_TRUE(comes_as_it_is(lying));
  lying = right;
  put16(lying, 14 + (GetParam().is_v4() ? 2 : 4), 65'535);
  EXPECT_TRUE(comes_as_it_is(lying));
}

TEST(Segmenter, Ipv4OptionsAreInEverySegment) {
  const Frame no_operation = {1, 1, 1, 0};
  const std::vector<Frame> all = segments(superframe(kV4, 4'000, flag::ack, {.options = no_operation}));
  ASSERT_EQ(all.size(), 3u);
  for (const Frame& segment : all) {
    const auto ip = wire::IpPacket::parse(wire::Bytes(segment).subspan(14));
    ASSERT_TRUE(ip);
    EXPECT_TRUE(ip->header_checksum_ok());
    EXPECT_EQ(ip->header.size(), 24u);
    EXPECT_LE(ip->whole().size(), kMtu);
  }
}

}  // namespace
}  // namespace postern::relay
