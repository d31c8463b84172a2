// udp_superframe.h - writes what stands before many datagrams of one size on their way into the namespace as one frame (USO).
//
//   writev(tap, { headers, data, data… })        headers: [vnet|Ethernet|IP|UDP], data: wherever the caller has it
//
// The namespace's kernel takes it apart for who reads datagrams, or gives it whole to who asks for that (UDP_GRO of udp(7)).
#pragma once

#include "postern/wire/udp_frame.h"

namespace postern::wire {

/// With this much data every superframe fits in IpPacket::kMaxBytes.
inline constexpr size_t kMaxUdpSuperframeData = IpPacket::kMaxBytes - IpPacket::kHeaderBytes6 - UdpDatagram::kHeaderBytes;
/// As many datagrams as every kernel takes in one: UDP_MAX_SEGMENTS, which was doubled in Linux 6.9.
inline constexpr size_t kMaxUdpSegments = 64;

/// For `payload_bytes` of data, at most kMaxUdpSuperframeData, in datagrams of `segment_bytes` (at least 1, below 65 535), the
/// last one shorter. `room` holds kMaxUdpFrameHeaders. The checksum is left to the kernel. Returns the bytes written.
size_t store_udp_superframe(MutableBytes room, const UdpFrame& frame, size_t payload_bytes, size_t segment_bytes);

}  // namespace postern::wire
