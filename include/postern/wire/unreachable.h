// unreachable.h - a router, or the host itself, tells that a TCP segment of ours cannot be delivered: ICMP 3 (RFC 792), ICMPv6 1
// (RFC 4443), whatever the code; but for IPv4's "fragmentation needed", which is PathMtu.
#pragma once

#include <optional>

#include "postern/wire/ip.h"

namespace postern::wire {

struct Unreachable {
  // Of the segment that it quotes:
  IpAddress source, destination;
  Port source_port, destination_port;
  uint32_t sequence;

  /// nullopt: another message, one whose checksum is wrong, that does not quote TCP as far as its number, or that quotes a packet
  /// from another than whom it tells.
  static std::optional<Unreachable> parse(const IpPacket& packet);
};

}  // namespace postern::wire
