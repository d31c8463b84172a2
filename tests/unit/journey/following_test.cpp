#include "postern/journey/following.h"

#include <gtest/gtest.h>

#include "../wire/frame_builder.h"

namespace postern::journey {
namespace {

using namespace wire::test;
using enum Following::Extent;

constexpr Ends kOut{"10.0.2.100", "192.0.2.1"}, kBack{"192.0.2.1", "10.0.2.100"};

packet_filter::Filter filter(std::string_view text) {
  return std::get<packet_filter::Filter>(packet_filter::Filter::parse(text));
}
Packet tcp(const Ends& ends, uint16_t source, uint16_t destination) {
  return *parse_packet(ip_packet(ends, tcp_segment(ends, {.source = source, .destination = destination}), {.protocol = 6}));
}
Packet echo(const Ends& ends, uint8_t type, uint16_t id) {
  return *parse_packet(ip_packet(ends, icmp_message(ends, {.type = type, .echo_id = id}), {.protocol = 1}));
}

TEST(Following, AConnectionsAnswersAreTakenOnceItsQuestionWas) {
  Following following(filter("src host 10.0.2.100"), connection);
  EXPECT_FALSE(following.takes(tcp(kBack, 80, 4'000)));
  EXPECT_TRUE(following.takes(tcp(kOut, 4'000, 80)));
  EXPECT_TRUE(following.takes(tcp(kBack, 80, 4'000)));
  EXPECT_FALSE(following.takes(tcp(kBack, 80, 4'001)));
}

TEST(Following, AnEchosAnswerIsKnownByItsId) {
  Following following(filter("src host 10.0.2.100"), connection);
  EXPECT_TRUE(following.takes(echo(kOut, 8, 7)));
  EXPECT_TRUE(following.takes(echo(kBack, 0, 7)));
  EXPECT_FALSE(following.takes(echo(kBack, 0, 8)));
}

TEST(Following, WithoutItsConnectionAPacketMustFulfilTheFilterItself) {
  Following following(filter("src host 10.0.2.100"), packet);
  EXPECT_TRUE(following.takes(tcp(kOut, 4'000, 80)));
  EXPECT_FALSE(following.takes(tcp(kBack, 80, 4'000)));
}

TEST(Following, ForgetsTheConnectionThatWasSeenLeastRecentlyAndNoOther) {
  Following following(filter("src host 10.0.2.100"), connection);
  constexpr uint16_t kFirst = 1;
  for (uint32_t i = 0; i < Following::kConnections; ++i) following.takes(tcp(kOut, static_cast<uint16_t>(kFirst + i), 80));
  EXPECT_TRUE(following.takes(tcp(kBack, 80, kFirst)));  // and so the second is the oldest
  following.takes(tcp(kOut, 60'000, 80));
  EXPECT_TRUE(following.takes(tcp(kBack, 80, kFirst)));
  EXPECT_FALSE(following.takes(tcp(kBack, 80, kFirst + 1)));
  EXPECT_TRUE(following.takes(tcp(kBack, 80, 60'000)));
}

}  // namespace
}  // namespace postern::journey
