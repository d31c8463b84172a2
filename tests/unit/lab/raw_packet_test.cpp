#include "raw_packet.h"

#include <gtest/gtest.h>

namespace postern::lab {
namespace {

constexpr Mac kOurs{{2, 0, 0, 0, 0, 1}}, kTheirs{{2, 0, 0, 0, 0, 2}};

TEST(RawPacket, DescribesWhatItWrites) {
  const Packet syn{.source = *Ipv6::parse("2001:db8::1"),
                   .destination = *Ipv6::parse("2001:db8::2"),
                   .protocol = 6,
                   .body = tcp_segment({{40000}, {80}}, "SA", "")};
  EXPECT_EQ(describe(ethernet_frame(kTheirs, kOurs, syn)), "tcp [2001:db8::1]:40000 > [2001:db8::2]:80 SYN,ACK");
  const Packet datagram{.source = Ipv4::of(10, 0, 2, 3),
                        .destination = Ipv4::of(10, 0, 2, 15),
                        .protocol = 17,
                        .body = udp_datagram({{53}, {40000}}, "12345")};
  EXPECT_EQ(describe(ethernet_frame(kTheirs, kOurs, datagram)), "udp 10.0.2.3:53 > 10.0.2.15:40000 5 bytes");
  EXPECT_EQ(describe(arp_request(kOurs, Ipv4::of(10, 0, 2, 15), Ipv4::of(10, 0, 2, 2))), "arp 10.0.2.15 asks for 10.0.2.2");
}

TEST(RawPacket, RefusesWhatIsNotHexadecimal) {
  EXPECT_TRUE(from_hex("00ff"));
  for (const char* bad : {"0", "0g", "000", "zz"}) EXPECT_FALSE(from_hex(bad)) << bad;
}

TEST(RawPacket, TakesShortFramesForZeros) {
  for (size_t length = 0; length < 60; ++length) {
    Bytes frame(length, 0);
    if (length > 13) frame[12] = 8;  // IPv4
    EXPECT_FALSE(describe(frame).empty());
  }
}

}  // namespace
}  // namespace postern::lab
