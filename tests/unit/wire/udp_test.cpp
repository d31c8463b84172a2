#include "postern/wire/udp.h"

#include <gtest/gtest.h>

#include "frame_builder.h"

namespace postern::wire {
namespace {

using test::Frame;

constexpr test::Ends kEnds{"fd00::64", "2001:db8::1"};

TEST(UdpDatagram, ReadsWhatTheHeaderSays) {
  const Frame bytes = udp_datagram(kEnds, {.source = 68, .destination = 67, .payload = {1, 2, 3}});
  const auto datagram = UdpDatagram::parse(bytes);
  ASSERT_TRUE(datagram);
  EXPECT_EQ(datagram->source, Port{68});
  EXPECT_EQ(datagram->destination, Port{67});
  EXPECT_EQ(Frame(datagram->payload.begin(), datagram->payload.end()), (Frame{1, 2, 3}));
}

TEST(UdpDatagram, IsNotCutShort) {
  const Frame bytes = udp_datagram(kEnds, {});
  for (size_t left = 0; left < bytes.size(); ++left) EXPECT_FALSE(UdpDatagram::parse(Bytes(bytes).first(left))) << left;
}

TEST(UdpDatagram, LengthHoldsTheHeaderAndFits) {
  Frame bytes = udp_datagram(kEnds, {.payload = {1, 2, 3}});
  for (size_t length = 0; length < 20; ++length) {
    test::put16(bytes, 4, length);
    const auto datagram = UdpDatagram::parse(bytes);
    EXPECT_EQ(datagram.has_value(), length >= 8 && length <= 11) << length;
    EXPECT_EQ(datagram ? datagram->payload.size() : 0, length >= 8 && length <= 11 ? length - 8 : 0) << length;
  }
}

}  // namespace
}  // namespace postern::wire
