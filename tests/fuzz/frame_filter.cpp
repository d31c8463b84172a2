// The frame filter, fed with a conversation: one byte of configuration, then frames, each behind three bytes:
//
//   configuration   1 the host's loopback is open   2 no IPv6   4 every UDP port is published   8 the host is isolated
//
//   [ control | length high | length low | frame ... ]     control: 1 mend the IPv4 header checksum   2 flows are at the limit
//                                                                   28 (three bits) wait 2^n - 1 seconds before it
// A frame that is cut short by the end of the input is the last.
#include "postern/relay/frame_filter.h"

#include <netinet/in.h>

#include <vector>

#include "postern/wire/checksum.h"
#include "postern/wire/icmp.h"
#include "postern/wire/icmp_error.h"
#include "postern/wire/tcp.h"
#include "postern/wire/udp.h"

#include "fuzz_input.h"

using namespace postern;

namespace {

constexpr size_t kEthernetBytes = wire::EthernetFrame::kHeaderBytes;

/// By the C library's macros, not by the code under test.
bool leads_to_host(const IpAddress& address) {
  if (const auto* v4 = std::get_if<Ipv4>(&address)) return v4->bits >> 24 == IN_LOOPBACKNET || v4->bits >> 24 == 0;
  const in6_addr v6 = std::get<Ipv6>(address).to_wire();
  return IN6_IS_ADDR_UNSPECIFIED(&v6) || IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_V4MAPPED(&v6) || IN6_IS_ADDR_V4COMPAT(&v6);
}

bool is_alias(const IpAddress& address) {
  if (const auto* v4 = std::get_if<Ipv4>(&address)) return *v4 == Ipv4::of(10, 0, 2, 2) || *v4 == Ipv4::of(255, 255, 255, 255);
  const auto& octets = std::get<Ipv6>(address).octets;
  const bool in_prefix = octets[0] == 0xfd && wire::load32(octets, 0) == 0xfd000000 && wire::load32(octets, 4) == 0;
  return (in_prefix && address != IpAddress(stack::AddressPlan::dns6())) || octets[0] == 0xff;
}

/// Of the host, where that is isolated.
const std::vector<IpAddress> kHostAddresses = {Ipv4::of(192, 0, 2, 1), *Ipv6::parse("2001:db8::1")};

bool is_isolated_host(const IpAddress& address) {
  const auto* v4 = std::get_if<Ipv4>(&address);
  return (v4 && v4->bits >> 16 == 0xa9fe) || address == kHostAddresses[0] || address == kHostAddresses[1];
}

void check_passed(wire::Bytes frame, const relay::FilterConfig& config, bool isolated) {
  POSTERN_ASSERT(frame.size() <= relay::FrameFilter::kMaxFrameBytes);
  const auto ethernet = wire::EthernetFrame::parse(frame);
  POSTERN_ASSERT(ethernet);
  if (ethernet->type == wire::EtherType::arp) return;
  const auto ip = wire::IpPacket::parse(ethernet->payload);
  POSTERN_ASSERT(ip && ip->header_checksum_ok() && ip->whole().size() == ethernet->payload.size());
  POSTERN_ASSERT(!leads_to_host(ip->destination));
  POSTERN_ASSERT(!ip->fragment && !ip->source_route && !ip->extension_headers);
  POSTERN_ASSERT(config.ipv6 || ip->is_v4());
  if (ip->protocol != wire::Protocol::tcp) return;
  const auto tcp = wire::TcpSegment::parse(ip->payload);
  POSTERN_ASSERT(tcp && !tcp->has(wire::tcp_flag::urg) && !leads_to_host(ip->source));
  const bool closed = config.host_loopback == stack::HostLoopback::closed;
  POSTERN_ASSERT(!(closed && tcp->is_initial_syn() && is_alias(ip->destination)));
  POSTERN_ASSERT(!(isolated && tcp->is_initial_syn() && is_isolated_host(ip->destination)));
}

void check_answer(wire::Bytes frame) {
  POSTERN_ASSERT(frame.size() <= wire::kMaxIcmpErrorFrame);
  const auto ip = wire::IpPacket::parse(frame.subspan(kEthernetBytes));
  POSTERN_ASSERT(ip && ip->header_checksum_ok() && ip->whole().size() == frame.size() - kEthernetBytes);
  const auto icmp = wire::IcmpMessage::parse(*ip);
  POSTERN_ASSERT(icmp && icmp->kind == wire::IcmpKind::error);
  const uint64_t pseudo =
      ip->is_v4() ? 0 : wire::pseudo_header(ip->source, ip->destination, wire::Protocol::icmpv6, ip->payload.size());
  POSTERN_ASSERT(wire::finish(wire::sum(ip->payload, pseudo)) == 0);
}

/// Without this the fuzzer would spend its life on guessing checksums.
void mend_header_checksum(std::vector<uint8_t>& frame) {
  if (frame.size() < kEthernetBytes + 20) return;
  const size_t header_bytes = (frame[kEthernetBytes] & 15u) * size_t{4};
  if (frame.size() < kEthernetBytes + header_bytes || header_bytes < 20) return;
  const wire::MutableBytes header = wire::MutableBytes(frame).subspan(kEthernetBytes, header_bytes);
  wire::store16(header, 10, 0);
  wire::store16(header, 10, wire::finish(wire::sum(header)));
}

class Conversation {
 public:
  explicit Conversation(uint8_t options) : config_(config(options)), filter_(config_) {
    if (options & 4) filter_.published_udp().set();
    if (options & 8) filter_.isolate_host(kHostAddresses);
    isolated_ = options & 8;
  }

  void say(uint8_t control, wire::Bytes bytes) {
    std::vector<uint8_t> frame(bytes.begin(), bytes.end());
    if (control & 1) mend_header_checksum(frame);
    now_ += std::chrono::seconds((1 << (control >> 2 & 7)) - 1);
    const uint64_t drops = filter_.drops().total();
    const relay::Verdict verdict = filter_.decide(frame, {now_, control & 2u ? config_.max_flows : 0});
    switch (verdict.action) {
      case relay::Verdict::Action::pass: return check_passed(verdict.frame, config_, isolated_);
      case relay::Verdict::Action::refuse: return check_answer(verdict.frame);
      case relay::Verdict::Action::drop: return POSTERN_ASSERT(filter_.drops().total() > drops);
      case relay::Verdict::Action::absorbed: return;
    }
  }

 private:
  static relay::FilterConfig config(uint8_t options) {
    relay::FilterConfig config;
    config.host_loopback = options & 1 ? stack::HostLoopback::gateway : stack::HostLoopback::closed;
    config.ipv6 = !(options & 2);
    return config;
  }

  relay::FilterConfig config_;
  relay::FrameFilter filter_;
  bool isolated_ = false;
  TimePoint now_{std::chrono::hours(1)};
};

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  wire::Bytes input(data, size);
  if (input.empty()) return 0;
  Conversation conversation(input[0]);
  input = input.subspan(1);
  while (input.size() > 3) {
    const uint8_t control = input[0];
    const size_t length = std::min<size_t>(wire::load16(input, 1), input.size() - 3);
    conversation.say(control, input.subspan(3, length));
    input = input.subspan(3 + length);
  }
  return 0;
}
