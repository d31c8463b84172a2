// hostile_frames.h - knocks at addresses of the host, in every disguise that root inside a namespace can give a frame and no
// kernel would: the ways round a filter that trusts what it reads.
#pragma once

#include <string>
#include <vector>

#include "postern/base/address.h"

#include "raw_packet.h"

namespace postern::lab {

/// One TCP SYN or one datagram; `frames` are more than one where it comes in fragments.
struct Knock {
  std::string name;  // "udp 127.0.0.1 in fragments"; what a datagram carries, so that its receiver can tell
  bool tcp = false;
  IpAddress to;
  std::vector<Bytes> frames;
};

/// At port `to` of each destination, over TCP and UDP, in every disguise of its family. No two have ports in common, or the stack
/// would take the second for the first; but every datagram comes from kKnockPort, which a test may publish.
std::vector<Knock> knocks_at(const std::vector<IpAddress>& destinations, Port to);
inline constexpr Port kKnockPort{5000};

/// What any program inside may send.
Bytes honest_datagram(const IpAddress& to, Port port, std::string_view payload);

/// First fragments of as many datagrams, whose rest never comes.
std::vector<Bytes> lone_fragments(size_t count);
/// The same for the same seed: noise, noise that starts like IP or ARP, and knocks with some bytes changed, lost or added.
std::vector<Bytes> garbage(uint32_t seed, size_t count);

/// For `postern-rawframe --stdin`.
std::string to_hex_lines(const std::vector<Bytes>& frames);

}  // namespace postern::lab
