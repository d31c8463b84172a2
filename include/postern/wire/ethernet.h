// ethernet.h - an Ethernet II frame as a TAP gives it: no preamble, no FCS, no VLAN tag.
#pragma once

#include <optional>

#include "postern/wire/bytes.h"

namespace postern::wire {

enum class EtherType : uint16_t { ipv4 = 0x0800, arp = 0x0806, ipv6 = 0x86dd };  // others are values without a name

struct EthernetFrame {
  static constexpr size_t kHeaderBytes = 14;

  Mac destination;
  Mac source;
  EtherType type;
  Bytes payload;

  /// nullopt: shorter than its header.
  static std::optional<EthernetFrame> parse(Bytes frame);
};

void store_ethernet_header(MutableBytes frame, const Mac& destination, const Mac& source, EtherType type);

}  // namespace postern::wire
