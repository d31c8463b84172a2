#include "protocol_filter.h"

#include <gtest/gtest.h>
#include <linux/if_ether.h>

#include <array>

#include "../journey/packets.h"

namespace postern::trace {
namespace {

using namespace journey::test;

constexpr uint32_t kMost = 160;

/// What the kernel does with the few instructions that stand in such a program. Anything else, or a way out of it, is a failure.
uint32_t run(const std::vector<sock_filter>& code, uint16_t ethertype, const Octets& packet) {
  uint32_t value = 0;
  for (size_t at = 0; at < code.size(); ++at) {
    const sock_filter& step = code[at];
    const auto offset = static_cast<int32_t>(step.k);
    switch (step.code) {
      case BPF_LD | BPF_H | BPF_ABS:
        EXPECT_EQ(offset, SKF_AD_OFF + SKF_AD_PROTOCOL);
        value = ethertype;
        break;
      case BPF_LD | BPF_B | BPF_ABS:
        if (offset < SKF_NET_OFF || static_cast<size_t>(offset - SKF_NET_OFF) >= packet.size()) return 0;
        value = packet[static_cast<size_t>(offset - SKF_NET_OFF)];
        break;
      case BPF_JMP | BPF_JEQ | BPF_K: at += value == step.k ? step.jt : step.jf; break;
      case BPF_RET | BPF_K: return step.k;
      default: ADD_FAILURE() << "instruction " << step.code; return 0;
    }
  }
  ADD_FAILURE() << "ran out";
  return 0;
}

const Octets kEcho = echo4({"10.0.0.2", "192.0.2.1"}, Echo::request, 5), kTcp = tcp4({"10.0.0.2", "192.0.2.1", 1, 2});

Octets six(uint8_t next_header) { return ip6({"2001:db8::1", "2001:db8::2"}, next_header, Octets(20)); }

TEST(ProtocolFilter, TakesEveryPacketWhereAnyProtocolMayMatch) {
  const auto code = protocol_filter(filter("host 10.0.0.2").program(), kMost);
  EXPECT_EQ(run(code, ETH_P_IP, kEcho), kMost);
  EXPECT_EQ(run(code, ETH_P_ARP, Octets(28)), kMost);
}

TEST(ProtocolFilter, TakesTheProtocolsThatAreNamed) {
  const auto code = protocol_filter(filter("icmp or tcp port 80").program(), kMost);
  EXPECT_EQ(run(code, ETH_P_IP, kEcho), kMost);
  EXPECT_EQ(run(code, ETH_P_IP, kTcp), kMost);
  EXPECT_EQ(run(code, ETH_P_IP, ip4({"10.0.0.2", "192.0.2.1"}, IPPROTO_UDP, Octets(8))), 0u);
  EXPECT_EQ(run(code, ETH_P_ARP, Octets(28)), 0u);
}

TEST(ProtocolFilter, TakesThemOfIpv6AndWhatMayStandBeforeThem) {
  const auto code = protocol_filter(filter("tcp").program(), kMost);
  EXPECT_EQ(run(code, ETH_P_IPV6, six(IPPROTO_TCP)), kMost);
  EXPECT_EQ(run(code, ETH_P_IPV6, six(IPPROTO_UDP)), 0u);
  EXPECT_EQ(run(code, ETH_P_IPV6, six(IPPROTO_HOPOPTS)), kMost);
  EXPECT_EQ(run(code, ETH_P_IPV6, six(IPPROTO_FRAGMENT)), kMost);
}

TEST(ProtocolFilter, TakesAhForTheProtocolInEitherFamily) {
  const auto tcp = protocol_filter(filter("tcp").program(), kMost), ah = protocol_filter(filter("ah").program(), kMost);
  const Octets v4 = ip4({"10.0.0.2", "192.0.2.1"}, IPPROTO_AH, Octets(20));
  EXPECT_EQ(run(tcp, ETH_P_IP, v4), 0u);
  EXPECT_EQ(run(tcp, ETH_P_IPV6, six(IPPROTO_AH)), 0u);
  EXPECT_EQ(run(ah, ETH_P_IP, v4), kMost);
  EXPECT_EQ(run(ah, ETH_P_IPV6, six(IPPROTO_AH)), kMost);
}

TEST(ProtocolFilter, LeavesVlanTagsToUs) {
  EXPECT_EQ(run(protocol_filter(filter("tcp").program(), kMost), ETH_P_8021Q, kEcho), kMost);
}

TEST(ProtocolFilter, OfManyProtocolsJumpsToWhereItShould) {
  const auto code = protocol_filter(filter("tcp or udp or icmp or proto 47").program(), kMost);
  for (const uint8_t protocol : std::to_array<uint8_t>({IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_GRE})) {
    EXPECT_EQ(run(code, ETH_P_IP, ip4({"10.0.0.2", "192.0.2.1"}, protocol, Octets(8))), kMost) << int{protocol};
    EXPECT_EQ(run(code, ETH_P_IPV6, six(protocol)), kMost) << int{protocol};
  }
  EXPECT_EQ(run(code, ETH_P_IP, ip4({"10.0.0.2", "192.0.2.1"}, IPPROTO_SCTP, Octets(8))), 0u);
  EXPECT_EQ(run(code, ETH_P_IPV6, six(IPPROTO_SCTP)), 0u);
}

}  // namespace
}  // namespace postern::trace
