#include "postern/journey/packet.h"

#include <gtest/gtest.h>

#include "../wire/frame_builder.h"

namespace postern::journey {
namespace {

using wire::test::Ends;
using wire::test::Frame;

constexpr Ends kV4{"10.0.2.100", "192.0.2.1"}, kV6{"fd00::64", "2001:db8::1"};
constexpr size_t kEthernet = 14;

Packet parsed(const Frame& frame, size_t bytes = SIZE_MAX) {
  const auto ip = wire::Bytes(frame).subspan(kEthernet);
  const auto packet = parse_packet(ip.first(std::min(bytes, ip.size())));
  EXPECT_TRUE(packet);
  return packet.value_or(Packet{});
}

TEST(ParsePacket, ReadsTcpOfEitherFamily) {
  for (const Ends& ends : {kV4, kV6}) {
    const Packet packet = parsed(wire::test::tcp_frame(ends, {.source = 40'000, .destination = 80, .flags = 0x12}));
    EXPECT_EQ(packet.source, ends.from());
    EXPECT_EQ(packet.destination, ends.to());
    EXPECT_TRUE(packet.has_transport);
    EXPECT_EQ(packet.hop_limit, 64);
    EXPECT_EQ(transport_text(packet), "tcp 40000 > 80 [SYN,ACK] seq 16909060 ack 84281096");
    EXPECT_EQ(packet.bytes, ends.is_v4() ? 40U : 60U);
  }
}

TEST(ParsePacket, ReadsPortsOfAHeaderThatIsCutShort) {
  const Frame frame = wire::test::tcp_frame(kV4, {.source = 40'000, .destination = 80});
  const Packet ports = parsed(frame, 24);
  EXPECT_TRUE(ports.has_transport);
  EXPECT_EQ(ports.destination_port, Port{80});
  EXPECT_EQ(ports.tcp_flags, 0);
  EXPECT_EQ(ports.bytes, 40U) << "what the header says, and not what was captured";
  EXPECT_FALSE(parsed(frame, 23).has_transport);
}

TEST(ParsePacket, ReadsEchoes) {
  const Packet request = parsed(wire::test::icmp_frame(kV4, {.type = 8}));
  EXPECT_TRUE(transport_text(request).starts_with("icmp echo request id ")) << transport_text(request);
  EXPECT_TRUE(transport_text(parsed(wire::test::icmp_frame(kV6, {.type = 129}))).starts_with("icmp6 echo reply id "));
  EXPECT_EQ(transport_text(parsed(wire::test::icmp_frame(kV4, {.type = 3, .code = 3}))), "icmp unreachable code 3");
}

TEST(ParsePacket, StepsOverExtensionHeaders) {
  const Frame destination_options = {17, 0, 1, 4, 0, 0, 0, 0};
  const Packet packet = parsed(wire::test::udp_frame(kV6, {.source = 4000, .destination = 53},
                                                     {.extensions = destination_options, .first_extension = 60}));
  EXPECT_EQ(packet.protocol, IPPROTO_UDP);
  EXPECT_EQ(transport_text(packet), "udp 4000 > 53");
}

TEST(ParsePacket, AhIsTheProtocolInEitherFamily) {
  const Frame ah6 = {17, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1};
  const Packet v6 = parsed(wire::test::udp_frame(kV6, {}, {.extensions = ah6, .first_extension = IPPROTO_AH}));
  EXPECT_EQ(v6.protocol, IPPROTO_AH);
  EXPECT_FALSE(v6.has_transport);
  EXPECT_EQ(transport_text(v6), "ah") << "by the word that a filter has for it";
}

TEST(ParsePacket, ALaterFragmentHasNoPorts) {
  const Frame fragment6 = {17, 0, 0, 8, 0, 0, 0, 9};  // offset 8
  const Packet v6 = parsed(wire::test::udp_frame(kV6, {}, {.extensions = fragment6, .first_extension = 44}));
  EXPECT_FALSE(v6.has_transport);
  EXPECT_EQ(v6.fragment_offset, 8);
  const Packet v4 = parsed(wire::test::ip_frame(kV4, Frame(16), {.fragment = 2}));
  EXPECT_EQ(v4.fragment_offset, 16);
  EXPECT_EQ(transport_text(v4), "udp fragment at 16");
  EXPECT_EQ(facts_of(v4).has_ports, 0);
}

TEST(ParsePacket, ASuperframeMaySayNoLength) {
  Frame frame = wire::test::tcp_frame(kV4);
  wire::test::put16(frame, kEthernet + 2, 0);
  EXPECT_EQ(parsed(frame).bytes, 0U);
  EXPECT_TRUE(parsed(frame).has_transport);
}

TEST(ParsePacket, RefusesWhatIsNoIp) {
  EXPECT_FALSE(parse_packet({}));
  const Frame neither(40, 0x50), short4(19, 0x45), short6(39, 0x60), lying(20, 0x44);
  for (const Frame& bytes : {neither, short4, short6, lying}) EXPECT_FALSE(parse_packet(bytes));
}

TEST(ParsePacket, ReadsEveryPrefixOfEveryPacket) {
  const Frame extensions = {43, 0, 0, 0, 0, 0, 0, 0, 44, 255, 0, 0, 0, 0, 0, 0};
  for (const Frame& frame : {wire::test::tcp_frame(kV4), wire::test::icmp_frame(kV6, {.type = 128}),
                             wire::test::udp_frame(kV6, {}, {.extensions = extensions, .first_extension = 0})}) {
    const auto ip = wire::Bytes(frame).subspan(kEthernet);
    for (size_t bytes = ip[0] >> 4 == 4 ? 20 : 40; bytes <= ip.size(); ++bytes) {
      const std::vector<uint8_t> cut(ip.begin(), ip.begin() + static_cast<std::ptrdiff_t>(bytes));  // its own block, for ASan
      EXPECT_TRUE(parse_packet(cut));
    }
  }
}

TEST(FactsOf, AreThePacketsOnTheWire) {
  const pf_facts facts = facts_of(parsed(wire::test::udp_frame(kV4, {.source = 4000, .destination = 53})));
  EXPECT_EQ(facts.family, 4);
  EXPECT_EQ(facts.protocol, IPPROTO_UDP);
  EXPECT_EQ(facts.has_ports, 1);
  EXPECT_EQ(facts.destination_port, htons(53));
  EXPECT_EQ(facts.source[0], htonl(0x0a000264));
  EXPECT_EQ(facts.source[1], 0U);
}

TEST(TcpFlags, AreNamedBothWays) {
  for (int flags = 0; flags < 256; ++flags) EXPECT_EQ(tcp_flags_named(tcp_flags_text(static_cast<uint8_t>(flags))), flags);
  EXPECT_FALSE(tcp_flags_named("SYN,XXX"));
}

}  // namespace
}  // namespace postern::journey
