// raw_packet.cpp - RFC 791, 8200, 9293, 768, 792, 4443, 826, by hand. Frames that were cut short read as zeros at their end.
#include "raw_packet.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace postern::lab {

namespace {

constexpr size_t kEthernetBytes = 14;
constexpr uint16_t kIpv4 = 0x0800, kArp = 0x0806, kIpv6 = 0x86dd;
constexpr std::string_view kFlagLetters = "FSRPAU";  // bit 0 upwards, RFC 9293 3.1
constexpr std::string_view kFlagNames[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"};

void put16(Bytes& bytes, size_t value) {
  bytes.push_back(static_cast<uint8_t>(value >> 8));
  bytes.push_back(static_cast<uint8_t>(value));
}

void put(Bytes& bytes, const void* data, size_t count) {
  const auto* first = static_cast<const uint8_t*>(data);
  bytes.insert(bytes.end(), first, first + count);
}

void put(Bytes& bytes, const IpAddress& address) {
  if (const auto* v4 = std::get_if<Ipv4>(&address)) {
    const in_addr wire = v4->to_wire();
    put(bytes, &wire, sizeof wire);
  } else {
    put(bytes, std::get<Ipv6>(address).octets.data(), 16);
  }
}

void set16(Bytes& bytes, size_t at, uint16_t value) {
  bytes[at] = static_cast<uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<uint8_t>(value);
}

uint8_t get8(const Bytes& bytes, size_t at) { return at < bytes.size() ? bytes[at] : uint8_t{0}; }
uint16_t get16(const Bytes& bytes, size_t at) { return static_cast<uint16_t>(get8(bytes, at) << 8 | get8(bytes, at + 1)); }

Ipv4 get_ipv4(const Bytes& bytes, size_t at) {
  return Ipv4::of(get8(bytes, at), get8(bytes, at + 1), get8(bytes, at + 2), get8(bytes, at + 3));
}

Ipv6 get_ipv6(const Bytes& bytes, size_t at) {
  Ipv6 address;
  for (uint8_t& octet : address.octets) octet = get8(bytes, at++);
  return address;
}

// Over the pseudo-header too, but for ICMP over IPv4. RFC 9293 3.1, RFC 8200 8.1.
uint16_t transport_checksum(const Packet& packet) {
  Bytes covered;
  if (packet.protocol != IPPROTO_ICMP) {
    put(covered, packet.source);
    put(covered, packet.destination);
    put16(covered, packet.protocol);
    put16(covered, packet.body.size());
  }
  put(covered, packet.body.data(), packet.body.size());
  return internet_checksum(covered);
}

std::optional<size_t> checksum_offset(uint8_t protocol) {
  switch (protocol) {
    case IPPROTO_TCP: return 16;
    case IPPROTO_UDP: return 6;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6: return 2;
    default: return std::nullopt;
  }
}

void put_ip_header(Bytes& frame, const Packet& packet) {
  if (std::holds_alternative<Ipv6>(packet.source)) {
    put16(frame, 0x6000);
    put16(frame, 0);
    put16(frame, packet.body.size());
    frame.insert(frame.end(), {packet.protocol, packet.hop_limit});
    put(frame, packet.source);
    put(frame, packet.destination);
    return;
  }
  Bytes header = {0x45, 0};
  put16(header, 20 + packet.body.size());
  header.insert(header.end(), {0, 1, 0x40, 0, packet.hop_limit, packet.protocol, 0, 0});  // identification 1, don't fragment
  put(header, packet.source);
  put(header, packet.destination);
  set16(header, 10, internet_checksum(header));
  put(frame, header.data(), header.size());
}

struct IpView {
  IpAddress source, destination;
  uint8_t protocol;
  size_t body;  // where it starts in the frame
};

std::optional<IpView> ip_of(const Bytes& frame) {
  const uint16_t type = get16(frame, 12);
  const size_t ip = kEthernetBytes;
  if (type == kIpv4) {
    return IpView{get_ipv4(frame, ip + 12), get_ipv4(frame, ip + 16), get8(frame, ip + 9),
                  ip + size_t{4} * (get8(frame, ip) & 15U)};
  }
  if (type == kIpv6) return IpView{get_ipv6(frame, ip + 8), get_ipv6(frame, ip + 24), get8(frame, ip + 6), ip + 40};
  return std::nullopt;
}

std::string endpoint(const IpAddress& address, uint16_t port) {
  return std::holds_alternative<Ipv4>(address) ? fmt::format("{}:{}", to_string(address), port)
                                               : fmt::format("[{}]:{}", to_string(address), port);
}

std::string flags_of(uint8_t bits) {
  std::string names;
  for (size_t bit = 0; bit < kFlagLetters.size(); ++bit) {
    if (bits >> bit & 1) names.append(names.empty() ? "" : ",").append(kFlagNames[bit]);
  }
  return names;
}

std::string describe_ip(const Bytes& frame, const IpView& ip) {
  const std::string ends =
      fmt::format("{} > {}", endpoint(ip.source, get16(frame, ip.body)), endpoint(ip.destination, get16(frame, ip.body + 2)));
  const std::string plain = fmt::format("{} > {}", to_string(ip.source), to_string(ip.destination));
  switch (ip.protocol) {
    case IPPROTO_TCP: return fmt::format("tcp {} {}", ends, flags_of(get8(frame, ip.body + 13)));
    case IPPROTO_UDP: return fmt::format("udp {} {} bytes", ends, get16(frame, ip.body + 4) - 8);
    case IPPROTO_ICMP: return fmt::format("icmp {} type {} code {}", plain, get8(frame, ip.body), get8(frame, ip.body + 1));
    case IPPROTO_ICMPV6: return fmt::format("icmp6 {} type {} code {}", plain, get8(frame, ip.body), get8(frame, ip.body + 1));
    default: return fmt::format("ip {} protocol {}", plain, ip.protocol);
  }
}

}  // namespace

Bytes tcp_segment(Ports ports, std::string_view flags, std::string_view payload) {
  Bytes segment;
  put16(segment, ports.source.number);
  put16(segment, ports.destination.number);
  put(segment, "\x10\x00\x00\x00\x00\x00\x00\x00", 8);  // sequence number, acknowledgement
  uint8_t bits = 0;
  for (const char letter : flags) {
    const size_t bit = kFlagLetters.find(letter);
    if (bit != std::string_view::npos) bits = static_cast<uint8_t>(bits | 1U << bit);
  }
  segment.insert(segment.end(), {0x50, bits, 0xff, 0xff, 0, 0, 0, 0});  // 20 bytes of header, a full window
  put(segment, payload.data(), payload.size());
  return segment;
}

Bytes udp_datagram(Ports ports, std::string_view payload) {
  Bytes datagram;
  put16(datagram, ports.source.number);
  put16(datagram, ports.destination.number);
  put16(datagram, 8 + payload.size());
  put16(datagram, 0);
  put(datagram, payload.data(), payload.size());
  return datagram;
}

Bytes echo_request(bool v4, std::string_view payload) {
  Bytes message = {static_cast<uint8_t>(v4 ? 8 : 128), 0, 0, 0, 0, 1, 0, 1};  // identifier 1, sequence number 1
  put(message, payload.data(), payload.size());
  return message;
}

Bytes ethernet_frame(const Mac& to, const Mac& from, const Packet& packet) {
  Bytes frame;
  put(frame, to.octets.data(), to.octets.size());
  put(frame, from.octets.data(), from.octets.size());
  put16(frame, std::holds_alternative<Ipv4>(packet.source) ? kIpv4 : kIpv6);
  put_ip_header(frame, packet);
  const size_t body = frame.size();
  put(frame, packet.body.data(), packet.body.size());
  if (const auto offset = checksum_offset(packet.protocol)) set16(frame, body + *offset, transport_checksum(packet));
  return frame;
}

Bytes arp_request(const Mac& from, Ipv4 source, Ipv4 target) {
  Bytes frame(6, 0xff);
  put(frame, from.octets.data(), from.octets.size());
  put16(frame, kArp);
  put(frame, "\x00\x01\x08\x00\x06\x04\x00\x01", 8);  // Ethernet, IPv4, their lengths, request
  put(frame, from.octets.data(), from.octets.size());
  put(frame, source);
  put(frame, "\0\0\0\0\0\0", 6);
  put(frame, target);
  return frame;
}

Result<Bytes> from_hex(std::string_view text) {
  Bytes bytes;
  for (size_t at = 0; at < text.size(); at += 2) {
    uint8_t value = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + std::min(at + 2, text.size()), value, 16);
    if (error != std::errc{} || end != text.data() + at + 2) return fail(fmt::format("no hexadecimal byte at {}", at));
    bytes.push_back(value);
  }
  return bytes;
}

