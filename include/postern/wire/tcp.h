// tcp.h - a TCP segment, RFC 9293 3.1.
#pragma once

#include <optional>

#include "postern/wire/bytes.h"

namespace postern::wire {

namespace tcp_flag {
inline constexpr uint8_t fin = 0x01, syn = 0x02, rst = 0x04, psh = 0x08, ack = 0x10, urg = 0x20, ece = 0x40, cwr = 0x80;
}

/// Where a field begins in the header, for those who write one.
namespace tcp_field {
inline constexpr size_t sequence = 4, acknowledgment = 8, data_offset = 12, flags = 13, window = 14, checksum = 16,
                        urgent_pointer = 18;
}

struct TcpSegment {
  static constexpr size_t kMinHeaderBytes = 20;

  Port source;
  Port destination;
  uint32_t sequence;
  uint32_t acknowledgment;
  uint8_t flags;  // tcp_flag
  uint16_t window;
  Bytes options;
  Bytes payload;

  bool has(uint8_t flag) const { return (flags & flag) != 0; }
  /// Asks for a connection: SYN without ACK.
  bool is_initial_syn() const { return (flags & (tcp_flag::syn | tcp_flag::ack)) == tcp_flag::syn; }

  /// `segment` is the payload of an IP packet. nullopt: cut short, or the data offset does not fit.
  static std::optional<TcpSegment> parse(Bytes segment);
};

/// Makes urgent data ordinary, as RFC 6093 advises: takes the flag and the pointer out of a segment that parses. The checksum
/// stays as right, or as wrong, as it was.
void clear_urgent(MutableBytes segment);

}  // namespace postern::wire
