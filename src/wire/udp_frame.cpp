#include "postern/wire/udp_frame.h"

#include "postern/base/assert.h"
#include "postern/wire/checksum.h"

namespace postern::wire {

namespace {

constexpr size_t kFragmentUnit = 8;  // RFC 791 3.1, RFC 8200 4.5

}  // namespace

UdpFrames::UdpFrames(const UdpFrame& datagram, Bytes data, size_t mtu_bytes, VnetHeaders vnet)
    : datagram_(datagram), data_(data), vnet_(vnet) {
  POSTERN_ASSERT(data.size() <= kMaxUdpData);
  const size_t header_bytes = is_v4() ? IpPacket::kMinHeaderBytes4 : IpPacket::kHeaderBytes6;
  const size_t of_fragment = header_bytes + (is_v4() ? 0 : IpPacket::kFragmentHeaderBytes6);
  POSTERN_ASSERT(mtu_bytes >= of_fragment + 2 * kFragmentUnit && mtu_bytes <= IpPacket::kMaxBytes);
  is_whole_ = header_bytes + transport_bytes() <= mtu_bytes;
  most_in_fragment_ = (mtu_bytes - of_fragment) / kFragmentUnit * kFragmentUnit;
}

std::optional<UdpFrames::Piece> UdpFrames::next(MutableBytes room) {
  POSTERN_ASSERT(room.size() >= kMaxUdpFrameHeaders);
  if (written_ == transport_bytes()) return std::nullopt;
  const size_t left = transport_bytes() - written_;
  const size_t bytes = is_whole_ ? left : std::min(left, most_in_fragment_);
  const bool is_first = written_ == 0;

  IpHeader ip{.source = datagram_.source, .destination = datagram_.destination, .protocol = Protocol::udp};
  if (!is_whole_ || is_v4()) {
    ip.fragment = Fragment{.id = datagram_.ip_id, .offset_bytes = static_cast<uint16_t>(written_), .more = bytes < left};
  }
  const size_t vnet_bytes = vnet_ == VnetHeaders::present ? VnetHeader::kBytes : 0;
  const MutableBytes frame = room.subspan(vnet_bytes);
  store_ethernet_header(frame, datagram_.destination_mac, datagram_.source_mac, is_v4() ? EtherType::ipv4 : EtherType::ipv6);
  size_t end = EthernetFrame::kHeaderBytes;
  end += store_ip_header(frame.subspan(end), ip, bytes);
  VnetHeader vnet;
  if (is_first) end += store_udp_header(frame, end, vnet);
  if (vnet_bytes != 0) vnet.store(room);

  const size_t data_begin = is_first ? 0 : written_ - UdpDatagram::kHeaderBytes;
  const size_t data_bytes = is_first ? bytes - UdpDatagram::kHeaderBytes : bytes;
  written_ += bytes;
  return Piece{vnet_bytes + end, data_.subspan(data_begin, data_bytes)};
}

/// The checksum of a datagram in fragments nobody else can make: it covers all of them.
size_t UdpFrames::store_udp_header(MutableBytes frame, size_t start, VnetHeader& vnet) const {
  const MutableBytes udp = frame.subspan(start, UdpDatagram::kHeaderBytes);
  store16(udp, 0, datagram_.source_port.number);
  store16(udp, 2, datagram_.destination_port.number);
  store16(udp, 4, static_cast<uint16_t>(transport_bytes()));
  store16(udp, UdpDatagram::kChecksum, 0);
  const uint64_t pseudo = pseudo_header(datagram_.source, datagram_.destination, Protocol::udp, transport_bytes());
  if (is_whole_ && vnet_ == VnetHeaders::present) {
    vnet = leave_udp_checksum(frame, start, pseudo);
    return udp.size();
  }
  const uint16_t checksum = finish(sum(data_, sum(udp, pseudo)));
  store16(udp, UdpDatagram::kChecksum, checksum == 0 ? 0xffff : checksum);  // RFC 768: zero would mean that there is none
  return udp.size();
}

}  // namespace postern::wire
