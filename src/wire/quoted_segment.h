// quoted_segment.h - what an ICMP error quotes of a TCP segment of ours: cut short, so it is no IpPacket.
#pragma once

#include <optional>

#include "postern/wire/icmp.h"

namespace postern::wire {

struct QuotedSegment {
  IpAddress source, destination;
  Port source_port, destination_port;
  uint32_t sequence;

  /// nullopt: the checksum is wrong, or what it quotes is no TCP as far as its number, or was not sent by whom it tells.
  static std::optional<QuotedSegment> parse(const IpPacket& packet, const IcmpMessage& message);
};

}  // namespace postern::wire
