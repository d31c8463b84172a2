#include "postern/wire/icmp.h"

namespace postern::wire {

namespace {

IcmpKind kind_v4(uint8_t type) {  // RFC 792, RFC 1256
  switch (type) {
    case 8: return IcmpKind::echo_request;
    case 0: return IcmpKind::echo_reply;
    case 3:   // destination unreachable
    case 4:   // source quench
    case 11:  // time exceeded
    case 12: return IcmpKind::error;
    case 5:  // redirect: an error by its form, but only routers send it
    case 9: return IcmpKind::router;
    default: return IcmpKind::other;
  }
}

IcmpKind kind_v6(uint8_t type) {
  if (type < 128) return IcmpKind::error;  // RFC 4443 2.1
  switch (type) {
    case 128: return IcmpKind::echo_request;
    case 129: return IcmpKind::echo_reply;
    case 133:  // router solicitation, RFC 4861 4
    case 135:  // neighbour solicitation
    case 136: return IcmpKind::neighbour;
    case 130:  // listener query, RFC 2710, 3810
    case 131:
    case 132:
    case 143: return IcmpKind::listener;
    case 134:  // router advertisement
    case 137: return IcmpKind::router;
    default: return IcmpKind::other;
  }
}

}  // namespace

std::optional<IcmpMessage> IcmpMessage::parse(const IpPacket& packet) {
  constexpr uint8_t kRouterSolicitation = 133;
  constexpr size_t kTargetBytes = 16;  // of a neighbour solicitation or advertisement, RFC 4861 4.3, 4.4
  const Bytes message = packet.payload;
  const Protocol own = packet.is_v4() ? Protocol::icmp : Protocol::icmpv6;
  if (packet.protocol != own || packet.fragment || message.size() < kHeaderBytes) return std::nullopt;
  const IcmpMessage result{.type = message[0],
                           .code = message[1],
                           .kind = packet.is_v4() ? kind_v4(message[0]) : kind_v6(message[0]),
                           .echo_id = load16(message, 4),
                           .payload = message.subspan(kHeaderBytes)};
  const bool has_target = result.kind == IcmpKind::neighbour && result.type != kRouterSolicitation;
  if (has_target && result.payload.size() < kTargetBytes) return std::nullopt;
  return result;
}

}  // namespace postern::wire
