// protocol_filter.cpp - where a packet's headers begin is the kernel's knowledge (SKF_NET_OFF), whatever the device puts before.
#include "protocol_filter.h"

#include <linux/if_ether.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

namespace postern::trace {
namespace {

constexpr uint32_t kEthertype = static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_PROTOCOL);
constexpr uint32_t kIpv4Protocol = static_cast<uint32_t>(SKF_NET_OFF + 9),
                   kIpv6NextHeader = static_cast<uint32_t>(SKF_NET_OFF + 6);
/// Those that journey::parse_packet steps over. Not AH, which is the packet's protocol.
constexpr std::array<uint8_t, 4> kExtensions = {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT, IPPROTO_DSTOPTS};
constexpr std::array<uint16_t, 2> kTags = {ETH_P_8021Q, ETH_P_8021AD};  // an IP header may follow: looked at by us

sock_filter load(uint16_t size, uint32_t from) { return BPF_STMT(static_cast<uint16_t>(BPF_LD | size | BPF_ABS), from); }
sock_filter give(uint32_t bytes) { return BPF_STMT(BPF_RET | BPF_K, bytes); }

/// Goes over `skipped` instructions unless the value is `number`.
sock_filter unless_equal(uint32_t number, size_t skipped) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, static_cast<uint8_t>(skipped));
}

/// Tests that each end the program where they succeed.
class Tests {
 public:
  explicit Tests(uint32_t most_bytes) : most_bytes_(most_bytes) {}

  void take_if(uint32_t number) {
    code.push_back(unless_equal(number, 1));
    code.push_back(give(most_bytes_));
  }

  std::vector<sock_filter> code;

 private:
  uint32_t most_bytes_;
};

}  // namespace

std::vector<sock_filter> protocol_filter(const pf_program& program, uint32_t most_bytes) {
  if (program.protocols == 0) return {give(most_bytes)};
  const size_t count = std::min<size_t>(program.protocols, PF_MAX_PROTOCOLS);
  Tests ipv4(most_bytes), ipv6(most_bytes), all(most_bytes);
  ipv4.code.push_back(load(BPF_B, kIpv4Protocol));
  ipv6.code.push_back(load(BPF_B, kIpv6NextHeader));
  for (size_t i = 0; i < count; ++i) {
    ipv4.take_if(program.protocol[i]);
    ipv6.take_if(program.protocol[i]);
  }
  for (const uint8_t extension : kExtensions) ipv6.take_if(extension);
  ipv4.code.push_back(give(0));
  ipv6.code.push_back(give(0));

  all.code.push_back(load(BPF_H, kEthertype));
  for (const uint16_t tag : kTags) all.take_if(tag);
  all.code.push_back(unless_equal(ETH_P_IP, ipv4.code.size()));
  all.code.insert(all.code.end(), ipv4.code.begin(), ipv4.code.end());
  all.code.push_back(unless_equal(ETH_P_IPV6, ipv6.code.size()));
  all.code.insert(all.code.end(), ipv6.code.begin(), ipv6.code.end());
  all.code.push_back(give(0));
  return all.code;
}

}  // namespace postern::trace
