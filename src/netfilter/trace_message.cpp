// trace_message.cpp - one NFT_MSG_TRACE, read: net/netfilter/nf_tables_trace.c of Linux makes them. Numbers in them are in
// network byte order.
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "postern/netfilter/rule_trace.h"

namespace postern::netfilter {
namespace {

// Since Linux 6.17, so not in every <linux/netfilter/nf_tables.h>.
constexpr uint16_t kConnectionId = NFTA_TRACE_PAD + 1, kConnectionDirection = NFTA_TRACE_PAD + 2,
                   kConnectionStatus = NFTA_TRACE_PAD + 3, kConnectionState = NFTA_TRACE_PAD + 4;

using Bytes = std::span<const uint8_t>;

struct Attribute {
  uint16_t type;
  Bytes payload;
};

/// Takes the first attribute off `rest`; nothing: no whole one is left.
std::optional<Attribute> take_attribute(Bytes& rest) {
  if (rest.size() < sizeof(nlattr)) return std::nullopt;
  nlattr header;
  std::memcpy(&header, rest.data(), sizeof header);
  if (header.nla_len < sizeof header || header.nla_len > rest.size()) return std::nullopt;
  const Bytes payload = rest.subspan(sizeof header, header.nla_len - sizeof header);
  rest = rest.subspan(std::min<size_t>(rest.size(), NLA_ALIGN(header.nla_len)));
  return Attribute{static_cast<uint16_t>(header.nla_type & NLA_TYPE_MASK), payload};
}

/// The number whose first bytes `payload` begins with; what is shorter leaves `number` as it is.
template <class T>
void read_number(Bytes payload, T& number) {
  if (payload.size() < sizeof number) return;
  T value = 0;
  for (size_t i = 0; i < sizeof number; ++i) value = static_cast<T>(uint64_t{value} << 8 | payload[i]);
  number = value;
}

uint32_t number32(Bytes payload) {
  uint32_t number = 0;
  read_number(payload, number);
  return number;
}

std::string text_of(Bytes payload) {
  const auto* begin = reinterpret_cast<const char*>(payload.data());
  return {begin, ::strnlen(begin, payload.size())};
}

Verdict::Kind verdict_kind(int32_t code) {
  switch (code) {
    case NFT_CONTINUE: return Verdict::Kind::proceed;
    case NFT_JUMP: return Verdict::Kind::jump;
    case NFT_GOTO: return Verdict::Kind::go_to;
    case NFT_RETURN: return Verdict::Kind::leave;
  }
  if (code < 0) return Verdict::Kind::other;
  switch (code & 0xff) {  // NF_VERDICT_MASK: above it stands a queue's number, or an errno
    case NF_DROP: return Verdict::Kind::drop;
    case NF_ACCEPT: return Verdict::Kind::accept;
    case NF_STOLEN: return Verdict::Kind::stolen;
    case NF_QUEUE: return Verdict::Kind::queue;
  }
  return Verdict::Kind::other;
}

Verdict verdict_of(Bytes rest) {
  Verdict verdict;
  while (const auto attribute = take_attribute(rest)) {
    if (attribute->type == NFTA_VERDICT_CHAIN) verdict.chain = text_of(attribute->payload);
    if (attribute->type == NFTA_VERDICT_CODE && attribute->payload.size() >= sizeof(uint32_t))
      verdict.kind = verdict_kind(static_cast<int32_t>(number32(attribute->payload)));
  }
  return verdict;
}

std::optional<TraceMessage::Kind> kind_of(uint32_t type) {
  switch (type) {
    case NFT_TRACETYPE_RULE: return TraceMessage::Kind::rule;
    case NFT_TRACETYPE_RETURN: return TraceMessage::Kind::returned;
    case NFT_TRACETYPE_POLICY: return TraceMessage::Kind::policy;
  }
  return std::nullopt;
}

std::vector<uint8_t> copy_of(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

/// What stands beside the packet. False: it is no attribute of that sort.
bool take_packet(const Attribute& attribute, TraceMessage& message) {
  const Bytes payload = attribute.payload;
  const auto connection = [&]() -> TraceMessage::Connection& {
    return message.connection ? *message.connection : message.connection.emplace();
  };
  switch (attribute.type) {
    case NFTA_TRACE_LL_HEADER: message.link_header = copy_of(payload); return true;
    case NFTA_TRACE_NETWORK_HEADER: message.network_header = copy_of(payload); return true;
    case NFTA_TRACE_TRANSPORT_HEADER: message.transport_header = copy_of(payload); return true;
    case NFTA_TRACE_IIF: message.input_device = static_cast<int>(number32(payload)); return true;
    case NFTA_TRACE_OIF: message.output_device = static_cast<int>(number32(payload)); return true;
    case kConnectionId: read_number(payload, connection().id); return true;
    case kConnectionDirection: connection().is_reply = !payload.empty() && payload[0] != 0; return true;
    case kConnectionStatus: read_number(payload, connection().status); return true;
    case kConnectionState: read_number(payload, connection().state); return true;
  }
  return false;
}

/// What every message has.
void take_decision(const Attribute& attribute, TraceMessage& message, std::optional<TraceMessage::Kind>& kind) {
  switch (attribute.type) {
    case NFTA_TRACE_TABLE: message.table = text_of(attribute.payload); break;
    case NFTA_TRACE_CHAIN: message.chain = text_of(attribute.payload); break;
    case NFTA_TRACE_RULE_HANDLE: read_number(attribute.payload, message.rule); break;
    case NFTA_TRACE_TYPE: kind = kind_of(number32(attribute.payload)); break;
    case NFTA_TRACE_VERDICT: message.verdict = verdict_of(attribute.payload); break;
    case NFTA_TRACE_POLICY:
      if (attribute.payload.size() >= sizeof(uint32_t))
        message.verdict.kind = verdict_kind(static_cast<int32_t>(number32(attribute.payload)));
      break;
    case NFTA_TRACE_ID: read_number(attribute.payload, message.id); break;
    case NFTA_TRACE_MARK: read_number(attribute.payload, message.mark); break;
  }
}

}  // namespace

std::string Verdict::text() const {
  switch (kind) {
    case Kind::drop: return "drop";
    case Kind::accept: return "accept";
    case Kind::stolen: return "stolen";
    case Kind::queue: return "queue";
    case Kind::proceed: return "continue";
    case Kind::jump: return "jump " + chain;
    case Kind::go_to: return "goto " + chain;
    case Kind::leave: return "return";
    case Kind::other: break;
  }
  return "unknown";
}

std::string family_name(uint8_t family) {
  switch (family) {
    case NFPROTO_INET: return "inet";
    case NFPROTO_IPV4: return "ip";
    case NFPROTO_IPV6: return "ip6";
    case NFPROTO_ARP: return "arp";
    case NFPROTO_NETDEV: return "netdev";
    case NFPROTO_BRIDGE: return "bridge";
  }
  return fmt::format("family {}", family);
}

std::optional<TraceMessage> parse_trace_message(std::span<const uint8_t> bytes) {
  constexpr size_t kHeaders = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(nfgenmsg));
  nlmsghdr header;
  if (bytes.size() < kHeaders) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE)) return std::nullopt;
  if (header.nlmsg_len < kHeaders || header.nlmsg_len > bytes.size()) return std::nullopt;

  TraceMessage message;
  message.family = bytes[NLMSG_HDRLEN + offsetof(nfgenmsg, nfgen_family)];
  std::optional<TraceMessage::Kind> kind;
  Bytes rest = bytes.subspan(kHeaders, header.nlmsg_len - kHeaders);
  while (const auto attribute = take_attribute(rest)) {
    if (!take_packet(*attribute, message)) take_decision(*attribute, message, kind);
  }
  if (!kind || message.id == 0 || message.chain.empty()) return std::nullopt;
  message.kind = *kind;
  return message;
}

}  // namespace postern::netfilter
