#include "datagram_writer.h"

#include <algorithm>

#include "postern/base/assert.h"

namespace postern::relay {

namespace {

constexpr std::array<uint8_t, wire::VnetHeader::kBytes> kNothingSpecial{};

size_t ip_header_bytes(const IpAddress& address) {
  return std::holds_alternative<Ipv4>(address) ? wire::IpPacket::kMinHeaderBytes4 : wire::IpPacket::kHeaderBytes6;
}

iovec to_iovec(wire::Bytes bytes) { return {const_cast<uint8_t*>(bytes.data()), bytes.size()}; }

size_t bytes_of(std::span<const iovec> pieces) {
  size_t bytes = 0;
  for (const iovec& piece : pieces) bytes += piece.iov_len;
  return bytes;
}

}  // namespace

void DatagramWriter::udp(const wire::UdpFrame& frame, std::span<const iovec> payload, size_t segment_bytes) {
  const size_t headers = ip_header_bytes(frame.source) + wire::UdpDatagram::kHeaderBytes;
  const size_t bytes = bytes_of(payload);
  const bool knows_superframes = tap_.mode().offload >= netns::Offload::tcp_and_udp;
  const bool fits = headers + segment_bytes <= mtu_bytes_ && bytes <= wire::kMaxUdpSuperframeData;
  if (bytes > segment_bytes && knows_superframes && fits) return superframe(frame, payload, segment_bytes);
  for (const iovec& piece : payload) {
    size_t at = 0;
    do {
      const size_t some = std::min(segment_bytes, piece.iov_len - at);
      one(frame, {static_cast<const uint8_t*>(piece.iov_base) + at, some});
      at += some;
    } while (at < piece.iov_len);
  }
}

void DatagramWriter::superframe(const wire::UdpFrame& frame, std::span<const iovec> payload, size_t segment_bytes) {
  POSTERN_ASSERT(payload.size() <= kMostPieces);
  std::array<uint8_t, wire::kMaxUdpFrameHeaders> headers;
  std::array<iovec, kMostPieces + 1> parts;
  parts[0] = {headers.data(), wire::store_udp_superframe(headers, frame, bytes_of(payload), segment_bytes)};
  std::ranges::copy(payload, parts.begin() + 1);
  write(std::span(parts).first(payload.size() + 1));
}

void DatagramWriter::one(const wire::UdpFrame& frame, wire::Bytes data) {
  using wire::VnetHeaders;
  if (data.size() > wire::kMaxUdpData) return;  // some bytes more than IPv4 can say: IPv6 could
  wire::UdpFrame numbered = frame;
  numbered.ip_id = next_id_++;
  wire::UdpFrames frames(numbered, data, mtu_bytes_, has_vnet() ? VnetHeaders::present : VnetHeaders::absent);
  std::array<uint8_t, wire::kMaxUdpFrameHeaders> headers;
  while (const auto piece = frames.next(headers)) {
    const std::array<iovec, 2> parts = {iovec{headers.data(), piece->header_bytes}, to_iovec(piece->data)};
    write(std::span(parts).first(piece->data.empty() ? 1 : 2));
  }
}

/// All fragments but the last in multiples of 8 bytes, RFC 791 3.1.
void DatagramWriter::packet(const Packet& packet, wire::Bytes payload) {
  const bool v4 = std::holds_alternative<Ipv4>(packet.ip.source);
  const size_t room = mtu_bytes_ - ip_header_bytes(packet.ip.source);
  const size_t most = payload.size() <= room ? room : (room - (v4 ? 0 : wire::IpPacket::kFragmentHeaderBytes6)) / 8 * 8;
  wire::IpHeader ip = packet.ip;
  const uint32_t id = next_id_++;
  for (size_t at = 0; at < payload.size(); at += most) {
    const wire::Bytes part = payload.subspan(at, std::min(most, payload.size() - at));
    if (payload.size() > room) ip.fragment = wire::Fragment{id, static_cast<uint16_t>(at), at + part.size() < payload.size()};
    std::array<uint8_t, wire::EthernetFrame::kHeaderBytes + wire::IpPacket::kHeaderBytes6 + wire::IpPacket::kFragmentHeaderBytes6>
        headers;
    wire::store_ethernet_header(headers, packet.destination_mac, packet.source_mac,
                                v4 ? wire::EtherType::ipv4 : wire::EtherType::ipv6);
    constexpr size_t kEthernet = wire::EthernetFrame::kHeaderBytes;
    const size_t bytes = kEthernet + wire::store_ip_header(wire::MutableBytes(headers).subspan(kEthernet), ip, part.size());
    const std::array<iovec, 3> parts = {to_iovec(kNothingSpecial), {headers.data(), bytes}, to_iovec(part)};
    write(std::span(parts).subspan(has_vnet() ? 0 : 1));
  }
}

void DatagramWriter::frame(wire::Bytes frame) {
  const std::array<iovec, 2> parts = {to_iovec(kNothingSpecial), to_iovec(frame)};
  write(std::span(parts).subspan(has_vnet() ? 0 : 1));
}

void DatagramWriter::write(std::span<const iovec> parts) {
  tap_.write(parts);
  ++frames_;
}

}  // namespace postern::relay
