// arp.h - ARP for IPv4 over Ethernet, RFC 826.
#pragma once

#include <optional>

#include "postern/wire/bytes.h"

namespace postern::wire {

struct ArpPacket {
  static constexpr size_t kBytes = 28;

  uint16_t operation;  // 1 request, 2 reply
  Mac sender_mac;
  Ipv4 sender;
  Mac target_mac;
  Ipv4 target;

  /// nullopt: too short, or its types and lengths are not those of IPv4 over Ethernet. Padding may follow.
  static std::optional<ArpPacket> parse(Bytes packet);
};

}  // namespace postern::wire
