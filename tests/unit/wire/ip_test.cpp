#include "postern/wire/ip.h"

#include <gtest/gtest.h>

#include "frame_builder.h"

namespace postern::wire {
namespace {

using test::Ends;
using test::Frame;
using test::ip_packet;

constexpr Ends kV4{"10.0.2.100", "192.0.2.1"};
constexpr Ends kV6{"fd00::64", "2001:db8::1"};
const Frame kPayload = {1, 2, 3, 4, 5, 6, 7, 8};

/// An extension header of `units` * 8 bytes (RFC 8200 4) that is followed by header number `next`.
Frame extension(uint8_t next, uint8_t units = 1) {
  Frame header(units * size_t{8});
  header[0] = next;
  header[1] = static_cast<uint8_t>(units - 1);
  return header;
}

Frame fragment_header(uint8_t next, uint16_t offset_and_more) {
  Frame header = {next, 0};
  test::append16(header, offset_and_more);
  test::append32(header, 0xabcd1234);
  return header;
}

class IpPacketOfEitherFamily : public testing::TestWithParam<Ends> {};
INSTANTIATE_TEST_SUITE_P(, IpPacketOfEitherFamily, testing::Values(kV4, kV6),
                         [](const auto& family) { return family.param.is_v4() ? "v4" : "v6"; });

TEST_P(IpPacketOfEitherFamily, ReadsWhatTheHeaderSays) {
  const Frame bytes = ip_packet(GetParam(), kPayload, {.protocol = 17, .hop_limit = 9});
  const auto packet = IpPacket::parse(bytes);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->is_v4(), GetParam().is_v4());
  EXPECT_EQ(packet->source, GetParam().from());
  EXPECT_EQ(packet->destination, GetParam().to());
  EXPECT_EQ(packet->protocol, Protocol::udp);
  EXPECT_EQ(packet->hop_limit, 9);
  EXPECT_EQ(Frame(packet->payload.begin(), packet->payload.end()), kPayload);
  EXPECT_EQ(packet->whole().size(), bytes.size());
  EXPECT_TRUE(packet->header_checksum_ok());
  EXPECT_FALSE(packet->fragment || packet->source_route || packet->extension_headers);
}

TEST_P(IpPacketOfEitherFamily, PaddingIsNoPartOfThePacket) {
  Frame bytes = ip_packet(GetParam(), kPayload, {});
  bytes.resize(bytes.size() + 13, 0xee);
  const auto packet = IpPacket::parse(bytes);
  ASSERT_TRUE(packet);
  EXPECT_EQ(Frame(packet->payload.begin(), packet->payload.end()), kPayload);
}

TEST_P(IpPacketOfEitherFamily, IsNotCutShort) {
  const Frame bytes = ip_packet(GetParam(), kPayload, {});
  for (size_t left = 0; left < bytes.size(); ++left) EXPECT_FALSE(IpPacket::parse(Bytes(bytes).first(left))) << left;
}

TEST_P(IpPacketOfEitherFamily, HasVersionFourOrSix) {
  for (unsigned version = 0; version < 16; ++version) {
    Frame bytes = ip_packet(GetParam(), kPayload, {});
    if (version == bytes[0] >> 4 || version == 4 || version == 6) continue;
    bytes[0] = static_cast<uint8_t>(version << 4 | (bytes[0] & 15));
    EXPECT_FALSE(IpPacket::parse(bytes)) << version;
  }
}

TEST(Ipv4Packet, HeaderLengthMustFit) {
  Frame bytes = ip_packet(kV4, Frame(8, 1 /* also a fine option */), {});
  for (unsigned words = 0; words < 16; ++words) {
    bytes[0] = static_cast<uint8_t>(0x40 | words);
    EXPECT_EQ(IpPacket::parse(bytes).has_value(), words >= 5 && words <= 7) << words;
  }
}

TEST(Ipv4Packet, TotalLengthMustHoldTheHeader) {
  Frame bytes = ip_packet(kV4, kPayload, {});
  test::put16(bytes, 2, 19);
  EXPECT_FALSE(IpPacket::parse(bytes));
  test::put16(bytes, 2, 20);
  EXPECT_TRUE(IpPacket::parse(bytes)->payload.empty());
}

TEST(Ipv4Packet, HeaderChecksumCoversTheOptions) {
  Frame bytes = ip_packet(kV4, kPayload, {.options = {1, 1, 1, 0}});
  EXPECT_TRUE(IpPacket::parse(bytes)->header_checksum_ok());
  for (size_t at = 0; at < 24; ++at) {
    if (at == 0 || at == 2 || at == 3) continue;  // these change what is covered, or do not parse
    bytes[at] ^= 0x10;
    const auto packet = IpPacket::parse(bytes);
    EXPECT_TRUE(!packet || !packet->header_checksum_ok()) << at;
    bytes[at] ^= 0x10;
  }
}

TEST(Ipv4Packet, ReservedBitMustBeZero) {
  EXPECT_FALSE(IpPacket::parse(ip_packet(kV4, kPayload, {.fragment = 0x8000})));
  EXPECT_TRUE(IpPacket::parse(ip_packet(kV4, kPayload, {.fragment = 0x4000})));  // don't fragment
}

TEST(Ipv4Packet, FragmentsSayWhereTheyBelong) {
  EXPECT_EQ(IpPacket::parse(ip_packet(kV4, kPayload, {.id = 77, .fragment = 0x2000}))->fragment, (Fragment{77, 0, true}));
  EXPECT_EQ(IpPacket::parse(ip_packet(kV4, kPayload, {.id = 77, .fragment = 0x1fff}))->fragment, (Fragment{77, 65528, false}));
  EXPECT_FALSE(IpPacket::parse(ip_packet(kV4, kPayload, {.id = 77, .fragment = 0x4000}))->fragment);
}

TEST(Ipv4Packet, SourceRouteIsFoundBehindOtherOptions) {
  const Frame loose = {131, 7, 4, 192, 0, 2, 9, 0}, strict = {1, 137, 3, 4}, record_route = {7, 7, 4, 0, 0, 0, 0, 0};
  EXPECT_TRUE(IpPacket::parse(ip_packet(kV4, kPayload, {.options = loose}))->source_route);
  EXPECT_TRUE(IpPacket::parse(ip_packet(kV4, kPayload, {.options = strict}))->source_route);
  EXPECT_FALSE(IpPacket::parse(ip_packet(kV4, kPayload, {.options = record_route}))->source_route);
  EXPECT_FALSE(IpPacket::parse(ip_packet(kV4, kPayload, {.options = {0, 131, 3, 4}}))->source_route) << "behind the end";
}

TEST(Ipv4Packet, OptionsMustFit) {
  for (const Frame& options : {Frame{1, 1, 1, 131}, Frame{131, 0, 0, 0}, Frame{131, 1, 0, 0}, Frame{131, 5, 0, 0}}) {
    EXPECT_FALSE(IpPacket::parse(ip_packet(kV4, Frame(8), {.options = options})));
  }
}

TEST(Ipv6Packet, PayloadLengthMustFit) {
  Frame bytes = ip_packet(kV6, kPayload, {});
  test::put16(bytes, 4, kPayload.size() + 1);
  EXPECT_FALSE(IpPacket::parse(bytes));
}

TEST(Ipv6Packet, WalksExtensionHeadersToTheTransport) {
  Frame chain = extension(60, 2);         // hop-by-hop options, 16 bytes
  test::append(chain, extension(17, 1));  // destination options
  const auto packet = IpPacket::parse(ip_packet(kV6, kPayload, {.extensions = chain, .first_extension = 0}));
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->protocol, Protocol::udp);
  EXPECT_TRUE(packet->extension_headers);
  EXPECT_FALSE(packet->source_route);
  EXPECT_EQ(packet->header.size(), 40 + 24u);
  EXPECT_EQ(packet->payload.size(), kPayload.size());
}

