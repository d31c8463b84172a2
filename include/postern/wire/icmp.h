// icmp.h - ICMP (RFC 792) and ICMPv6 (RFC 4443, 4861, 3810): one view, the same questions in both families.
#pragma once

#include <optional>

#include "postern/wire/ip.h"

namespace postern::wire {

/// What a message is for; the numbers differ between the families.
enum class IcmpKind {
  echo_request,
  echo_reply,
  error,      // it quotes a packet
  neighbour,  // IPv6: router or neighbour solicitation, neighbour advertisement
  listener,   // IPv6: multicast listener discovery
  router,     // only routers send these: router advertisement, redirect
  other,
};

struct IcmpMessage {
  static constexpr size_t kHeaderBytes = 8;

  uint8_t type;
  uint8_t code;
  IcmpKind kind;
  uint16_t echo_id;  // of an echo request or reply
  Bytes payload;     // after the first 8 bytes

  /// nullopt: no ICMP of the packet's own family, a fragment, or cut short (neighbour discovery: of its target).
  static std::optional<IcmpMessage> parse(const IpPacket& packet);
};

}  // namespace postern::wire
