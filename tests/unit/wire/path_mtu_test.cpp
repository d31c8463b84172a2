#include "postern/wire/path_mtu.h"

#include <gtest/gtest.h>

#include "frame_builder.h"

namespace postern::wire {
namespace {

using namespace test;

constexpr uint32_t kSequence = 0xfedcba98;
constexpr uint16_t kMtu = 1400;

/// A router's message to the remote, about a segment that the remote sent to the guest.
class PathMtuOfEitherFamily : public testing::TestWithParam<bool> {
 protected:
  bool is_v4() const { return GetParam(); }
  Ends to_guest() const { return is_v4() ? Ends{"192.0.2.1", "10.0.2.100"} : Ends{"2001:db8::1", "fd00::64"}; }
  Ends from_router() const { return is_v4() ? Ends{"172.17.0.1", "192.0.2.1"} : Ends{"fd00::77", "2001:db8::1"}; }
  Frame quote() const {
    const Frame whole =
        tcp_frame(to_guest(), {.source = 80, .destination = 40000, .payload = Frame(1400, 1), .sequence = kSequence});
    return {whole.begin() + 14, whole.end()};
  }
  IcmpFields too_big(Frame quoted) const {
    if (is_v4()) return {.type = 3, .code = 4, .echo_id = 0, .echo_sequence = kMtu, .payload = std::move(quoted)};
    return {.type = 2, .code = 0, .echo_id = 0, .echo_sequence = kMtu, .payload = std::move(quoted)};
  }
  std::optional<PathMtu> parse(const Frame& frame) const {
    const auto ip = IpPacket::parse(Bytes(frame).subspan(14));
    return ip ? PathMtu::parse(*ip) : std::nullopt;
  }
  std::optional<PathMtu> parse(const IcmpFields& fields) const { return parse(icmp_frame(from_router(), fields)); }
  size_t needed() const { return (is_v4() ? 20u : 40u) + 8; }  // of what is quoted
};

TEST_P(PathMtuOfEitherFamily, TellsWhichSegmentAndHowMuchIsAllowed) {
  Frame quoted = quote();
  quoted.resize(needed());
  const auto told = parse(too_big(quoted));
  ASSERT_TRUE(told);
  EXPECT_EQ(told->mtu_bytes, kMtu);
  EXPECT_EQ(told->source, *parse_ip(to_guest().source));
  EXPECT_EQ(told->destination, *parse_ip(to_guest().destination));
  EXPECT_EQ(told->source_port, Port{80});
  EXPECT_EQ(told->destination_port, Port{40'000});
  EXPECT_EQ(told->sequence, kSequence);
}

TEST_P(PathMtuOfEitherFamily, AQuoteThatIsTooShortTellsNothing) {
  for (size_t bytes = 0; bytes < needed(); ++bytes) {
    Frame quoted = quote();
    quoted.resize(bytes);
    EXPECT_FALSE(parse(too_big(quoted))) << bytes;
  }
}

TEST_P(PathMtuOfEitherFamily, OtherMessagesAreNotMeant) {
  for (const uint8_t type : std::initializer_list<uint8_t>{0, 1, 4, 8, 11, 128}) {
    IcmpFields other = too_big(quote());
    other.type = type;
    EXPECT_FALSE(parse(other)) << int{type};
  }
}

TEST_P(PathMtuOfEitherFamily, AWrongChecksumIsNotBelieved) {
  Frame frame = icmp_frame(from_router(), too_big(quote()));
  frame.back() ^= 1;
  EXPECT_FALSE(parse(frame));
}

TEST_P(PathMtuOfEitherFamily, WhoWasNotTheSenderIsNotTold) {
  const Ends elsewhere = is_v4() ? Ends{"172.17.0.1", "192.0.2.7"} : Ends{"fd00::77", "2001:db8::7"};
  EXPECT_FALSE(parse(icmp_frame(elsewhere, too_big(quote()))));
}

TEST_P(PathMtuOfEitherFamily, OnlyTcpIsRead) {
  const Frame datagram = udp_frame(to_guest(), {.payload = Frame(64, 1)});
  EXPECT_FALSE(parse(too_big({datagram.begin() + 14, datagram.end()})));
}

INSTANTIATE_TEST_SUITE_P(Of, PathMtuOfEitherFamily, testing::Values(true, false),
                         [](const auto& each) { return each.param ? "v4" : "v6"; });

TEST(PathMtu, ALaterFragmentOfASegmentHasNoPorts) {
  Frame whole = tcp_frame({"192.0.2.1", "10.0.2.100"}, {}, {.fragment = 0x0010});
  const Frame frame =
      icmp_frame({"172.17.0.1", "192.0.2.1"},
                 {.type = 3, .code = 4, .echo_id = 0, .echo_sequence = kMtu, .payload = {whole.begin() + 14, whole.end()}});
  const auto ip = IpPacket::parse(Bytes(frame).subspan(14));
  ASSERT_TRUE(ip);
  EXPECT_FALSE(PathMtu::parse(*ip));
}

}  // namespace
}  // namespace postern::wire
