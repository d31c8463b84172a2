// packet.cpp - the one place where a captured packet's headers are read. wire/ refuses what it does not find whole; here a packet
// cut short after its ports is as good as another.
#include "postern/journey/packet.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "postern/base/text.h"
#include "postern/packet_filter/protocols.h"
#include "postern/wire/ip.h"
#include "postern/wire/tcp.h"

#include "transport.h"

namespace postern::journey {

namespace {

using wire::Bytes;
using wire::load16;
using wire::load32;
namespace tcp_flag = wire::tcp_flag;

/// Not AH, which is the packet's protocol in IPv4 too: what it protects is another matter. The probes and trace's filter of
/// protocols do the same.
bool is_extension(uint8_t header) {
  return header == IPPROTO_HOPOPTS || header == IPPROTO_ROUTING || header == IPPROTO_FRAGMENT || header == IPPROTO_DSTOPTS;
}

bool is_icmp(const Packet& packet, uint8_t type4, uint8_t type6) {
  if (!packet.has_transport) return false;
  return packet.protocol == IPPROTO_ICMP ? packet.icmp_type == type4
                                         : packet.protocol == IPPROTO_ICMPV6 && packet.icmp_type == type6;
}

void read_icmp(Packet& packet, Bytes header) {
  if (header.size() < 4) return;
  packet.has_transport = true;
  packet.icmp_type = header[0];
  packet.icmp_code = header[1];
  if (header.size() < 8 || !is_echo(packet)) return;
  packet.icmp_id = load16(header, 4);
  packet.icmp_sequence = load16(header, 6);
}

void read_tcp(Packet& packet, Bytes header) {
  if (header.size() >= 12) {
    packet.tcp_sequence = load32(header, 4);
    packet.tcp_acknowledgment = load32(header, 8);
  }
  if (header.size() >= 14) packet.tcp_flags = header[13];
}

void read_transport(Packet& packet, Bytes header) {
  if (packet.fragment_offset != 0) return;  // the middle of a datagram
  if (packet.protocol == IPPROTO_ICMP || packet.protocol == IPPROTO_ICMPV6) return read_icmp(packet, header);
  if (!has_ports(packet.protocol) || header.size() < 4) return;
  packet.has_transport = true;
  packet.source_port = Port{load16(header, 0)};
  packet.destination_port = Port{load16(header, 2)};
  if (packet.protocol == IPPROTO_TCP) read_tcp(packet, header);
}

std::optional<Packet> parse_v4(Bytes bytes) {
  if (bytes.size() < wire::IpPacket::kMinHeaderBytes4) return std::nullopt;
  const size_t header_bytes = (bytes[0] & 15) * size_t{4};
  if (header_bytes < wire::IpPacket::kMinHeaderBytes4) return std::nullopt;
  Packet packet;
  packet.source = Ipv4{load32(bytes, 12)};
  packet.destination = Ipv4{load32(bytes, 16)};
  packet.protocol = bytes[9];
  packet.hop_limit = bytes[8];
  packet.ip_id = load16(bytes, 4);
  packet.bytes = load16(bytes, 2);
  packet.fragment_offset = static_cast<uint16_t>((load16(bytes, 6) & 0x1fff) * 8);
  read_transport(packet, bytes.subspan(std::min(header_bytes, bytes.size())));
  return packet;
}

/// Steps behind the extension headers, as far as they were captured. Each step moves on.
Bytes behind_extensions(Packet& packet, Bytes rest) {
  while (is_extension(packet.protocol) && rest.size() >= 8 && packet.fragment_offset == 0) {
    size_t bytes = 8;
    if (packet.protocol == IPPROTO_FRAGMENT) {
      packet.fragment_offset = static_cast<uint16_t>(load16(rest, 2) & 0xfff8);
    } else {
      bytes += rest[1] * size_t{8};
    }
    packet.protocol = rest[0];
    rest = rest.subspan(std::min(bytes, rest.size()));
  }
  return rest;
}

std::optional<Packet> parse_v6(Bytes bytes) {
  constexpr size_t kHeader = wire::IpPacket::kHeaderBytes6;
  if (bytes.size() < kHeader) return std::nullopt;
  Packet packet;
  packet.source = wire::load_octets<Ipv6>(bytes, 8);
  packet.destination = wire::load_octets<Ipv6>(bytes, 24);
  packet.protocol = bytes[6];
  packet.hop_limit = bytes[7];
  packet.ip_id = load32(bytes, 0) & 0xfffff;
  const uint16_t payload_bytes = load16(bytes, 4);
  packet.bytes = payload_bytes == 0 ? 0 : static_cast<uint32_t>(kHeader + payload_bytes);
  read_transport(packet, behind_extensions(packet, bytes.subspan(kHeader)));
  return packet;
}

void put_address(__be32* where, const IpAddress& address) {
  if (const auto* v6 = std::get_if<Ipv6>(&address)) {
    std::memcpy(where, v6->octets.data(), v6->octets.size());
  } else {
    where[0] = std::get<Ipv4>(address).to_wire().s_addr;
  }
}

constexpr std::array<std::pair<uint8_t, std::string_view>, 8> kFlags{{{tcp_flag::syn, "SYN"},
                                                                      {tcp_flag::fin, "FIN"},
                                                                      {tcp_flag::rst, "RST"},
                                                                      {tcp_flag::psh, "PSH"},
                                                                      {tcp_flag::ack, "ACK"},
                                                                      {tcp_flag::urg, "URG"},
                                                                      {tcp_flag::ece, "ECE"},
                                                                      {tcp_flag::cwr, "CWR"}}};

std::string icmp_text(const Packet& packet) {
  const std::string protocol = protocol_name(packet.protocol);
  if (is_echo(packet)) {
    return fmt::format("{} echo {} id {} seq {}", protocol, is_echo_request(packet) ? "request" : "reply", packet.icmp_id,
                       packet.icmp_sequence);
  }
  struct Kind {
    uint8_t v4, v6;
    const char* name;
  };
  constexpr std::array<Kind, 7> kKinds{{{3, 1, "unreachable"},
                                        {11, 3, "time exceeded"},
                                        {12, 4, "parameter problem"},
                                        {255, 2, "packet too big"},
                                        {5, 137, "redirect"},
                                        {255, 135, "neighbour solicitation"},
                                        {255, 136, "neighbour advertisement"}}};
  const bool v4 = packet.protocol == IPPROTO_ICMP;
  for (const Kind& each : kKinds) {
    if ((v4 ? each.v4 : each.v6) == packet.icmp_type) return fmt::format("{} {} code {}", protocol, each.name, packet.icmp_code);
  }
  return fmt::format("{} type {} code {}", protocol, packet.icmp_type, packet.icmp_code);
}

}  // namespace

std::optional<Packet> parse_packet(Bytes bytes) {
  if (bytes.empty()) return std::nullopt;
  switch (bytes[0] >> 4) {
    case 4: return parse_v4(bytes);
    case 6: return parse_v6(bytes);
    default: return std::nullopt;
  }
}

bool is_echo_request(const Packet& packet) { return is_icmp(packet, 8, 128); }
bool is_echo_reply(const Packet& packet) { return is_icmp(packet, 0, 129); }

pf_facts facts_of(const Packet& packet) {
  pf_facts facts{};
  facts.family = packet.is_ipv4() ? 4 : 6;
  facts.protocol = packet.protocol;
  facts.has_ports = packet.has_transport && has_ports(packet.protocol) ? 1 : 0;
  if (facts.has_ports) {
    facts.source_port = htons(packet.source_port.number);
    facts.destination_port = htons(packet.destination_port.number);
  }
  put_address(facts.source, packet.source);
  put_address(facts.destination, packet.destination);
  return facts;
}

std::string protocol_name(uint8_t protocol) {
  const packet_filter::NamedProtocol* named = packet_filter::named_protocol(protocol);
  return named ? std::string(named->name) : std::to_string(protocol);
}

std::string tcp_flags_text(uint8_t flags) {
  std::string text;
  for (const auto& [bit, name] : kFlags) {
    if (flags & bit) text += (text.empty() ? "" : ",") + std::string(name);
  }
  return text;
}

std::optional<uint8_t> tcp_flags_named(std::string_view text) {
  unsigned flags = 0;
  while (!text.empty()) {
    const std::string_view word = take_until(text, ',');
    const auto found = std::find_if(kFlags.begin(), kFlags.end(), [&](const auto& each) { return each.second == word; });
    if (found == kFlags.end()) return std::nullopt;
    flags |= found->first;
  }
  return static_cast<uint8_t>(flags);
}

std::string transport_text(const Packet& packet) {
  std::string protocol = protocol_name(packet.protocol);
  if (packet.fragment_offset != 0) return fmt::format("{} fragment at {}", protocol, packet.fragment_offset);
  if (!packet.has_transport) return protocol;
  if (!has_ports(packet.protocol)) return icmp_text(packet);
  std::string text = fmt::format("{} {} > {}", protocol, packet.source_port.number, packet.destination_port.number);
  if (packet.protocol == IPPROTO_TCP) {
    text += fmt::format(" [{}] seq {}", tcp_flags_text(packet.tcp_flags), packet.tcp_sequence);
    if (packet.tcp_flags & tcp_flag::ack) text += fmt::format(" ack {}", packet.tcp_acknowledgment);
  }
  return text;
}

}  // namespace postern::journey
