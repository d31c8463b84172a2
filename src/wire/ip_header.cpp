// ip_header.cpp - where IPv4 and IPv6 headers are written.
#include "postern/wire/checksum.h"
#include "postern/wire/ip.h"

namespace postern::wire {

namespace {

size_t store_header_v4(MutableBytes room, const IpHeader& header, size_t payload_bytes) {
  constexpr uint16_t kVersionAndLength = 0x4500, kDontFragment = 0x4000;
  const MutableBytes out = room.first(IpPacket::kMinHeaderBytes4);
  store16(out, 0, kVersionAndLength | header.traffic_class);
  store16(out, ipv4_field::total_length, static_cast<uint16_t>(out.size() + payload_bytes));
  store16(out, ipv4_field::id, header.id);
  store16(out, 6, kDontFragment);
  out[8] = IpHeader::kHopLimit;
  out[9] = static_cast<uint8_t>(header.protocol);
  store16(out, ipv4_field::checksum, 0);
  store32(out, 12, std::get<Ipv4>(header.source).bits);
  store32(out, 16, std::get<Ipv4>(header.destination).bits);
  store16(out, ipv4_field::checksum, finish(sum(out)));
  return out.size();
}

size_t store_header_v6(MutableBytes room, const IpHeader& header, size_t payload_bytes) {
  constexpr uint32_t kVersion = 6u << 28;
  const MutableBytes out = room.first(IpPacket::kHeaderBytes6);
  store32(out, 0, kVersion | uint32_t{header.traffic_class} << 20);
  store16(out, ipv6_field::payload_length, static_cast<uint16_t>(payload_bytes));
  out[6] = static_cast<uint8_t>(header.protocol);
  out[7] = IpHeader::kHopLimit;
  store_octets(out, 8, std::get<Ipv6>(header.source));
  store_octets(out, 24, std::get<Ipv6>(header.destination));
  return out.size();
}

}  // namespace

size_t store_ip_header(MutableBytes room, const IpHeader& header, size_t payload_bytes) {
  const bool is_v4 = std::holds_alternative<Ipv4>(header.source);
  return is_v4 ? store_header_v4(room, header, payload_bytes) : store_header_v6(room, header, payload_bytes);
}

void store_ip_length(MutableBytes packet) {
  if (packet[0] >> 4 == 6) {
    return store16(packet, ipv6_field::payload_length, static_cast<uint16_t>(packet.size() - IpPacket::kHeaderBytes6));
  }
  store16(packet, ipv4_field::total_length, static_cast<uint16_t>(packet.size()));
  store16(packet, ipv4_field::checksum, 0);
  store16(packet, ipv4_field::checksum, finish(sum(packet.first((packet[0] & 15) * size_t{4}))));
}

}  // namespace postern::wire
