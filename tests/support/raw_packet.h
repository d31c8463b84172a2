// raw_packet.h - frames written byte by byte, for tests: also such as no kernel would send. It knows nothing of the rooms under
// test, so that a mistake there is not made here too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postern/base/address.h"
#include "postern/base/result.h"

namespace postern::lab {

using Bytes = std::vector<uint8_t>;

struct Ports {
  Port source, destination;
};

struct Packet {
  IpAddress source, destination;  // of one family
  uint8_t protocol = 0;           // IANA's number
  uint8_t hop_limit = 64;
  Bytes body = {};  // from the transport header on; its checksum field is filled in by ethernet_frame
};

Bytes tcp_segment(Ports ports, std::string_view flags, std::string_view payload);  // flags: letters of SAFRPU
Bytes udp_datagram(Ports ports, std::string_view payload);
Bytes echo_request(bool v4, std::string_view payload);
Bytes ethernet_frame(const Mac& to, const Mac& from, const Packet& packet);
Bytes arp_request(const Mac& from, Ipv4 source, Ipv4 target);
Result<Bytes> from_hex(std::string_view text);
uint16_t internet_checksum(const Bytes& bytes);  // RFC 1071

/// The MAC in `frame` if it is an ARP reply for `whom`.
std::optional<Mac> arp_answer(const Bytes& frame, Ipv4 whom);
/// Whether `frame` could be an answer to `sent`: an ARP reply, or an IP packet for its source, no neighbour discovery.
bool is_answer(const Bytes& frame, const Bytes& sent);
/// One line, as postern-rawframe prints it.
std::string describe(const Bytes& frame);

}  // namespace postern::lab
