// path_mtu.h - a router tells that our TCP segment was too large for its next link: ICMP 3/4 (RFC 1191), ICMPv6 2/0 (RFC 8201).
#pragma once

#include <optional>

#include "postern/wire/ip.h"

namespace postern::wire {

struct PathMtu {
  unsigned mtu_bytes;  // of an IP packet; 0 from routers older than RFC 1191
  // Of the segment that it quotes:
  IpAddress source, destination;
  Port source_port, destination_port;
  uint32_t sequence;

  /// nullopt: another message, one whose checksum is wrong, that does not quote TCP as far as its number, or that quotes a packet
  /// from another than whom it tells.
  static std::optional<PathMtu> parse(const IpPacket& packet);
};

}  // namespace postern::wire
