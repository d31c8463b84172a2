#include "traced_packets.h"

#include <linux/if_ether.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

#include "postern/netfilter/tracing_table.h"
#include "postern/wire/bytes.h"

namespace postern::trace {
namespace {

using netfilter::TraceMessage;

constexpr size_t kIpv4Least = 20, kIpv6Header = 40, kIpv6NextHeader = 6;
/// The kernel looks for the transport header behind all of these, AH among them.
constexpr std::array<uint8_t, 5> kExtensions = {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT, IPPROTO_DSTOPTS, IPPROTO_AH};

journey::Conntrack conntrack_of(const TraceMessage::Connection& connection) {
  const auto state = [&]() -> std::string {
    if (connection.is_reply) return "reply";
    if (connection.state & NF_CT_STATE_BIT(IP_CT_NEW)) return "new";
    if (connection.state & NF_CT_STATE_BIT(IP_CT_ESTABLISHED)) return "established";
    if (connection.state & NF_CT_STATE_BIT(IP_CT_RELATED)) return "related";
    return {};
  };
  return {.identity = connection.id,
          .state = state(),
          .snat = (connection.status & IPS_SRC_NAT) != 0,
          .dnat = (connection.status & IPS_DST_NAT) != 0};
}

/// The device that the packet is at: where it leaves, the one that it leaves by.
int device_of(const TraceMessage& message, std::string_view hook) {
  const bool leaves = hook == "postrouting" || hook == "output" || hook == "egress";
  const int first = leaves ? message.output_device : message.input_device;
  return first != 0 ? first : leaves ? message.input_device : message.output_device;
}

/// Address translation leaves these as they are.
bool is_same_but_for_translation(const journey::Packet& one, const journey::Packet& other) {
  return one.protocol == other.protocol && one.ip_id == other.ip_id && one.is_ipv4() == other.is_ipv4();
}

journey::Rule rule_of(const TraceMessage& message, const std::string& table, const netfilter::RuleTexts& texts) {
  journey::Rule rule;
  rule.chain = table + " " + message.chain;
  rule.handle = message.rule;
  if (message.rule != 0) rule.text = texts.rule(table, message.rule);
  // At the end of a chain that another jumped to, the kernel says "continue".
  rule.verdict = message.kind == TraceMessage::Kind::returned ? "return" : message.verdict.text();
  return rule;
}

/// What a tracer's table does: it marks packets and lets them go on. The name alone proves nothing, for anybody may take it: what
/// decides anything is told, whoever's it is.
bool is_of_a_tracer(const TraceMessage& message) {
  using Kind = netfilter::Verdict::Kind;
  const Kind verdict = message.verdict.kind;
  return netfilter::is_tracing_table(message.table) &&
         (verdict == Kind::accept || verdict == Kind::proceed || verdict == Kind::leave);
}

}  // namespace

std::vector<uint8_t> joined_packet(const std::vector<uint8_t>& network_header, const std::vector<uint8_t>& transport_header) {
  std::vector<uint8_t> packet = network_header;
  if (packet.empty()) return packet;
  size_t header_bytes = packet.size();
  if (packet[0] >> 4 == 4) {
    header_bytes = std::max<size_t>(kIpv4Least, size_t{4} * (packet[0] & 0x0f));
    if (packet.size() < kIpv4Least) return packet;
  } else {
    if (packet.size() < kIpv6Header) return packet;
    header_bytes = kIpv6Header;
    if (std::find(kExtensions.begin(), kExtensions.end(), packet[kIpv6NextHeader]) != kExtensions.end()) return packet;
  }
  packet.resize(header_bytes);
  packet.insert(packet.end(), transport_header.begin(), transport_header.end());
  return packet;
}

TracedPackets::Known& TracedPackets::known(uint32_t id, uint64_t now_ns) {
  const auto [found, is_new] = packets_.try_emplace(id);
  if (is_new) {
    order_.push_back(id);
    if (order_.size() > kPackets) {
      packets_.erase(order_.front());
      order_.pop_front();
    }
  } else if (now_ns > found->second.seen_ns + kPatienceNs) {
    found->second = {};
  }
  found->second.seen_ns = now_ns;
  return found->second;
}

void TracedPackets::take_packet(const TraceMessage& message, Known& known) const {
  std::vector<uint8_t> bytes = joined_packet(message.network_header, message.transport_header);
  std::optional<journey::Packet> packet = journey::parse_packet(bytes);
  const std::optional<journey::Packet> before = known.event.packet;
  const bool was_followed = known.is_followed;
  known.event = {};
  known.is_followed = packet && following_->takes(*packet);
  if (!packet) return;
  if (!known.is_followed && was_followed && before && is_same_but_for_translation(*before, *packet)) {
    following_->learn(*packet);
    known.is_followed = true;
  }
  known.event.clock = journey::Event::Clock::arrival;
  known.event.observer = journey::Observer::rule_trace;
  known.event.point = journey::Point::rule;
  known.event.network.inode = inode_;
  known.event.device.index = device_of(message, known.hook);
  known.event.ethertype = packet->is_ipv4() ? ETH_P_IP : ETH_P_IPV6;
  if (const wire::Bytes link(message.link_header); link.size() >= ETH_HLEN)
    known.event.macs = {wire::load_octets<Mac>(link, ETH_ALEN), wire::load_octets<Mac>(link, 0)};
  if (message.connection) known.event.conntrack = conntrack_of(*message.connection);
  known.event.packet = packet;
  known.event.captured = std::move(bytes);
}

TracedPackets::Told TracedPackets::take(const TraceMessage& message, const netfilter::RuleTexts& texts, uint64_t now_ns) {
  Known& packet = known(message.id, now_ns);
  const std::string table = netfilter::family_name(message.family) + " " + message.table;
  const std::string_view hook = texts.hook(table, message.chain);
  if (!hook.empty() || !message.network_header.empty()) packet.hook = hook;
  if (!message.network_header.empty()) take_packet(message, packet);
  if (!packet.is_followed || is_of_a_tracer(message)) return {};
  if (message.kind == TraceMessage::Kind::rule && message.rule == 0) return {};  // the chain's end, before its policy's message

  Told told{.rule = packet.event, .drop = {}};
  told.rule->time_ns = now_ns;
  told.rule->identity = message.id;
  told.rule->rule = rule_of(message, table, texts);
  told.rule->rule->hook = packet.hook;
  if (message.verdict.kind != netfilter::Verdict::Kind::drop) return told;
  told.drop = told.rule;
  told.drop->point = journey::Point::drop;
  const bool by_policy = message.kind == TraceMessage::Kind::policy;
  told.drop->drop = {.reason = by_policy ? "nft policy" : "nft rule", .where = told.rule->rule->chain};
  return told;
}

}  // namespace postern::trace
