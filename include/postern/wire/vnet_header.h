// vnet_header.h - what stands before each frame of a TAP with IFF_VNET_HDR: struct virtio_net_hdr, VIRTIO 1.2 5.1.6.
//
// It lets a frame be larger than the MTU (a superframe: one header, many segments of data) and its transport checksum be left to
// whoever needs it. What we read was perhaps written by a hostile program (PACKET_VNET_HDR): only the bit that says "no checksum
// yet" is believed, and believing it does no harm; and the size of the datagrams in a superframe of UDP, where it can be true.
#pragma once

#include <cstdint>
#include <optional>

#include "postern/wire/bytes.h"

namespace postern::wire {

struct VnetHeader {
  static constexpr size_t kBytes = 10;
  enum class Gso : uint8_t { none = 0, tcp4 = 1, tcp6 = 4, udp = 5 };

  bool needs_checksum = false;  // the field holds the sum of the pseudo header alone, not complemented
  Gso gso = Gso::none;
  uint16_t header_bytes = 0;     // Ethernet to TCP, for gso
  uint16_t segment_bytes = 0;    // of data in each segment, for gso
  uint16_t checksum_start = 0;   // of what is summed, from the frame's first byte
  uint16_t checksum_offset = 0;  // of the field, from checksum_start

  /// Of `frame`, which begins with it. Fields are in the machine's byte order. nullopt: cut short.
  static std::optional<VnetHeader> parse(Bytes frame);
  /// `frame` has room for kBytes.
  void store(MutableBytes frame) const;
};

/// Leaves the checksum of the TCP header at `tcp_start` of an Ethernet frame to the kernel, which completes it if the frame
/// leaves the namespace again, and else need not look: writes the sum of the pseudo header, `pseudo`, and returns what says so.
VnetHeader leave_tcp_checksum(MutableBytes frame, size_t tcp_start, uint64_t pseudo);
/// The same for UDP.
VnetHeader leave_udp_checksum(MutableBytes frame, size_t udp_start, uint64_t pseudo);

/// Gives an unfragmented TCP or UDP packet the checksum it lacks; anything else is left as it is. `frame` is an Ethernet frame.
void complete_checksum(MutableBytes frame);

}  // namespace postern::wire