TEST(Ipv6Packet, RoutingHeaderIsASourceRoute) {
  const auto packet = IpPacket::parse(ip_packet(kV6, kPayload, {.extensions = extension(6, 3), .first_extension = 43}));
  ASSERT_TRUE(packet);
  EXPECT_TRUE(packet->source_route);
}

TEST(Ipv6Packet, FragmentHeaderSaysWhereItBelongs) {
  const auto first = IpPacket::parse(ip_packet(kV6, kPayload, {.extensions = fragment_header(6, 1), .first_extension = 44}));
  EXPECT_EQ(first->fragment, (Fragment{0xabcd1234, 0, true}));
  EXPECT_EQ(first->protocol, Protocol::tcp);
  const auto last = IpPacket::parse(ip_packet(kV6, kPayload, {.extensions = fragment_header(6, 0x5a8), .first_extension = 44}));
  EXPECT_EQ(last->fragment, (Fragment{0xabcd1234, 0x5a8, false}));
}

TEST(Ipv6Packet, MiddleOfADatagramIsNotReadAsHeaders) {
  const auto packet =
      IpPacket::parse(ip_packet(kV6, kPayload, {.extensions = fragment_header(0 /* hop-by-hop */, 8), .first_extension = 44}));
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->payload.size(), kPayload.size());
}

