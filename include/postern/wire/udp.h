// udp.h - a UDP datagram, RFC 768.
#pragma once

#include <optional>

#include "postern/wire/bytes.h"

namespace postern::wire {

struct UdpDatagram {
  static constexpr size_t kHeaderBytes = 8;
  static constexpr size_t kChecksum = 6;  // where the field begins

  Port source;
  Port destination;
  Bytes payload;

  /// `datagram` is the payload of an IP packet. nullopt: cut short, or its length field does not fit.
  static std::optional<UdpDatagram> parse(Bytes datagram);
};

}  // namespace postern::wire
