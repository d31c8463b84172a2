// segmenter.h - one TCP superframe from the TAP becomes the segments that the namespace would have sent without TSO.
//
//   [hdr|4000]  at an MTU of 1500  ─►  [hdr|1460] [hdr|1460] [hdr|1080]
//
// For libslirp, which answers an IPv6 packet above its MTU with "packet too big". Nothing is copied but headers: each segment's
// are written over the data of the one before, which is done with by then. Pure: bytes in, bytes out.
//
// Trust: the frame is hostile, and no length is taken from the vnet header. A frame is cut into at most kMaxBytes / kMinDataBytes
// pieces; at an MTU of 1500 that is 48.
#pragma once

#include <array>
#include <optional>

#include "postern/wire/bytes.h"
#include "postern/wire/ethernet.h"

namespace postern::relay {

class Segmenter {
 public:
  static constexpr size_t kMinDataBytes = 8;  // RFC 791 3.2: the smallest MTU, 68, has room for the longest header and 8 bytes

  /// `frame` is an Ethernet frame, `mtu_bytes` what an IP packet may have. Both must stay while this is used.
  Segmenter(wire::MutableBytes frame, size_t mtu_bytes);

  /// The next segment, an Ethernet frame with right lengths and checksums, valid until the next call; nothing after the last.
  ///
  /// A frame that is small enough comes as it is. So does one that cannot be cut: no TCP, a fragment, with IPv6 extension
  /// headers, SYN, RST or URG, with hardly any data beside its headers; or with a TCP checksum that is neither right nor left to
  /// us (the pseudo header's sum alone), for ours would make it right.
  std::optional<wire::MutableBytes> next();

 private:
  /// Of a frame that is to be cut; from its first byte.
  struct Layout {
    size_t tcp_start;
    size_t data_start;
    size_t data_end;
    size_t segment_bytes;  // of data
  };
  static constexpr size_t kMaxHeaderBytes = wire::EthernetFrame::kHeaderBytes + 60 + 60;  // IPv4 and TCP with all their options

  static std::optional<Layout> plan(wire::Bytes frame, size_t mtu_bytes);
  wire::MutableBytes cut();
  void mend(wire::MutableBytes segment, size_t offset, bool is_last) const;

  wire::MutableBytes frame_;
  std::optional<Layout> layout_;
  std::array<uint8_t, kMaxHeaderBytes> headers_;  // as they came, if the frame is to be cut
  size_t at_ = 0;                                 // where the next segment's data stand
  bool done_ = false;
};

/// Gives each segment of `frame` to `take(MutableBytes)`.
template <class Take>
void for_each_segment(wire::MutableBytes frame, size_t mtu_bytes, Take&& take) {
  Segmenter segmenter(frame, mtu_bytes);
  while (const auto segment = segmenter.next()) take(*segment);
}

}  // namespace postern::relay
