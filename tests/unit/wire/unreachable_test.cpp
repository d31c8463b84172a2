#include "postern/wire/unreachable.h"

#include <gtest/gtest.h>

#include "frame_builder.h"

namespace postern::wire {
namespace {

using namespace test;

constexpr uint32_t kSequence = 0xfedcba98;

/// The guest's message to a client, about a segment that it was sent in the client's name.
class UnreachableOfEitherFamily : public testing::TestWithParam<bool> {
 protected:
  bool is_v4() const { return GetParam(); }
  Ends to_guest() const { return is_v4() ? Ends{"192.0.2.1", "10.0.2.100"} : Ends{"2001:db8::1", "fd00::64"}; }
  Ends to_client() const { return is_v4() ? Ends{"10.0.2.100", "192.0.2.1"} : Ends{"fd00::64", "2001:db8::1"}; }
  IcmpFields message(uint8_t type, uint8_t code) const {
    const Frame whole = tcp_frame(to_guest(), {.source = 40'000, .destination = 80, .sequence = kSequence});
    return {.type = type, .code = code, .echo_id = 0, .echo_sequence = 0, .payload = {whole.begin() + 14, whole.end()}};
  }
  uint8_t type() const { return is_v4() ? 3 : 1; }
  std::optional<Unreachable> parse(const Frame& frame) const {
    const auto ip = IpPacket::parse(Bytes(frame).subspan(14));
    return ip ? Unreachable::parse(*ip) : std::nullopt;
  }
  std::optional<Unreachable> parse(const IcmpFields& fields) const { return parse(icmp_frame(to_client(), fields)); }
};

TEST_P(UnreachableOfEitherFamily, TellsWhichSegment) {
  const auto told = parse(message(type(), 3));
  ASSERT_TRUE(told);
  EXPECT_EQ(told->source, *parse_ip(to_guest().source));
  EXPECT_EQ(told->destination, *parse_ip(to_guest().destination));
  EXPECT_EQ(told->source_port, Port{40'000});
  EXPECT_EQ(told->destination_port, Port{80});
  EXPECT_EQ(told->sequence, kSequence);
}

TEST_P(UnreachableOfEitherFamily, EveryCodeIsMeantButThatOfThePathMtu) {
  for (uint8_t code = 0; code < 16; ++code) {
    EXPECT_EQ(parse(message(type(), code)).has_value(), !is_v4() || code != 4) << int{code};
  }
}

TEST_P(UnreachableOfEitherFamily, OtherMessagesAreNotMeant) {
  for (const uint8_t other : std::initializer_list<uint8_t>{0, 2, 4, 8, 11, 128}) {
    EXPECT_FALSE(parse(message(other, 0))) << int{other};
  }
}

TEST_P(UnreachableOfEitherFamily, AWrongChecksumIsNotBelieved) {
  Frame frame = icmp_frame(to_client(), message(type(), 1));
  frame.back() ^= 1;
  EXPECT_FALSE(parse(frame));
}

INSTANTIATE_TEST_SUITE_P(Of, UnreachableOfEitherFamily, testing::Values(true, false),
                         [](const auto& each) { return each.param ? "v4" : "v6"; });

}  // namespace
}  // namespace postern::wire