uint16_t internet_checksum(const Bytes& bytes) {
  uint32_t sum = 0;
  for (size_t at = 0; at < bytes.size(); at += 2) sum += get16(bytes, at);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

std::optional<Mac> arp_answer(const Bytes& frame, Ipv4 whom) {
  const size_t arp = kEthernetBytes;
  constexpr uint16_t kReply = 2;
  if (get16(frame, 12) != kArp || get16(frame, arp + 6) != kReply || get_ipv4(frame, arp + 14) != whom) return std::nullopt;
  Mac mac;
  for (size_t i = 0; i < mac.octets.size(); ++i) mac.octets[i] = get8(frame, arp + 8 + i);
  return mac;
}

bool is_answer(const Bytes& frame, const Bytes& sent) {
  const auto ours = ip_of(sent);
  const auto theirs = ip_of(frame);
  if (!ours) return true;  // a frame given in hexadecimal, of whatever protocol
  if (!theirs || theirs->destination != ours->source) return false;
  constexpr uint8_t kFirstDiscovery = 133, kLastDiscovery = 137;  // RFC 4861 4
  const uint8_t type = get8(frame, theirs->body);
  return theirs->protocol != IPPROTO_ICMPV6 || type < kFirstDiscovery || type > kLastDiscovery;
}

std::string describe(const Bytes& frame) {
  if (const auto ip = ip_of(frame)) return describe_ip(frame, *ip);
  const uint16_t type = get16(frame, 12);
  if (type != kArp) return fmt::format("ethertype {:#06x} {} bytes", type, frame.size());
  const Ipv4 sender = get_ipv4(frame, kEthernetBytes + 14);
  if (const auto mac = arp_answer(frame, sender)) return fmt::format("arp {} is-at {}", sender.to_string(), mac->to_string());
  return fmt::format("arp {} asks for {}", sender.to_string(), get_ipv4(frame, kEthernetBytes + 24).to_string());
}

}  // namespace postern::lab
