#include "postern/wire/icmp.h"

#include <gtest/gtest.h>

#include "frame_builder.h"

namespace postern::wire {
namespace {

using test::Frame;

constexpr test::Ends kV4{"10.0.2.100", "192.0.2.1"};
constexpr test::Ends kV6{"fd00::64", "2001:db8::1"};

std::optional<IcmpMessage> parse(const test::Ends& ends, const Frame& message, test::IpFields ip = {}) {
  ip.protocol = ends.is_v4() ? 1 : 58;
  static Frame bytes;  // outlives the view
  bytes = ip_packet(ends, message, ip);
  return IcmpMessage::parse(IpPacket::parse(bytes).value());
}

IcmpKind kind(const test::Ends& ends, uint8_t type) {
  return parse(ends, icmp_message(ends, {.type = type, .payload = Frame(16)}))->kind;
}

TEST(IcmpMessage, ReadsWhatTheHeaderSays) {
  const auto message = parse(kV6, icmp_message(kV6, {.type = 128, .code = 3, .echo_id = 0x1234, .payload = {5, 6}}));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->type, 128);
  EXPECT_EQ(message->code, 3);
  EXPECT_EQ(message->echo_id, 0x1234);
  EXPECT_EQ(message->kind, IcmpKind::echo_request);
  EXPECT_EQ(Frame(message->payload.begin(), message->payload.end()), (Frame{5, 6}));
}

TEST(IcmpMessage, KindsMeanTheSameInBothFamilies) {
  struct Row {
    IcmpKind kind;
    std::vector<uint8_t> v4, v6;
  };
  for (const Row& row : std::vector<Row>{
           {IcmpKind::echo_request, {8}, {128}},
           {IcmpKind::echo_reply, {0}, {129}},
           {IcmpKind::error, {3, 4, 11, 12}, {0, 1, 2, 3, 4, 127}},
           {IcmpKind::neighbour, {}, {133, 135, 136}},
           {IcmpKind::listener, {}, {130, 131, 132, 143}},
           {IcmpKind::router, {5, 9}, {134, 137}},
           {IcmpKind::other, {1, 10, 13, 17, 255}, {138, 141, 255}},
       }) {
    for (const uint8_t type : row.v4) EXPECT_EQ(kind(kV4, type), row.kind) << "ICMP " << int{type};
    for (const uint8_t type : row.v6) EXPECT_EQ(kind(kV6, type), row.kind) << "ICMPv6 " << int{type};
  }
}

TEST(IcmpMessage, IsNotCutShort) {
  for (const auto& ends : {kV4, kV6}) {
    const Frame echo = icmp_message(ends, {.type = static_cast<uint8_t>(ends.is_v4() ? 8 : 128)});
    EXPECT_TRUE(parse(ends, echo));
    for (size_t left = 0; left < echo.size(); ++left) EXPECT_FALSE(parse(ends, test::slice(echo, 0, left))) << left;
  }
}

TEST(IcmpMessage, NeighbourDiscoveryHoldsItsTarget) {
  for (const uint8_t type : std::initializer_list<uint8_t>{135, 136}) {
    EXPECT_TRUE(parse(kV6, icmp_message(kV6, {.type = type, .payload = Frame(16)})));
    EXPECT_FALSE(parse(kV6, icmp_message(kV6, {.type = type, .payload = Frame(15)})));
  }
  EXPECT_TRUE(parse(kV6, icmp_message(kV6, {.type = 133})));
}

TEST(IcmpMessage, BelongsToThePacketsFamily) {
  const Frame four_in_six = ip_packet(kV6, icmp_message(kV4, {.type = 8}), {.protocol = 1});
  EXPECT_FALSE(IcmpMessage::parse(*IpPacket::parse(four_in_six)));
  const Frame six_in_four = ip_packet(kV4, icmp_message(kV6, {.type = 128}), {.protocol = 58});
  EXPECT_FALSE(IcmpMessage::parse(*IpPacket::parse(six_in_four)));
}

TEST(IcmpMessage, IsNotReadOutOfAFragment) { EXPECT_FALSE(parse(kV4, icmp_message(kV4, {.type = 8}), {.fragment = 0x2000})); }

}  // namespace
}  // namespace postern::wire
