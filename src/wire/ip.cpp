// ip.cpp - where IPv4 and IPv6 headers are taken apart. Each loop over options ends by construction: every step moves on.
#include "postern/wire/ip.h"

#include "postern/wire/checksum.h"

namespace postern::wire {

namespace {

/// Whether the IPv4 options hold a source route; nullopt if one does not fit. RFC 791 3.1.
std::optional<bool> find_source_route(Bytes options) {
  constexpr uint8_t kEnd = 0, kNoOperation = 1, kLooseSourceRoute = 131, kStrictSourceRoute = 137;
  bool found = false;
  while (!options.empty() && options[0] != kEnd) {
    if (options[0] == kNoOperation) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2 || options[1] < 2 || options[1] > options.size()) return std::nullopt;
    found |= options[0] == kLooseSourceRoute || options[0] == kStrictSourceRoute;
    options = options.subspan(options[1]);
  }
  return found;
}

std::optional<IpPacket> parse_v4(Bytes packet) {
  if (packet.size() < IpPacket::kMinHeaderBytes4) return std::nullopt;
  const size_t header_bytes = (packet[0] & 15) * size_t{4};
  const size_t total_bytes = load16(packet, 2);
  if (header_bytes < IpPacket::kMinHeaderBytes4 || header_bytes > total_bytes || total_bytes > packet.size()) return std::nullopt;
  const uint16_t fragment_field = load16(packet, 6);
  if (fragment_field & 0x8000) return std::nullopt;  // reserved, must be zero
  const auto source_route = find_source_route(packet.subspan(20, header_bytes - 20));
  if (!source_route) return std::nullopt;

  IpPacket result{.source = Ipv4{load32(packet, 12)},
                  .destination = Ipv4{load32(packet, 16)},
                  .protocol = Protocol{packet[9]},
                  .hop_limit = packet[8],
                  .header = packet.first(header_bytes),
                  .payload = packet.subspan(header_bytes, total_bytes - header_bytes),
                  .fragment = std::nullopt,
                  .source_route = *source_route};
  const bool more = (fragment_field & 0x2000) != 0;
  const auto offset_bytes = static_cast<uint16_t>((fragment_field & 0x1fff) * 8);
  if (more || offset_bytes != 0) result.fragment = Fragment{load16(packet, 4), offset_bytes, more};
  return result;
}

/// Moves one extension header from the payload to the header. False if it does not fit. RFC 8200 4.
bool step_over_extension(IpPacket& packet, Bytes whole) {
  constexpr Protocol kRouting{43}, kFragment{44};
  const Bytes extension = packet.payload;
  if (extension.size() < 8) return false;
  size_t bytes = 8;
  if (packet.protocol == kFragment) {
    const uint16_t field = load16(extension, 2);
    packet.fragment = Fragment{load32(extension, 4), static_cast<uint16_t>(field & 0xfff8), (field & 1) != 0};
  } else {
    bytes += extension[1] * size_t{8};
  }
  if (bytes > extension.size()) return false;
  packet.source_route |= packet.protocol == kRouting;  // RFC 5095 forbids type 0; we have no use for the others
  packet.extension_headers = true;
  packet.protocol = Protocol{extension[0]};
  packet.header = whole.first(packet.header.size() + bytes);
  packet.payload = extension.subspan(bytes);
  return true;
}

bool is_extension(Protocol protocol) {
  constexpr Protocol kHopByHop{0}, kRouting{43}, kFragment{44}, kDestinationOptions{60};
  return protocol == kHopByHop || protocol == kRouting || protocol == kFragment || protocol == kDestinationOptions;
}

std::optional<IpPacket> parse_v6(Bytes packet) {
  if (packet.size() < IpPacket::kHeaderBytes6) return std::nullopt;
  const size_t payload_bytes = load16(packet, 4);
  if (IpPacket::kHeaderBytes6 + payload_bytes > packet.size()) return std::nullopt;
  IpPacket result{.source = load_octets<Ipv6>(packet, 8),
                  .destination = load_octets<Ipv6>(packet, 24),
                  .protocol = Protocol{packet[6]},
                  .hop_limit = packet[7],
                  .header = packet.first(IpPacket::kHeaderBytes6),
                  .payload = packet.subspan(IpPacket::kHeaderBytes6, payload_bytes),
                  .fragment = std::nullopt};
  for (unsigned walked = 0; is_extension(result.protocol); ++walked) {
    if (result.fragment && result.fragment->offset_bytes != 0) break;  // what follows is the middle of a datagram
    if (walked == IpPacket::kMaxExtensionHeaders || !step_over_extension(result, packet)) return std::nullopt;
  }
  return result;
}

}  // namespace

std::optional<IpPacket> IpPacket::parse(Bytes packet) {
  if (packet.empty()) return std::nullopt;
  switch (packet[0] >> 4) {
    case 4: return parse_v4(packet);
    case 6: return parse_v6(packet);
    default: return std::nullopt;
  }
}

bool IpPacket::header_checksum_ok() const { return !is_v4() || finish(sum(header)) == 0; }

}  // namespace postern::wire
