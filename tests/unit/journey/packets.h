// packets.h - packets for tests, byte by byte.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "postern/base/address.h"
#include "postern/journey/packet.h"
#include "postern/packet_filter/filter.h"

namespace postern::journey::test {

using Octets = std::vector<uint8_t>;

struct Ends {
  const char *source, *destination;
  uint16_t source_port = 0, destination_port = 0;
};

inline Octets ports(uint16_t source, uint16_t destination) {
  return {static_cast<uint8_t>(source >> 8), static_cast<uint8_t>(source), static_cast<uint8_t>(destination >> 8),
          static_cast<uint8_t>(destination)};
}

inline Octets ip4(const Ends& ends, uint8_t protocol, const Octets& body, uint16_t id = 7) {
  Octets packet(20);
  packet[0] = 0x45;
  packet[3] = static_cast<uint8_t>(20 + body.size());
  packet[4] = static_cast<uint8_t>(id >> 8);
  packet[5] = static_cast<uint8_t>(id);
  packet[8] = 64;
  packet[9] = protocol;
  const auto put = [&](size_t at, const char* text) {
    const uint32_t bits = Ipv4::parse(text).value().bits;
    for (size_t i = 0; i < 4; ++i) packet[at + i] = static_cast<uint8_t>(bits >> (24 - 8 * i));
  };
  put(12, ends.source);
  put(16, ends.destination);
  packet.insert(packet.end(), body.begin(), body.end());
  return packet;
}

inline Octets ip6(const Ends& ends, uint8_t next_header, const Octets& body) {
  Octets packet(8);
  packet[0] = 0x60;
  packet[5] = static_cast<uint8_t>(body.size());
  packet[6] = next_header;
  packet[7] = 64;
  for (const char* text : {ends.source, ends.destination}) {
    const auto octets = Ipv6::parse(text).value().octets;
    packet.insert(packet.end(), octets.begin(), octets.end());
  }
  packet.insert(packet.end(), body.begin(), body.end());
  return packet;
}

inline Octets tcp4(const Ends& ends, uint16_t id = 7) {
  Octets segment = ports(ends.source_port, ends.destination_port);
  segment.resize(20);
  segment[12] = 0x50;
  return ip4(ends, IPPROTO_TCP, segment, id);
}

enum class Echo : uint8_t { request = 8, reply = 0 };
inline Octets echo4(const Ends& ends, Echo type, uint8_t id) {
  return ip4(ends, IPPROTO_ICMP, {static_cast<uint8_t>(type), 0, 0, 0, 0, id, 0, 1});
}

inline Packet parsed(const Octets& bytes) { return parse_packet(bytes).value(); }

inline packet_filter::Filter filter(std::string_view text) {
  return std::get<packet_filter::Filter>(packet_filter::Filter::parse(text));
}

}  // namespace postern::journey::test
