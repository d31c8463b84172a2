// ip_header.cpp - where IPv4 and IPv6 headers are written.
#include "postern/wire/checksum.h"
#include "postern/wire/ip.h"

namespace postern::wire {

namespace {

size_t store_header_v4(MutableBytes room, const IpHeader& header, size_t payload_bytes) {
  constexpr uint16_t kVersionAndLength = 0x4500, kDontFragment = 0x4000, kMoreFragments = 0x2000;
  const MutableBytes out = room.first(IpPacket::kMinHeaderBytes4);
  store16(out, 0, kVersionAndLength | header.traffic_class);
  store16(out, ipv4_field::total_length, static_cast<uint16_t>(out.size() + payload_bytes));
  store16(out, ipv4_field::id, header.fragment ? static_cast<uint16_t>(header.fragment->id) : header.id);
  store16(out, 6, kDontFragment);
  if (const auto& fragment = header.fragment) {
    store16(out, 6, static_cast<uint16_t>(fragment->offset_bytes / 8 | (fragment->more ? kMoreFragments : 0)));
  }
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
  constexpr uint8_t kFragmentHeader = 44;  // RFC 8200 4.5
  const size_t extension_bytes = header.fragment ? IpPacket::kFragmentHeaderBytes6 : 0;
  const MutableBytes out = room.first(IpPacket::kHeaderBytes6 + extension_bytes);
  store32(out, 0, kVersion | uint32_t{header.traffic_class} << 20);
  store16(out, ipv6_field::payload_length, static_cast<uint16_t>(extension_bytes + payload_bytes));
  out[6] = header.fragment ? kFragmentHeader : static_cast<uint8_t>(header.protocol);
  out[7] = IpHeader::kHopLimit;
  store_octets(out, 8, std::get<Ipv6>(header.source));
  store_octets(out, 24, std::get<Ipv6>(header.destination));
  if (const auto& fragment = header.fragment) {
    const MutableBytes extension = out.subspan(IpPacket::kHeaderBytes6);
    store16(extension, 0, static_cast<uint16_t>(static_cast<unsigned>(header.protocol) << 8));
    store16(extension, 2, static_cast<uint16_t>(fragment->offset_bytes | (fragment->more ? 1 : 0)));  // in units of 8, at bit 3
    store32(extension, 4, fragment->id);
  }
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
