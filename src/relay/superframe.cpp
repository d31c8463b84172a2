#include "superframe.h"

#include <algorithm>
#include <cstring>

#include "postern/wire/checksum.h"
#include "postern/wire/ethernet.h"
#include "postern/wire/ip.h"

namespace postern::relay {

namespace {

using wire::Bytes;
using wire::EthernetFrame;
using wire::IpPacket;
using wire::MutableBytes;
using wire::TcpSegment;
using wire::VnetHeader;
namespace ipv4_field = wire::ipv4_field;
namespace ipv6_field = wire::ipv6_field;
namespace tcp_field = wire::tcp_field;

constexpr size_t kIpStart = EthernetFrame::kHeaderBytes;
constexpr size_t kMaxFrameBytes = kIpStart + IpPacket::kMaxBytes;
constexpr size_t kHeaderBytes4 = kIpStart + IpPacket::kMinHeaderBytes4 + TcpSegment::kMinHeaderBytes;
constexpr size_t kHeaderBytes6 = kIpStart + IpPacket::kHeaderBytes6 + TcpSegment::kMinHeaderBytes;

VnetHeader leave_checksum_to_kernel(MutableBytes headers, size_t tcp_start, size_t tcp_bytes) {
  const bool is_v4 = tcp_start == kIpStart + IpPacket::kMinHeaderBytes4;
  const auto address = [&](size_t at4, size_t at6) -> IpAddress {
    const uint8_t* bytes = headers.data() + kIpStart + (is_v4 ? at4 : at6);
    in_addr v4;
    in6_addr v6;
    if (is_v4) return Ipv4::from_wire(*static_cast<in_addr*>(std::memcpy(&v4, bytes, sizeof v4)));
    return Ipv6::from_wire(*static_cast<in6_addr*>(std::memcpy(&v6, bytes, sizeof v6)));
  };
  const auto pseudo = wire::pseudo_header(address(12, 8), address(16, 24), wire::Protocol::tcp, tcp_bytes);
  return wire::leave_tcp_checksum(headers, tcp_start, pseudo);
}

bool same(Bytes a, Bytes b, size_t from, size_t to) {
  return std::ranges::equal(a.subspan(from, to - from), b.subspan(from, to - from));
}

}  // namespace

struct Superframe::Segment {
  Bytes frame;  // without padding
  size_t header_bytes;
  TcpSegment tcp;

