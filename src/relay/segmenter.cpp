#include "segmenter.h"

#include <algorithm>

#include "postern/wire/checksum.h"
#include "postern/wire/ip.h"
#include "postern/wire/tcp.h"
#include "postern/wire/vnet_header.h"

namespace postern::relay {

namespace {

using wire::Bytes;
using wire::EthernetFrame;
using wire::IpPacket;
using wire::MutableBytes;
using wire::TcpSegment;
namespace ipv4_field = wire::ipv4_field;
namespace tcp_field = wire::tcp_field;
namespace tcp_flag = wire::tcp_flag;

constexpr size_t kIpStart = EthernetFrame::kHeaderBytes;

/// Right, or left to us. Ones' complement has two zeros.
bool may_be_made_anew(const IpPacket& packet) {
  const uint64_t pseudo = wire::pseudo_header(packet.source, packet.destination, packet.protocol, packet.payload.size());
  const uint16_t field = wire::load16(packet.payload, tcp_field::checksum);
  const auto left_to_us = static_cast<uint16_t>(~wire::finish(pseudo));
  return field % 0xffff == left_to_us % 0xffff || wire::finish(wire::sum(packet.payload, pseudo)) == 0;
}

bool is_plain(const TcpSegment& tcp) {
  return !tcp.has(tcp_flag::syn | tcp_flag::rst | tcp_flag::urg);  // what they say holds for one place in the stream
}

}  // namespace

Segmenter::Segmenter(MutableBytes frame, size_t mtu_bytes) : frame_(frame), layout_(plan(frame, mtu_bytes)) {
  if (!layout_) return;
  std::copy_n(frame.begin(), layout_->data_start, headers_.begin());
  at_ = layout_->data_start;
}

std::optional<Segmenter::Layout> Segmenter::plan(Bytes frame, size_t mtu_bytes) {
  if (frame.size() <= kIpStart + mtu_bytes) return std::nullopt;
  const auto ethernet = EthernetFrame::parse(frame);
  const auto ip = ethernet ? IpPacket::parse(ethernet->payload) : std::nullopt;
  if (!ip || ip->protocol != wire::Protocol::tcp || ip->fragment || ip->extension_headers) return std::nullopt;
  const auto tcp = TcpSegment::parse(ip->payload);
  const size_t bytes = ip->whole().size();
  if (!tcp || bytes <= mtu_bytes || !is_plain(*tcp)) return std::nullopt;
  const size_t header_bytes = bytes - tcp->payload.size();
  if (header_bytes + kMinDataBytes > mtu_bytes || !may_be_made_anew(*ip)) return std::nullopt;
  return Layout{.tcp_start = kIpStart + ip->header.size(),
                .data_start = kIpStart + header_bytes,
                .data_end = kIpStart + bytes,
                .segment_bytes = mtu_bytes - header_bytes};
}

std::optional<MutableBytes> Segmenter::next() {
  if (done_) return std::nullopt;
  if (layout_) return cut();
  done_ = true;
  return frame_;
}

MutableBytes Segmenter::cut() {
  const size_t data_bytes = std::min(layout_->segment_bytes, layout_->data_end - at_);
  const MutableBytes segment = frame_.subspan(at_ - layout_->data_start, layout_->data_start + data_bytes);
  const size_t offset = at_ - layout_->data_start;
  at_ += data_bytes;
  done_ = at_ == layout_->data_end;
  mend(segment, offset, done_);
  return segment;
}

/// Writes the headers of the segment whose data stand `offset` bytes behind the first's.
void Segmenter::mend(MutableBytes segment, size_t offset, bool is_last) const {
  std::copy_n(headers_.begin(), layout_->data_start, segment.begin());
  const MutableBytes packet = segment.subspan(kIpStart), tcp = segment.subspan(layout_->tcp_start);
  if (!is_last) tcp[tcp_field::flags] &= static_cast<uint8_t>(~(tcp_flag::fin | tcp_flag::psh));
  if (offset != 0) tcp[tcp_field::flags] &= static_cast<uint8_t>(~tcp_flag::cwr);  // said once, RFC 3168 6.1.2
  wire::store32(tcp, tcp_field::sequence, wire::load32(tcp, tcp_field::sequence) + static_cast<uint32_t>(offset));
  if (packet[0] >> 4 == 4) {
    const size_t index = offset / layout_->segment_bytes;
    wire::store16(packet, ipv4_field::id, static_cast<uint16_t>(wire::load16(packet, ipv4_field::id) + index));
  }
  wire::store_ip_length(packet);
  wire::complete_checksum(segment);
}

}  // namespace postern::relay
