#include "postern/wire/udp_superframe.h"

#include "postern/base/assert.h"
#include "postern/wire/checksum.h"

namespace postern::wire {

size_t store_udp_superframe(MutableBytes room, const UdpFrame& frame, size_t payload_bytes, size_t segment_bytes) {
  POSTERN_ASSERT(room.size() >= kMaxUdpFrameHeaders && payload_bytes <= kMaxUdpSuperframeData);
  const MutableBytes ethernet = room.subspan(VnetHeader::kBytes);
  const bool v4 = std::holds_alternative<Ipv4>(frame.source);
  const size_t udp_bytes = UdpDatagram::kHeaderBytes + payload_bytes;
  store_ethernet_header(ethernet, frame.destination_mac, frame.source_mac, v4 ? EtherType::ipv4 : EtherType::ipv6);
  const IpHeader ip{.source = frame.source, .destination = frame.destination, .protocol = Protocol::udp};
  const size_t udp_start =
      EthernetFrame::kHeaderBytes + store_ip_header(ethernet.subspan(EthernetFrame::kHeaderBytes), ip, udp_bytes);
  const MutableBytes udp = ethernet.subspan(udp_start, UdpDatagram::kHeaderBytes);
  store16(udp, 0, frame.source_port.number);
  store16(udp, 2, frame.destination_port.number);
  store16(udp, 4, static_cast<uint16_t>(udp_bytes));
  VnetHeader vnet =
      leave_udp_checksum(ethernet, udp_start, pseudo_header(frame.source, frame.destination, Protocol::udp, udp_bytes));
  vnet.header_bytes = static_cast<uint16_t>(udp_start + UdpDatagram::kHeaderBytes);
  if (payload_bytes > segment_bytes) {
    vnet.gso = VnetHeader::Gso::udp;
    vnet.segment_bytes = static_cast<uint16_t>(segment_bytes);
  }
  vnet.store(room);
  return VnetHeader::kBytes + vnet.header_bytes;
}

}  // namespace postern::wire
