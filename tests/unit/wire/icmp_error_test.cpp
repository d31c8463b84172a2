#include "postern/wire/icmp_error.h"

#include <gtest/gtest.h>

#include "postern/wire/checksum.h"
#include "postern/wire/icmp.h"

#include "frame_builder.h"

namespace postern::wire {
namespace {

using test::Ends;
using test::Frame;

constexpr Ends kV4{"10.0.2.100", "10.0.2.2"};
constexpr Ends kV6{"fd00::64", "fd00::2"};

class Answer {
 public:
  explicit Answer(const Frame& offending, IcmpReason reason = IcmpReason::no_route) {
    const auto parsed = IpPacket::parse(Bytes(offending).subspan(14));
    const bool v4 = !parsed || parsed->is_v4();
    reply_ = build_icmp_error(reason, offending, *parse_ip(v4 ? kV4.destination : kV6.destination), buffer_);
    if (reply_) packet_ = IpPacket::parse(Bytes(*reply_).subspan(14));
  }
  explicit operator bool() const { return reply_.has_value(); }
  size_t bytes() const { return reply_->size(); }
  EthernetFrame ethernet() const { return *EthernetFrame::parse(*reply_); }
  const IpPacket& ip() const { return *packet_; }
  IcmpMessage icmp() const { return *IcmpMessage::parse(*packet_); }

  bool checksums_are_right() const {
    const uint64_t pseudo =
        ip().is_v4() ? 0 : pseudo_header(ip().source, ip().destination, Protocol::icmpv6, ip().payload.size());
    return ip().header_checksum_ok() && finish(sum(ip().payload, pseudo)) == 0;
  }

