#include "postern/wire/vnet_header.h"

#include <cstring>

#include "postern/wire/checksum.h"
#include "postern/wire/ethernet.h"
#include "postern/wire/ip.h"
#include "postern/wire/tcp.h"
#include "postern/wire/udp.h"

namespace postern::wire {

namespace {

/// struct virtio_net_hdr: <linux/virtio_net.h> has a member named "class".
struct Raw {
  uint8_t flags;
  uint8_t gso_type;
  uint16_t hdr_len;
  uint16_t gso_size;
  uint16_t csum_start;
  uint16_t csum_offset;
};
static_assert(sizeof(Raw) == VnetHeader::kBytes);

constexpr uint8_t kNeedsChecksum = 1;  // VIRTIO_NET_HDR_F_NEEDS_CSUM
constexpr uint8_t kGsoEcn = 0x80;      // VIRTIO_NET_HDR_GSO_ECN

VnetHeader leave_checksum(MutableBytes frame, size_t start, size_t field, uint64_t pseudo) {
  store16(frame, start + field, static_cast<uint16_t>(~finish(pseudo)));
  return {
      .needs_checksum = true, .checksum_start = static_cast<uint16_t>(start), .checksum_offset = static_cast<uint16_t>(field)};
}

}  // namespace

std::optional<VnetHeader> VnetHeader::parse(Bytes frame) {
  if (frame.size() < kBytes) return std::nullopt;
  Raw raw;
  std::memcpy(&raw, frame.data(), sizeof raw);
  return VnetHeader{(raw.flags & kNeedsChecksum) != 0,
                    static_cast<Gso>(raw.gso_type & ~kGsoEcn),
                    raw.hdr_len,
                    raw.gso_size,
                    raw.csum_start,
                    raw.csum_offset};
}

void VnetHeader::store(MutableBytes frame) const {
  Raw raw{};
  raw.flags = needs_checksum ? kNeedsChecksum : 0;
  raw.gso_type = static_cast<uint8_t>(gso);
  raw.hdr_len = header_bytes;
  raw.gso_size = segment_bytes;
  raw.csum_start = checksum_start;
  raw.csum_offset = checksum_offset;
  std::memcpy(frame.data(), &raw, sizeof raw);
}

VnetHeader leave_tcp_checksum(MutableBytes frame, size_t tcp_start, uint64_t pseudo) {
  return leave_checksum(frame, tcp_start, tcp_field::checksum, pseudo);
}

VnetHeader leave_udp_checksum(MutableBytes frame, size_t udp_start, uint64_t pseudo) {
  return leave_checksum(frame, udp_start, UdpDatagram::kChecksum, pseudo);
}

void complete_checksum(MutableBytes frame) {
  const auto ethernet = EthernetFrame::parse(frame);
  const auto ip = ethernet ? IpPacket::parse(ethernet->payload) : std::nullopt;
  if (!ip || ip->fragment) return;
  const bool tcp = ip->protocol == Protocol::tcp && TcpSegment::parse(ip->payload);
  const bool udp = ip->protocol == Protocol::udp && UdpDatagram::parse(ip->payload);
  if (!tcp && !udp) return;
  const size_t start = EthernetFrame::kHeaderBytes + ip->header.size();
  const size_t field = start + (tcp ? tcp_field::checksum : UdpDatagram::kChecksum);
  store16(frame, field, 0);
  const uint16_t checksum =
      finish(sum(ip->payload, pseudo_header(ip->source, ip->destination, ip->protocol, ip->payload.size())));
  store16(frame, field, udp && checksum == 0 ? 0xffff : checksum);  // RFC 768: zero would mean that there is none
}

}  // namespace postern::wire
