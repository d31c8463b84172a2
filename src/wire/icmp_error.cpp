#include "postern/wire/icmp_error.h"

#include <algorithm>

#include "postern/base/assert.h"
#include "postern/wire/address_class.h"
#include "postern/wire/checksum.h"
#include "postern/wire/icmp.h"

namespace postern::wire {

namespace {

constexpr size_t kIcmpHeaderBytes = 8;

/// By reason, then by family: [0] ICMP, [1] ICMPv6.
constexpr IcmpError kCodes[][2] = {
    {{3, 0}, {1, 0}},   // no_route
    {{3, 1}, {1, 3}},   // address
    {{3, 2}, {1, 4}},   // protocol
    {{3, 3}, {1, 4}},   // port
    {{3, 13}, {1, 1}},  // prohibited
    {{11, 0}, {3, 0}},  // hop_limit
};

bool may_be_answered(const EthernetFrame& frame, const IpPacket& packet) {
  const bool to_one_host = !frame.destination.is_multicast() && !is_group(packet.destination);
  const bool from_one_host = !is_group(packet.source) && !is_martian(packet.source);
  const bool first_fragment = !packet.fragment || packet.fragment->offset_bytes == 0;
  if (!to_one_host || !from_one_host || !first_fragment) return false;
  if (packet.protocol != Protocol::icmp && packet.protocol != Protocol::icmpv6) return true;
  const auto icmp = IcmpMessage::parse(packet);  // what cannot be read is taken for an error
  return icmp && (icmp->kind == IcmpKind::echo_request || icmp->kind == IcmpKind::echo_reply);
}

/// An error packet to be written: who gets it, what it says, how much of the offending packet it quotes.
struct Answer {
  IpAddress from;
  IpAddress to;
  IcmpError error;
  Bytes quote;
};

size_t store_icmp(MutableBytes out, const Answer& answer, uint64_t pseudo) {
  const MutableBytes message = out.first(kIcmpHeaderBytes + answer.quote.size());
  message[0] = answer.error.type;
  message[1] = answer.error.code;
  store16(message, 2, 0);
  store32(message, 4, answer.error.rest);
  std::copy(answer.quote.begin(), answer.quote.end(), message.begin() + kIcmpHeaderBytes);
  store16(message, 2, finish(sum(message, pseudo)));
  return message.size();
}

size_t store_packet(MutableBytes out, const Answer& answer) {
  constexpr uint8_t kInternetworkControl = 0xc0;  // RFC 1812 4.3.2.5
  const bool v4 = std::holds_alternative<Ipv4>(answer.from);
  const size_t message_bytes = kIcmpHeaderBytes + answer.quote.size();
  const IpHeader header{.source = answer.from,
                        .destination = answer.to,
                        .protocol = v4 ? Protocol::icmp : Protocol::icmpv6,
                        .traffic_class = v4 ? kInternetworkControl : uint8_t{0}};
  const uint64_t pseudo = v4 ? 0 : pseudo_header(answer.from, answer.to, header.protocol, message_bytes);
  const size_t header_bytes = store_ip_header(out, header, message_bytes);
  return header_bytes + store_icmp(out.subspan(header_bytes), answer, pseudo);
}

}  // namespace

IcmpError to_icmp_error(IcmpReason reason, bool v4) { return kCodes[static_cast<size_t>(reason)][v4 ? 0 : 1]; }

std::optional<MutableBytes> build_icmp_error(IcmpReason reason, Bytes offending, const IpAddress& router, MutableBytes reply) {
  return build_icmp_error(to_icmp_error(reason, std::holds_alternative<Ipv4>(router)), offending, router, reply);
}

std::optional<MutableBytes> build_icmp_error(const IcmpError& error, Bytes offending, const IpAddress& router,
                                             MutableBytes reply) {
  POSTERN_ASSERT(reply.size() >= kMaxIcmpErrorFrame);
  const auto frame = EthernetFrame::parse(offending);
  const auto packet = frame ? IpPacket::parse(frame->payload) : std::nullopt;
  if (!packet || !may_be_answered(*frame, *packet)) return std::nullopt;
  POSTERN_ASSERT(router.index() == packet->source.index());

  const bool v4 = packet->is_v4();
  const size_t limit =
      v4 ? 576 - IpPacket::kMinHeaderBytes4 - kIcmpHeaderBytes : 1280 - IpPacket::kHeaderBytes6 - kIcmpHeaderBytes;
  const Bytes whole = packet->whole();
  const Answer answer{router, packet->source, error, whole.first(std::min(whole.size(), limit))};
  const MutableBytes body = reply.subspan(EthernetFrame::kHeaderBytes);
  const size_t bytes = store_packet(body, answer);
  store_ethernet_header(reply, frame->source, frame->destination, frame->type);
  return reply.first(EthernetFrame::kHeaderBytes + bytes);
}

}  // namespace postern::wire
