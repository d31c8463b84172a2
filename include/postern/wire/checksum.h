// checksum.h - the Internet checksum, RFC 1071: whole, with the pseudo header, and mended in place.
//
// A sum is built up from parts and finished once:  finish(sum(segment, pseudo_header(source, destination, Protocol::tcp, n)))
// A field that is checked over itself must hold zero when the checksum is made; a right one then sums to finish(...) == 0.
#pragma once

#include "postern/wire/bytes.h"
#include "postern/wire/ip.h"

namespace postern::wire {

/// Adds `bytes` to a sum so far. Every part but the last must be of even length.
uint64_t sum(Bytes bytes, uint64_t so_far = 0);
/// RFC 9293 3.1, RFC 8200 8.1. Both addresses are of one family.
uint64_t pseudo_header(const IpAddress& source, const IpAddress& destination, Protocol protocol, size_t length_bytes);
/// The checksum, in host order. (UDP writes 0xffff where this gives 0.)
uint16_t finish(uint64_t sum);

/// The checksum after one 16-bit word of what it covers went from `before` to `after`, RFC 1624 equation 3.
constexpr uint16_t updated(uint16_t checksum, uint16_t before, uint16_t after) {
  uint32_t sum = static_cast<uint16_t>(~checksum) + uint32_t{static_cast<uint16_t>(~before)} + after;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

}  // namespace postern::wire
