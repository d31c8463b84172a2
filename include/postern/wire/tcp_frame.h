// tcp_frame.h - writes what stands before the data of a TCP segment on its way into the namespace.
//
//   writev(tap, { headers, data, data… })        headers: [vnet|Ethernet|IP|TCP|options], data: wherever the caller has it
//
// With a vnet header one frame carries many segments of data, and nobody sums it: the kernel does if the frame leaves the
// namespace again. Pure: no allocation, and cheap, for a frame may be no more than an ACK.
#pragma once

#include "postern/wire/bytes.h"
#include "postern/wire/ethernet.h"
#include "postern/wire/ip.h"
#include "postern/wire/tcp.h"
#include "postern/wire/tcp_options.h"
#include "postern/wire/vnet_header.h"

namespace postern::wire {

/// All of a frame but its data.
struct TcpFrame {
  Mac destination_mac;
  Mac source_mac;
  IpAddress source;  // of one family with the destination
  IpAddress destination;
  Port source_port;
  Port destination_port;
  uint32_t sequence = 0;
  uint32_t acknowledgment = 0;
  uint8_t flags = 0;  // tcp_flag
  uint16_t window = 0;
  Bytes options = {};  // whole words, at most kMaxTcpOptionBytes
  uint16_t ip_id = 0;  // IPv4
};

inline constexpr size_t kMaxTcpFrameHeaders =
    VnetHeader::kBytes + EthernetFrame::kHeaderBytes + IpPacket::kHeaderBytes6 + TcpSegment::kMinHeaderBytes + kMaxTcpOptionBytes;
/// With this much data every frame fits in IpPacket::kMaxBytes.
inline constexpr size_t kMaxTcpFrameData =
    IpPacket::kMaxBytes - IpPacket::kHeaderBytes6 - TcpSegment::kMinHeaderBytes - kMaxTcpOptionBytes;

// Both write into `room`, which holds kMaxTcpFrameHeaders, and return how many bytes they wrote. IP and TCP headers and the data
// are at most IpPacket::kMaxBytes. Lengths and the IPv4 header's checksum are right.

/// For a TAP with vnet headers, and `payload_bytes` of data. More than `segment_bytes` (at least 1, below 65 535) are a
/// superframe of segments of that size. The kernel completes the checksum where somebody needs it: the field holds the pseudo
/// header's sum.
size_t store_tcp_headers(MutableBytes room, const TcpFrame& frame, size_t payload_bytes, size_t segment_bytes);

/// For a TAP without: no vnet header, and a checksum over all of `payload`, which is one segment.
size_t store_tcp_headers_complete(MutableBytes room, const TcpFrame& frame, Bytes payload);

}  // namespace postern::wire
