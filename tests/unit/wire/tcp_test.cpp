#include "postern/wire/tcp.h"

#include <gtest/gtest.h>

#include "frame_builder.h"

namespace postern::wire {
namespace {

using test::Frame;

constexpr test::Ends kEnds{"10.0.2.100", "192.0.2.1"};
const Frame kMss = {2, 4, 5, 0xb4};

TEST(TcpSegment, ReadsWhatTheHeaderSays) {
  const Frame bytes = tcp_segment(kEnds, {.source = 1234, .destination = 443, .flags = 0x18, .options = kMss, .payload = {9, 8}});
  const auto segment = TcpSegment::parse(bytes);
  ASSERT_TRUE(segment);
  EXPECT_EQ(segment->source, Port{1234});
  EXPECT_EQ(segment->destination, Port{443});
  EXPECT_EQ(segment->sequence, 0x01020304u);
  EXPECT_EQ(segment->acknowledgment, 0x05060708u);
  EXPECT_EQ(segment->window, 0xfaf0);
  EXPECT_TRUE(segment->has(tcp_flag::ack) && segment->has(tcp_flag::psh));
  EXPECT_FALSE(segment->has(tcp_flag::syn) || segment->has(tcp_flag::fin));
  EXPECT_EQ(Frame(segment->options.begin(), segment->options.end()), kMss);
  EXPECT_EQ(Frame(segment->payload.begin(), segment->payload.end()), (Frame{9, 8}));
}

TEST(TcpSegment, InitialSynHasNoAck) {
  const auto is_initial = [](uint8_t flags) { return TcpSegment::parse(tcp_segment(kEnds, {.flags = flags}))->is_initial_syn(); };
  EXPECT_TRUE(is_initial(tcp_flag::syn));
  EXPECT_TRUE(is_initial(tcp_flag::syn | tcp_flag::ece | tcp_flag::cwr));
  EXPECT_FALSE(is_initial(tcp_flag::syn | tcp_flag::ack));
  EXPECT_FALSE(is_initial(tcp_flag::ack));
}

TEST(TcpSegment, IsNotCutShort) {
  const Frame bytes = tcp_segment(kEnds, {.options = kMss});
  for (size_t left = 0; left < bytes.size(); ++left) EXPECT_FALSE(TcpSegment::parse(Bytes(bytes).first(left))) << left;
}

TEST(TcpSegment, DataOffsetMustFit) {
  Frame bytes = tcp_segment(kEnds, {.options = kMss});
  for (unsigned words = 0; words < 16; ++words) {
    bytes[12] = static_cast<uint8_t>(words << 4);
    EXPECT_EQ(TcpSegment::parse(bytes).has_value(), words == 5 || words == 6) << words;
  }
}

TEST(ClearUrgent, TakesFlagAndPointerAndKeepsTheChecksumRight) {
  const test::TcpFields fields{.flags = 0x38, .urgent_pointer = 0x1234, .payload = {1, 2, 3}};
  Frame bytes = tcp_segment(kEnds, fields);
  clear_urgent(bytes);
  EXPECT_EQ(bytes, tcp_segment(kEnds, {.flags = 0x18, .urgent_pointer = 0, .payload = {1, 2, 3}}));
}

TEST(ClearUrgent, DoesNotMakeAWrongChecksumRight) {
  Frame bytes = tcp_segment(kEnds, {.flags = 0x38, .urgent_pointer = 1});
  bytes[16] ^= 0x40;
  clear_urgent(bytes);
  EXPECT_NE(test::reference_checksum(with_pseudo_header(kEnds, 6, bytes)), 0);
}

}  // namespace
}  // namespace postern::wire
