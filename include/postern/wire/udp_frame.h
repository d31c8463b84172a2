// udp_frame.h - writes the frames of a UDP datagram on its way into the namespace: one, or above the MTU its fragments.
//
//   UdpFrames frames(udp, data, mtu_bytes, VnetHeaders::present);
//   while (const auto piece = frames.next(room)) writev(tap, { room, piece->headers bytes }, piece->data)
//
// A kernel takes a frame larger than its link's MTU for itself, but cannot send it on: who has a bridge or a router inside would
// never see a large datagram. Pure: no allocation.
#pragma once

#include <optional>

#include "postern/wire/bytes.h"
#include "postern/wire/ethernet.h"
#include "postern/wire/ip.h"
#include "postern/wire/udp.h"
#include "postern/wire/vnet_header.h"

namespace postern::wire {

/// All of a datagram but its data.
struct UdpFrame {
  Mac destination_mac;
  Mac source_mac;
  IpAddress source;  // of one family with the destination
  IpAddress destination;
  Port source_port;
  Port destination_port;
  uint32_t ip_id = 0;  // tells its fragments from those of another; in IPv4 its lower half
};

inline constexpr size_t kMaxUdpFrameHeaders = VnetHeader::kBytes + EthernetFrame::kHeaderBytes + IpPacket::kHeaderBytes6 +
                                              IpPacket::kFragmentHeaderBytes6 + UdpDatagram::kHeaderBytes;
/// With this much data a datagram of either family can be said.
inline constexpr size_t kMaxUdpData = IpPacket::kMaxBytes - IpPacket::kMinHeaderBytes4 - UdpDatagram::kHeaderBytes;

enum class VnetHeaders { present, absent };  // of the TAP's framing

class UdpFrames {
 public:
  /// `data`, at most kMaxUdpData, stays where it is. An IP packet has `mtu_bytes` at most, which are no fewer than the family
  /// allows (68, 1280) and no more than IpPacket::kMaxBytes.
  UdpFrames(const UdpFrame& datagram, Bytes data, size_t mtu_bytes, VnetHeaders vnet);

  struct Piece {
    size_t header_bytes;  // written into the room
    Bytes data;           // what follows them in the frame
  };
  /// The next frame; `room` holds kMaxUdpFrameHeaders. Lengths and checksums are right; with vnet headers the kernel completes
  /// UDP's where somebody needs it, but for that of a fragment.
  std::optional<Piece> next(MutableBytes room);

 private:
  size_t store_udp_header(MutableBytes frame, size_t start, VnetHeader& vnet) const;
  bool is_v4() const { return std::holds_alternative<Ipv4>(datagram_.source); }
  size_t transport_bytes() const { return UdpDatagram::kHeaderBytes + data_.size(); }

  UdpFrame datagram_;
  Bytes data_;
  VnetHeaders vnet_;
  bool is_whole_;            // in one frame
  size_t most_in_fragment_;  // of UDP's header and data, a multiple of 8
  size_t written_ = 0;       // of the same
};

}  // namespace postern::wire
