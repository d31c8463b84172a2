// frame_builder.h - writes the frames that tests send: right by default, wrong where a test says so.
//
//   udp_frame({"10.0.2.100", "192.0.2.1"}, {.source = 4000, .destination = 53})        IPv4 or IPv6, by the addresses
//
// Its checksums come from a loop as RFC 1071 writes it, not from the code under test.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "postern/base/address.h"
#include "postern/wire/ethernet.h"
#include "postern/wire/ip.h"
#include "postern/wire/tcp.h"

namespace postern::wire::test {

using Frame = std::vector<uint8_t>;

inline constexpr Mac kGuestMac{{0x02, 0, 0, 0, 0, 0x64}};
inline constexpr Mac kGatewayMac{{0x52, 0x55, 10, 0, 2, 2}};

inline void append16(Frame& frame, size_t value) {
  frame.push_back(static_cast<uint8_t>(value >> 8));
  frame.push_back(static_cast<uint8_t>(value));
}
inline void append32(Frame& frame, size_t value) {
  append16(frame, value >> 16);
  append16(frame, value);
}
inline void append(Frame& frame, const Frame& more) { frame.insert(frame.end(), more.begin(), more.end()); }
inline void append(Frame& frame, const IpAddress& address) {
  if (const auto* v4 = std::get_if<Ipv4>(&address)) return append32(frame, v4->bits);
  const auto& octets = std::get<Ipv6>(address).octets;
  frame.insert(frame.end(), octets.begin(), octets.end());
}
/// What stands from `begin` up to `end`.
inline Frame slice(const Frame& frame, size_t begin, size_t end) {
  const Bytes part = Bytes(frame).subspan(begin, end - begin);
  return {part.begin(), part.end()};
}
inline void append(Frame& frame, const Mac& mac) {
  for (const uint8_t octet : mac.octets) frame.push_back(octet);
}
inline void put16(Frame& frame, size_t at, size_t value) { store16(frame, at, static_cast<uint16_t>(value)); }

/// RFC 1071, word by word.
inline uint16_t reference_checksum(const Frame& bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<uint32_t>(bytes[i] << 8) + (i + 1 < bytes.size() ? bytes[i + 1] : 0u);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<uint16_t>(~sum);
}

inline Frame ethernet_frame(uint16_t type, const Frame& payload) {
  Frame frame;
  append(frame, kGatewayMac);
  append(frame, kGuestMac);
  append16(frame, type);
  append(frame, payload);
  return frame;
}

/// Who speaks to whom; both of one family.
struct Ends {
  const char* source;
  const char* destination;

