#include "connection_text.h"

#include <gtest/gtest.h>

namespace postern::stack {
namespace {

using namespace std::chrono_literals;

Endpoint end(const char* address, uint16_t port) { return {*parse_ip(address), Port{port}}; }

std::optional<Flow> flow_of(const char* text, const SocketEnds& ends = {}) {
  const auto line = parse_connection_line(text);
  return line ? to_flow(*line, ends) : std::nullopt;
}

TEST(ConnectionText, ReadsALineOfTcp) {
  const auto flow = flow_of("  TCP[ESTABLISHED]  12      10.0.2.100 40000       192.0.2.2    80     3     5",
                            {end("192.0.2.1", 51'000), end("192.0.2.2", 80)});
  ASSERT_TRUE(flow);
  EXPECT_EQ(flow->protocol, Flow::Protocol::tcp);
  EXPECT_EQ(flow->direction, Flow::Direction::outbound);
  EXPECT_EQ(flow->state, "ESTABLISHED");
  EXPECT_EQ(flow->guest_address, parse_ip("10.0.2.100"));
  EXPECT_EQ(flow->guest_port, Port{40'000});
  EXPECT_EQ(flow->remote, end("192.0.2.2", 80));
  EXPECT_EQ(flow->host, end("192.0.2.1", 51'000));
  EXPECT_EQ(flow->bytes_to_remote, 3U);
  EXPECT_EQ(flow->bytes_to_guest, 5U);
}

TEST(ConnectionText, ALineWhoseSourceIsTheHostsSocketIsInbound) {
  const auto flow = flow_of("  TCP[ESTABLISHED]  12       192.0.2.1  8080      10.0.2.100    80     0     0",
                            {end("192.0.2.1", 8080), end("192.0.2.2", 40'000)});
  ASSERT_TRUE(flow);
  EXPECT_EQ(flow->direction, Flow::Direction::inbound);
  EXPECT_EQ(flow->guest_address, parse_ip("10.0.2.100"));
  EXPECT_EQ(flow->guest_port, Port{80});
  EXPECT_EQ(flow->remote, end("192.0.2.2", 40'000));
}

TEST(ConnectionText, TakesTheAddressesOfIpv6FromTheSocket) {
  const auto outbound = flow_of("  TCP[ESTABLISHED]  12               * 40000         0.0.0.0    80     0     0",
                                {end("2001:db8::1", 51'000), end("2001:db8::2", 80)});
  ASSERT_TRUE(outbound);
  EXPECT_EQ(outbound->direction, Flow::Direction::outbound);
  EXPECT_FALSE(outbound->guest_address);
  EXPECT_EQ(outbound->guest_port, Port{40'000});
  EXPECT_EQ(outbound->remote, end("2001:db8::2", 80));
  const auto inbound = flow_of("  TCP[ESTABLISHED]  12               *  8080         0.0.0.0    80     0     0",
                               {end("2001:db8::1", 8080), end("2001:db8::2", 41'000)});
  ASSERT_TRUE(inbound);
  EXPECT_EQ(inbound->direction, Flow::Direction::inbound);
  EXPECT_EQ(inbound->guest_port, Port{80});
  EXPECT_EQ(inbound->remote, end("2001:db8::2", 41'000));
}

TEST(ConnectionText, UdpAndIcmpHaveATimeInPlaceOfAState) {
  const auto udp = flow_of("  UDP[236 sec]         9      10.0.2.100 40000        10.0.2.3    53     0     0");
  ASSERT_TRUE(udp);
  EXPECT_EQ(udp->protocol, Flow::Protocol::udp);
  EXPECT_EQ(udp->expires, 236s);
  EXPECT_EQ(udp->remote, end("10.0.2.3", 53));
  const auto icmp = flow_of("  ICMP[9 sec]         10      10.0.2.100  -          192.0.2.2  -        0     0");
  ASSERT_TRUE(icmp);
  EXPECT_EQ(icmp->protocol, Flow::Protocol::icmp);
  EXPECT_EQ(icmp->guest_port, Port{0});
  EXPECT_EQ(icmp->expires, 9s);
}

TEST(ConnectionText, ListenersAreNoFlows) {
  EXPECT_FALSE(flow_of("  TCP[HOST_FORWARD]    9               *  8080      10.0.2.100    80     0     0"));
  EXPECT_FALSE(flow_of("  UDP[HOST_FORWARD]    9       127.0.0.1  8080      10.0.2.100    80     0     0"));
}

TEST(ConnectionText, AnythingElseIsNoLine) {
  for (const char* text : {"", "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ", "TCP[",
                           "TCP[X] y", "TCP[X] 1 * 99999 * 1 0 0", "TCP[X] 1 * 1 * 1 0", "SCTP[X] 1 * 1 * 1 0 0"}) {
    EXPECT_FALSE(parse_connection_line(text)) << text;
  }
}

}  // namespace
}  // namespace postern::stack
