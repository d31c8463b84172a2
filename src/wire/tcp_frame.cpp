#include "postern/wire/tcp_frame.h"

#include "postern/base/assert.h"
#include "postern/wire/checksum.h"

namespace postern::wire {

namespace {

/// From Ethernet on, with zero for TCP's checksum.
struct Headers {
  size_t tcp_start;  // from the frame's first byte
  size_t bytes;      // of all of them
  uint64_t pseudo;   // sum of the pseudo header
};

void store_tcp_header(MutableBytes tcp, const TcpFrame& frame) {
  store16(tcp, 0, frame.source_port.number);
  store16(tcp, 2, frame.destination_port.number);
  store32(tcp, tcp_field::sequence, frame.sequence);
  store32(tcp, tcp_field::acknowledgment, frame.acknowledgment);
  tcp[tcp_field::data_offset] = static_cast<uint8_t>(tcp.size() / 4 << 4);
  tcp[tcp_field::flags] = frame.flags;
  store16(tcp, tcp_field::window, frame.window);
  store16(tcp, tcp_field::checksum, 0);
  store16(tcp, tcp_field::urgent_pointer, 0);
  std::copy(frame.options.begin(), frame.options.end(), tcp.data() + TcpSegment::kMinHeaderBytes);
}

Headers store_headers(MutableBytes room, const TcpFrame& frame, size_t payload_bytes) {
  const bool is_v4 = std::holds_alternative<Ipv4>(frame.source);
  const size_t tcp_header_bytes = TcpSegment::kMinHeaderBytes + frame.options.size();
  const size_t tcp_bytes = tcp_header_bytes + payload_bytes;
  const IpHeader ip{.source = frame.source, .destination = frame.destination, .protocol = Protocol::tcp, .id = frame.ip_id};
  store_ethernet_header(room, frame.destination_mac, frame.source_mac, is_v4 ? EtherType::ipv4 : EtherType::ipv6);
  const size_t ip_start = EthernetFrame::kHeaderBytes;
  const size_t tcp_start = ip_start + store_ip_header(room.subspan(ip_start), ip, tcp_bytes);
  store_tcp_header(room.subspan(tcp_start, tcp_header_bytes), frame);
  return {.tcp_start = tcp_start,
          .bytes = tcp_start + tcp_header_bytes,
          .pseudo = pseudo_header(frame.source, frame.destination, Protocol::tcp, tcp_bytes)};
}

/// What would write beyond the room, or say a length modulo 65 536.
void check(MutableBytes room, const TcpFrame& frame, size_t payload_bytes) {
  POSTERN_ASSERT(room.size() >= kMaxTcpFrameHeaders);
  POSTERN_ASSERT(frame.options.size() <= kMaxTcpOptionBytes && payload_bytes <= IpPacket::kMaxBytes);
}

}  // namespace

size_t store_tcp_headers(MutableBytes room, const TcpFrame& frame, size_t payload_bytes, size_t segment_bytes) {
  check(room, frame, payload_bytes);
  const MutableBytes ethernet = room.subspan(VnetHeader::kBytes);
  const Headers headers = store_headers(ethernet, frame, payload_bytes);
  VnetHeader vnet = leave_tcp_checksum(ethernet, headers.tcp_start, headers.pseudo);
  vnet.header_bytes = static_cast<uint16_t>(headers.bytes);
  if (payload_bytes > segment_bytes) {
    vnet.gso = std::holds_alternative<Ipv4>(frame.source) ? VnetHeader::Gso::tcp4 : VnetHeader::Gso::tcp6;
    vnet.segment_bytes = static_cast<uint16_t>(segment_bytes);
  }
  vnet.store(room);
  return VnetHeader::kBytes + headers.bytes;
}

size_t store_tcp_headers_complete(MutableBytes room, const TcpFrame& frame, Bytes payload) {
  check(room, frame, payload.size());
  const Headers headers = store_headers(room, frame, payload.size());
  const Bytes tcp = room.subspan(headers.tcp_start, headers.bytes - headers.tcp_start);
  store16(room, headers.tcp_start + tcp_field::checksum, finish(sum(payload, sum(tcp, headers.pseudo))));
  return headers.bytes;
}

}  // namespace postern::wire
