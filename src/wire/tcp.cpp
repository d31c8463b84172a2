#include "postern/wire/tcp.h"

#include "postern/wire/checksum.h"

namespace postern::wire {

namespace {

/// Replaces one 16-bit word of a segment and mends the checksum.
void replace16(MutableBytes segment, size_t at, uint16_t value) {
  store16(segment, tcp_field::checksum, updated(load16(segment, tcp_field::checksum), load16(segment, at), value));
  store16(segment, at, value);
}

}  // namespace

std::optional<TcpSegment> TcpSegment::parse(Bytes segment) {
  if (segment.size() < kMinHeaderBytes) return std::nullopt;
  const size_t header_bytes = (segment[12] >> 4) * size_t{4};
  if (header_bytes < kMinHeaderBytes || header_bytes > segment.size()) return std::nullopt;
  return TcpSegment{.source = {load16(segment, 0)},
                    .destination = {load16(segment, 2)},
                    .sequence = load32(segment, 4),
                    .acknowledgment = load32(segment, 8),
                    .flags = segment[13],
                    .window = load16(segment, 14),
                    .options = segment.subspan(kMinHeaderBytes, header_bytes - kMinHeaderBytes),
                    .payload = segment.subspan(header_bytes)};
}

void clear_urgent(MutableBytes segment) {
  constexpr size_t kFlagsWord = tcp_field::data_offset;  // the checksum is made of words
  replace16(segment, kFlagsWord, static_cast<uint16_t>(load16(segment, kFlagsWord) & ~tcp_flag::urg));
  replace16(segment, tcp_field::urgent_pointer, 0);
}

}  // namespace postern::wire
