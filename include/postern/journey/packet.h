// packet.h - what the headers of one packet say, read leniently: a capture may be cut short, and a header may lie.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "postern/base/address.h"
#include "postern/packet_filter/program.h"
#include "postern/wire/bytes.h"

namespace postern::journey {

/// Numbers are in host order.
struct Packet {
  IpAddress source, destination;
  uint8_t protocol = 0;                     // IPPROTO_ICMP, ...; behind IPv6's extension headers, as far as they were captured
  bool has_transport = false;               // what follows was there to read: not in a later fragment
  Port source_port, destination_port;       // TCP, UDP, SCTP
  uint8_t icmp_type = 0, icmp_code = 0;     // ICMP, ICMPv6
  uint16_t icmp_id = 0, icmp_sequence = 0;  // of echo
  uint8_t tcp_flags = 0;                    // wire::tcp_flag
  uint32_t tcp_sequence = 0, tcp_acknowledgment = 0;
  uint32_t ip_id = 0;  // IPv4: identification; IPv6: flow label
  uint8_t hop_limit = 0;
  uint32_t bytes = 0;            // of the whole packet, by its IP header; 0 in a superframe of more than IPv4 can say
  uint16_t fragment_offset = 0;  // in bytes
  bool is_ipv4() const { return std::holds_alternative<Ipv4>(source); }
  bool operator==(const Packet&) const = default;
};

/// `bytes` begin with an IP header. Nothing: they are no IP packet's.
std::optional<Packet> parse_packet(wire::Bytes bytes);
/// ICMP's or ICMPv6's: the one kind of message that has an identifier and a sequence number.
bool is_echo_request(const Packet& packet);
bool is_echo_reply(const Packet& packet);
inline bool is_echo(const Packet& packet) { return is_echo_request(packet) || is_echo_reply(packet); }
/// For a filter.
pf_facts facts_of(const Packet& packet);

/// "icmp echo request id 7 seq 1", "tcp 40000 > 80 [SYN] seq 12", "udp 5353 > 53".
std::string transport_text(const Packet& packet);
/// "tcp", "icmp6", "253".
std::string protocol_name(uint8_t protocol);
/// "SYN,ACK"; empty: none is set. And back: nothing, if one is not known.
std::string tcp_flags_text(uint8_t flags);
std::optional<uint8_t> tcp_flags_named(std::string_view text);

}  // namespace postern::journey