 private:
  std::array<uint8_t, kMaxIcmpErrorFrame> buffer_{};
  std::optional<MutableBytes> reply_;
  std::optional<IpPacket> packet_;
};

class IcmpErrorOfEitherFamily : public testing::TestWithParam<Ends> {};
INSTANTIATE_TEST_SUITE_P(, IcmpErrorOfEitherFamily, testing::Values(kV4, kV6),
                         [](const auto& family) { return family.param.is_v4() ? "v4" : "v6"; });

TEST_P(IcmpErrorOfEitherFamily, GoesBackToTheSenderFromTheRouter) {
  const Answer answer(tcp_frame(GetParam()));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer.ethernet().destination, test::kGuestMac);
  EXPECT_EQ(answer.ethernet().source, test::kGatewayMac);
  EXPECT_EQ(answer.ip().source, GetParam().to());
  EXPECT_EQ(answer.ip().destination, GetParam().from());
  EXPECT_TRUE(answer.checksums_are_right());
}

TEST_P(IcmpErrorOfEitherFamily, QuotesTheOffendingPacketWithoutItsPadding) {
  Frame offending = udp_frame(GetParam(), {.payload = {1, 2, 3}});
  const Frame packet(offending.begin() + 14, offending.end());
  offending.resize(offending.size() + 9);
  const Answer answer(offending);
  const Bytes quote = answer.icmp().payload;
  EXPECT_EQ(Frame(quote.begin(), quote.end()), packet);
}

TEST_P(IcmpErrorOfEitherFamily, QuotesAsMuchAsTheRfcAllows) {
  const Answer answer(udp_frame(GetParam(), {.payload = Frame(3'001, 0x55)}));
  EXPECT_EQ(answer.ip().whole().size(), GetParam().is_v4() ? 576u : 1280u);
  EXPECT_TRUE(answer.checksums_are_right());
}

TEST_P(IcmpErrorOfEitherFamily, EachReasonHasItsCode) {
  struct Row {
    IcmpReason reason;
    uint8_t v4, v6;
  };
  for (const Row& row : {Row{IcmpReason::no_route, 0, 0}, Row{IcmpReason::address, 1, 3}, Row{IcmpReason::port, 3, 4},
                         Row{IcmpReason::prohibited, 13, 1}}) {
    const Answer answer(udp_frame(GetParam()), row.reason);
    EXPECT_EQ(answer.icmp().type, GetParam().is_v4() ? 3 : 1);
    EXPECT_EQ(answer.icmp().code, GetParam().is_v4() ? row.v4 : row.v6);
  }
}

TEST_P(IcmpErrorOfEitherFamily, ASpentHopLimitIsTimeExceeded) {
  const Answer answer(udp_frame(GetParam()), IcmpReason::hop_limit);
  EXPECT_EQ(answer.icmp().type, GetParam().is_v4() ? 11 : 3);
  EXPECT_EQ(answer.icmp().code, 0);
}

TEST_P(IcmpErrorOfEitherFamily, AnswersAnEchoButNoError) {
  const bool v4 = GetParam().is_v4();
  const auto offending = [&](int type) { return icmp_frame(GetParam(), {.type = static_cast<uint8_t>(type)}); };
  EXPECT_TRUE(Answer(offending(v4 ? 8 : 128)));
  for (const int error : v4 ? std::vector{3, 4, 5, 11, 12} : std::vector{1, 2, 3, 4, 137}) {
    EXPECT_FALSE(Answer(offending(error))) << error;
  }
  EXPECT_FALSE(Answer(ip_frame(GetParam(), {1, 2, 3}, {.protocol = static_cast<uint8_t>(v4 ? 1 : 58)}))) << "unreadable ICMP";
}

TEST(IcmpError, AnswersNothingThatWasForAGroupOrFromNobody) {
  for (const Ends& ends : {Ends{"10.0.2.100", "224.0.0.1"}, Ends{"10.0.2.100", "255.255.255.255"}, Ends{"0.0.0.0", "10.0.2.2"},
                           Ends{"127.0.0.1", "10.0.2.2"}, Ends{"224.0.0.1", "10.0.2.2"}, Ends{"fd00::64", "ff02::1"},
                           Ends{"::", "fd00::2"}, Ends{"ff02::1", "fd00::2"}}) {
    EXPECT_FALSE(Answer(udp_frame(ends))) << ends.source << " > " << ends.destination;
  }
  Frame to_all = udp_frame(kV4);
  std::fill_n(to_all.begin(), 6, 0xff);
  EXPECT_FALSE(Answer(to_all)) << "a link-layer broadcast";
}

TEST(IcmpError, AnswersTheFirstFragmentOnly) {
  EXPECT_TRUE(Answer(udp_frame(kV4, {}, {.fragment = 0x2000})));
  EXPECT_FALSE(Answer(udp_frame(kV4, {}, {.fragment = 0x0010})));
}

TEST(IcmpError, AnswersNothingUnreadable) {
  std::array<uint8_t, kMaxIcmpErrorFrame> reply;
  EXPECT_FALSE(build_icmp_error(IcmpReason::port, {}, *parse_ip("10.0.2.2"), reply));
  EXPECT_FALSE(build_icmp_error(IcmpReason::port, test::ethernet_frame(0x0800, {0x45, 0, 0}), *parse_ip("10.0.2.2"), reply));
}

TEST_P(IcmpErrorOfEitherFamily, SaysWhatARouterHasSaid) {
  std::array<uint8_t, kMaxIcmpErrorFrame> buffer{};
  const IcmpError too_large = GetParam().is_v4() ? IcmpError{3, 4, 1400} : IcmpError{2, 0, 1400};
  const char* router = GetParam().is_v4() ? "198.51.100.9" : "2001:db8::9";
  const auto reply = build_icmp_error(too_large, udp_frame(GetParam()), *parse_ip(router), buffer);
  ASSERT_TRUE(reply);
  const auto ip = IpPacket::parse(Bytes(*reply).subspan(14));
  EXPECT_EQ(ip->source, *parse_ip(router));
  EXPECT_EQ(ip->payload[0], too_large.type);
  EXPECT_EQ(ip->payload[1], too_large.code);
  EXPECT_EQ(load32(ip->payload, 4), 1400u);
}

}  // namespace
}  // namespace postern::wire