  IpAddress from() const { return *parse_ip(source); }
  IpAddress to() const { return *parse_ip(destination); }
  bool is_v4() const { return std::holds_alternative<Ipv4>(from()); }
};
inline void PrintTo(const Ends& ends, std::ostream* os) { *os << ends.source; }  // or ctest's names would hold our pointers

struct IpFields {
  uint8_t protocol = 17;
  Frame options = {};           // IPv4; a multiple of 4 bytes
  Frame extensions = {};        // IPv6 extension headers, whole
  uint8_t first_extension = 0;  // the number of the first of them
  uint16_t id = 1;
  uint16_t fragment = 0;  // IPv4: flags and offset, as on the wire
  uint8_t hop_limit = 64;
};

inline Frame ip_packet(const Ends& ends, const Frame& payload, const IpFields& fields) {
  Frame packet;
  if (ends.is_v4()) {
    const size_t header_bytes = 20 + fields.options.size();
    append16(packet, 0x4000 | header_bytes / 4 << 8);
    append16(packet, header_bytes + payload.size());
    append16(packet, fields.id);
    append16(packet, fields.fragment);
    append16(packet, size_t{fields.hop_limit} << 8 | fields.protocol);
    append16(packet, 0);
    append(packet, ends.from());
    append(packet, ends.to());
    append(packet, fields.options);
    put16(packet, 10, reference_checksum(packet));
  } else {
    append32(packet, size_t{6} << 28);
    append16(packet, fields.extensions.size() + payload.size());
    packet.push_back(fields.extensions.empty() ? fields.protocol : fields.first_extension);
    packet.push_back(fields.hop_limit);
    append(packet, ends.from());
    append(packet, ends.to());
    append(packet, fields.extensions);
  }
  append(packet, payload);
  return packet;
}

inline Frame ip_frame(const Ends& ends, const Frame& payload, const IpFields& fields) {
  return ethernet_frame(ends.is_v4() ? 0x0800 : 0x86dd, ip_packet(ends, payload, fields));
}

/// A packet's payload cut into IPv4 fragments of at most `size` bytes, a multiple of 8.
inline std::vector<Frame> fragments(const Ends& ends, const Frame& payload, IpFields ip, size_t size) {
  std::vector<Frame> frames;
  for (size_t begin = 0; begin < payload.size(); begin += size) {
    const size_t end = std::min(begin + size, payload.size());
    ip.fragment = static_cast<uint16_t>(begin / 8 | (end < payload.size() ? 0x2000 : 0));
    frames.push_back(ip_frame(ends, slice(payload, begin, end), ip));
  }
  return frames;
}

/// What the checksum of a transport header covers, RFC 9293 3.1, RFC 8200 8.1.
inline Frame with_pseudo_header(const Ends& ends, uint8_t protocol, const Frame& transport) {
  Frame covered;
  append(covered, ends.from());
  append(covered, ends.to());
  append32(covered, transport.size());
  append32(covered, protocol);
  append(covered, transport);
  return covered;
}

struct TcpFields {
  uint16_t source = 40'000;
  uint16_t destination = 80;
  uint8_t flags = tcp_flag::syn;
  uint16_t urgent_pointer = 0;
  Frame options = {};
  Frame payload = {};
  uint32_t sequence = 0x01020304;
  uint32_t acknowledgment = 0x05060708;
  uint16_t window = 0xfaf0;
};

inline Frame tcp_segment(const Ends& ends, const TcpFields& fields) {
  Frame segment;
  append16(segment, fields.source);
  append16(segment, fields.destination);
  append32(segment, fields.sequence);
  append32(segment, fields.acknowledgment);
  append16(segment, (20 + fields.options.size()) / 4 << 12 | fields.flags);
  append16(segment, fields.window);
  append16(segment, 0);
  append16(segment, fields.urgent_pointer);
  append(segment, fields.options);
  append(segment, fields.payload);
  put16(segment, 16, reference_checksum(with_pseudo_header(ends, 6, segment)));
  return segment;
}

inline Frame tcp_frame(const Ends& ends, const TcpFields& fields = {}, IpFields ip = {}) {
  ip.protocol = 6;
  return ip_frame(ends, tcp_segment(ends, fields), ip);
}

struct UdpFields {
  uint16_t source = 40'000;
  uint16_t destination = 4'000;
  Frame payload = {'h', 'i'};
};

inline Frame udp_datagram(const Ends& ends, const UdpFields& fields) {
  Frame datagram;
  append16(datagram, fields.source);
  append16(datagram, fields.destination);
  append16(datagram, 8 + fields.payload.size());
  append16(datagram, 0);
  append(datagram, fields.payload);
  put16(datagram, 6, reference_checksum(with_pseudo_header(ends, 17, datagram)));
  return datagram;
}

inline Frame udp_frame(const Ends& ends, const UdpFields& fields = {}, const IpFields& ip = {}) {
  return ip_frame(ends, udp_datagram(ends, fields), ip);
}

struct IcmpFields {
  uint8_t type;
  uint8_t code = 0;
  uint16_t echo_id = 7, echo_sequence = 1;  // an error has other numbers there
  Frame payload = {};
};

inline Frame icmp_message(const Ends& ends, const IcmpFields& fields) {
  Frame message = {fields.type, fields.code, 0, 0};
  append16(message, fields.echo_id);
  append16(message, fields.echo_sequence);
  append(message, fields.payload);
  put16(message, 2, reference_checksum(ends.is_v4() ? message : with_pseudo_header(ends, 58, message)));
  return message;
}

inline Frame icmp_frame(const Ends& ends, const IcmpFields& fields, IpFields ip = {}) {
  ip.protocol = ends.is_v4() ? 1 : 58;
  return ip_frame(ends, icmp_message(ends, fields), ip);
}

inline Frame arp_frame() {
  Frame packet = {0, 1, 8, 0, 6, 4, 0, 1};
  append(packet, kGuestMac);
  append32(packet, Ipv4::of(10, 0, 2, 100).bits);
  append(packet, Mac{});
  append32(packet, Ipv4::of(10, 0, 2, 2).bits);
  return ethernet_frame(0x0806, packet);
}

}  // namespace postern::wire::test