TEST(Ipv6Packet, EightExtensionHeadersAreWalkedAndNotNine) {
  const auto chain = [](unsigned headers) {
    Frame bytes;
    for (unsigned i = 1; i < headers; ++i) test::append(bytes, extension(60));
    test::append(bytes, extension(17));
    return bytes;
  };
  EXPECT_TRUE(IpPacket::parse(ip_packet(kV6, kPayload, {.extensions = chain(8), .first_extension = 60})));
  EXPECT_FALSE(IpPacket::parse(ip_packet(kV6, kPayload, {.extensions = chain(9), .first_extension = 60})));
}

TEST(Ipv6Packet, ExtensionHeadersMustFit) {
  Frame overlong = extension(17);
  overlong[1] = 2;  // 24 bytes, where 8 and a payload of 8 are left
  EXPECT_FALSE(IpPacket::parse(ip_packet(kV6, kPayload, {.extensions = overlong, .first_extension = 0})));
  EXPECT_FALSE(IpPacket::parse(ip_packet(kV6, {1, 2, 3, 4, 5, 6, 7}, {.protocol = 60}))) << "shorter than any";
}

TEST(IpHeader, IsWrittenAsThePacketsOfBothFamiliesBegin) {
  constexpr uint16_t kDontFragment = 0x4000;
  for (const Ends& ends : {kV4, kV6}) {
    const Frame expected = ip_packet(ends, kPayload, {.protocol = 6, .id = 0xbeef, .fragment = kDontFragment});
    Frame written = expected;
    std::fill_n(written.begin(), expected.size() - kPayload.size(), uint8_t{0xff});
    const IpHeader header{.source = ends.from(), .destination = ends.to(), .protocol = Protocol::tcp, .id = 0xbeef};
    EXPECT_EQ(store_ip_header(written, header, kPayload.size()), expected.size() - kPayload.size());
    EXPECT_EQ(written, expected);
  }
}

TEST(IpHeader, TheTrafficClassStandsWhereEachFamilyHasIt) {
  Frame v4(20), v6(40);
  store_ip_header(v4, {kV4.from(), kV4.to(), Protocol::tcp, 0xc0}, 0);
  store_ip_header(v6, {kV6.from(), kV6.to(), Protocol::tcp, 0xc0}, 0);
  EXPECT_EQ(load16(v4, 0), 0x45c0);
  EXPECT_EQ(load16(v6, 0), 0x6c00);
  EXPECT_TRUE(IpPacket::parse(v4)->header_checksum_ok());
}

TEST(IpPacket, ItsLengthMayBeWrittenAnew) {
  const Frame no_operation = {1, 1, 1, 0};
  for (const Ends& ends : {kV4, kV6}) {
    const test::IpFields fields{.protocol = 6, .options = no_operation, .extensions = extension(6), .first_extension = 60};
    const Frame longer = ip_packet(ends, Frame(2'000, 7), fields), shorter = ip_packet(ends, Frame(3, 7), fields);
    Frame packet = longer;
    packet.resize(shorter.size());
    store_ip_length(packet);
    EXPECT_EQ(packet, shorter);
    packet.resize(longer.size(), 7);
    store_ip_length(packet);
    EXPECT_EQ(packet, longer);
  }
}

}  // namespace
}  // namespace postern::wire