  bool is_v4() const { return header_bytes == kHeaderBytes4; }
  size_t tcp_start() const { return header_bytes - TcpSegment::kMinHeaderBytes; }
  bool is_pushed() const { return tcp.has(wire::tcp_flag::psh); }
};

Superframe::Superframe() : bytes_(std::make_unique_for_overwrite<uint8_t[]>(VnetHeader::kBytes + kMaxFrameBytes)) {}

bool Superframe::parse(Bytes frame, Segment& segment) {
  const auto ethernet = EthernetFrame::parse(frame);
  const auto ip = ethernet ? IpPacket::parse(ethernet->payload) : std::nullopt;
  if (!ip || ip->protocol != wire::Protocol::tcp || ip->fragment) return false;
  const auto tcp = TcpSegment::parse(ip->payload);
  if (!tcp || tcp->payload.empty() || !tcp->options.empty()) return false;
  if ((tcp->flags | wire::tcp_flag::psh) != (wire::tcp_flag::ack | wire::tcp_flag::psh)) return false;
  const size_t headers = kIpStart + ip->header.size() + TcpSegment::kMinHeaderBytes;
  if (headers != (ip->is_v4() ? kHeaderBytes4 : kHeaderBytes6)) return false;  // IP options, extension headers
  segment = {frame.first(kIpStart + ip->whole().size()), headers, *tcp};
  return true;
}

bool Superframe::add(Bytes frame) {
  Segment segment{};
  if (!parse(frame, segment)) return false;
  if (empty()) return begin(segment);
  if (!continues(segment)) return false;
  std::copy(segment.tcp.payload.begin(), segment.tcp.payload.end(), bytes_.get() + VnetHeader::kBytes + size_);
  size_ += segment.tcp.payload.size();
  next_sequence_ += static_cast<uint32_t>(segment.tcp.payload.size());
  ++segments_;
  if (segment.is_pushed()) this->frame()[segment.tcp_start() + tcp_field::flags] |= wire::tcp_flag::psh;
  complete_ = segment.is_pushed() || segment.tcp.payload.size() < segment_bytes_;
  return true;
}

bool Superframe::begin(const Segment& segment) {
  std::copy(segment.frame.begin(), segment.frame.end(), bytes_.get() + VnetHeader::kBytes);
  size_ = segment.frame.size();
  header_bytes_ = segment.header_bytes;
  segment_bytes_ = segment.tcp.payload.size();
  next_sequence_ = segment.tcp.sequence + static_cast<uint32_t>(segment_bytes_);
  segments_ = 1;
  complete_ = segment.is_pushed();
  return true;
}

/// All of the headers is equal but what must differ: lengths, checksums, IPv4's identification, the sequence number, PSH.
bool Superframe::continues(const Segment& segment) const {
  if (complete_ || segment.header_bytes != header_bytes_ || segment.tcp.sequence != next_sequence_) return false;
  if (segment.tcp.payload.size() > segment_bytes_ || size_ + segment.tcp.payload.size() > kMaxFrameBytes) return false;
  const Bytes ours = frame(), theirs = segment.frame;
  const size_t tcp = segment.tcp_start();
  const bool same_ip = segment.is_v4() ? same(ours, theirs, 0, kIpStart + ipv4_field::total_length) &&
                                             same(ours, theirs, kIpStart + ipv4_field::id + 2, kIpStart + ipv4_field::checksum) &&
                                             same(ours, theirs, kIpStart + ipv4_field::checksum + 2, tcp)
                                       : same(ours, theirs, 0, kIpStart + ipv6_field::payload_length) &&
                                             same(ours, theirs, kIpStart + ipv6_field::payload_length + 2, tcp);
  return same_ip && same(ours, theirs, tcp, tcp + tcp_field::sequence) &&
         same(ours, theirs, tcp + tcp_field::acknowledgment, tcp + tcp_field::flags) &&
         same(ours, theirs, tcp + tcp_field::window, tcp + tcp_field::checksum);
}

std::optional<Superframe::Parts> Superframe::alone(Bytes frame) {
  Segment segment{};
  if (!parse(frame, segment)) return std::nullopt;
  std::copy_n(segment.frame.begin(), segment.header_bytes, bytes_.get() + VnetHeader::kBytes);
  const MutableBytes headers{bytes_.get() + VnetHeader::kBytes, segment.header_bytes};
  const size_t tcp_bytes = segment.frame.size() - segment.tcp_start();
  leave_checksum_to_kernel(headers, segment.tcp_start(), tcp_bytes).store({bytes_.get(), VnetHeader::kBytes});
  return Parts{Bytes{bytes_.get(), VnetHeader::kBytes + headers.size()}, segment.tcp.payload};
}

/// One segment is a frame with a right checksum already. Several need lengths, and leave the checksum to the kernel.
void Superframe::seal() {
  VnetHeader vnet;
  if (segments_ > 1) {
    const MutableBytes packet = frame().subspan(kIpStart);
    const bool is_v4 = header_bytes_ == kHeaderBytes4;
    const size_t tcp_start = header_bytes_ - TcpSegment::kMinHeaderBytes;
    wire::store_ip_length(packet);
    vnet = leave_checksum_to_kernel(frame(), tcp_start, packet.size() - (tcp_start - kIpStart));
    vnet.gso = is_v4 ? VnetHeader::Gso::tcp4 : VnetHeader::Gso::tcp6;
    vnet.header_bytes = static_cast<uint16_t>(header_bytes_);
    vnet.segment_bytes = static_cast<uint16_t>(segment_bytes_);
  }
  vnet.store({bytes_.get(), VnetHeader::kBytes});
}

Bytes Superframe::finish() {
  seal();
  const Bytes whole{bytes_.get(), VnetHeader::kBytes + size_};
  size_ = 0;
  return whole;
}

}  // namespace postern::relay
