#include "postern/wire/icmp_error.h"

#include <algorithm>

#include "postern/base/assert.h"
#include "postern/wire/address_class.h"
#include "postern/wire/checksum.h"
#include "postern/wire/icmp.h"

namespace postern::wire {

namespace {

constexpr size_t kIcmpHeaderBytes = 8;
constexpr uint8_t kHopLimit = 64;

struct ErrorCode {
  uint8_t type;
  uint8_t code;
};

/// By reason, then by family: [0] ICMP, [1] ICMPv6.
constexpr ErrorCode kCodes[][2] = {
    {{3, 0}, {1, 0}},   // no_route
    {{3, 1}, {1, 3}},   // address
    {{3, 3}, {1, 4}},   // port
    {{3, 13}, {1, 1}},  // prohibited
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
struct IcmpError {
  IpAddress from;
  IpAddress to;
  ErrorCode code;
  Bytes quote;
};

MutableBytes store_icmp(MutableBytes out, const IcmpError& error, uint64_t pseudo) {
  const MutableBytes message = out.first(kIcmpHeaderBytes + error.quote.size());
  message[0] = error.code.type;
  message[1] = error.code.code;
  store16(message, 2, 0);
  store32(message, 4, 0);  // unused
  std::copy(error.quote.begin(), error.quote.end(), message.begin() + kIcmpHeaderBytes);
  store16(message, 2, finish(sum(message, pseudo)));
  return message;
}

size_t store_packet_v4(MutableBytes out, const IcmpError& error) {
  constexpr uint16_t kVersionLengthAndPrecedence = 0x45c0;  // 20 bytes, internetwork control: RFC 1812 4.3.2.5
  constexpr uint16_t kDontFragment = 0x4000;                // and so an identification of 0, RFC 6864 4.1
  const MutableBytes header = out.first(IpPacket::kMinHeaderBytes4);
  const MutableBytes message = store_icmp(out.subspan(header.size()), error, 0);
  const size_t bytes = header.size() + message.size();
  store16(header, 0, kVersionLengthAndPrecedence);
  store16(header, 2, static_cast<uint16_t>(bytes));
  store16(header, 4, 0);
  store16(header, 6, kDontFragment);
  header[8] = kHopLimit;
  header[9] = static_cast<uint8_t>(Protocol::icmp);
  store16(header, 10, 0);
  store32(header, 12, std::get<Ipv4>(error.from).bits);
  store32(header, 16, std::get<Ipv4>(error.to).bits);
  store16(header, 10, finish(sum(header)));
  return bytes;
}

size_t store_packet_v6(MutableBytes out, const IcmpError& error) {
  constexpr uint32_t kVersion = 6u << 28;
  const MutableBytes header = out.first(IpPacket::kHeaderBytes6);
  const size_t message_bytes = kIcmpHeaderBytes + error.quote.size();
  store32(header, 0, kVersion);
  store16(header, 4, static_cast<uint16_t>(message_bytes));
  header[6] = static_cast<uint8_t>(Protocol::icmpv6);
  header[7] = kHopLimit;
  store_octets(header, 8, std::get<Ipv6>(error.from));
  store_octets(header, 24, std::get<Ipv6>(error.to));
  store_icmp(out.subspan(header.size()), error, pseudo_header(error.from, error.to, Protocol::icmpv6, message_bytes));
  return header.size() + message_bytes;
}

}  // namespace

std::optional<MutableBytes> build_unreachable(Unreachable reason, Bytes offending, const IpAddress& router, MutableBytes reply) {
  POSTERN_ASSERT(reply.size() >= kMaxIcmpErrorFrame);
  const auto frame = EthernetFrame::parse(offending);
  const auto packet = frame ? IpPacket::parse(frame->payload) : std::nullopt;
  if (!packet || !may_be_answered(*frame, *packet)) return std::nullopt;
  POSTERN_ASSERT(router.index() == packet->source.index());

  const bool v4 = packet->is_v4();
  const size_t limit =
      v4 ? 576 - IpPacket::kMinHeaderBytes4 - kIcmpHeaderBytes : 1280 - IpPacket::kHeaderBytes6 - kIcmpHeaderBytes;
  const Bytes whole = packet->whole();
  const IcmpError error{router, packet->source, kCodes[static_cast<size_t>(reason)][v4 ? 0 : 1],
                        whole.first(std::min(whole.size(), limit))};
  const MutableBytes body = reply.subspan(EthernetFrame::kHeaderBytes);
  const size_t bytes = v4 ? store_packet_v4(body, error) : store_packet_v6(body, error);
  store_ethernet_header(reply, frame->source, frame->destination, frame->type);
  return reply.first(EthernetFrame::kHeaderBytes + bytes);
}

}  // namespace postern::wire
