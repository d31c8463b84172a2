// likeness.h - what stays the same in a packet's headers on its way, and what of it may change.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "postern/journey/event.h"

namespace postern::journey {

/// All that only a router changes is left out: equal at any two points between which no address is translated.
Packet headers_of(const Packet& packet);

/// What address translation leaves alone, too: protocol, identification, sequence numbers, flags.
Packet invariants_of(const Packet& packet);

/// Whether the headers tell packets of one connection apart.
bool is_particular(const Packet& packet);

/// Whether two with the same headers are one packet only if they have the same length: nothing else tells a datagram from the
/// next.
bool is_told_by_length(const Packet& packet);

/// As far as the IP headers say it.
bool is_same_length(const Packet& a, const Packet& b);

/// Whether `later` can be `earlier` further on, in the same buffer.
bool may_be_same(const Packet& earlier, const Packet& later);

struct PacketHash {
  size_t operator()(const Packet& packet) const;
};

/// A connection, as the host's end of a mapping sees it. Ports are 0 for ICMP.
struct HostFlow {
  enum class Way : uint8_t { out, in } way = Way::out;
  uint8_t protocol = 0;
  Port local_port;
  IpAddress remote;
  Port remote_port;
  bool operator==(const HostFlow&) const = default;
};
struct HostFlowHash {
  size_t operator()(const HostFlow& flow) const;
};
HostFlow host_flow(const Packet& packet, HostFlow::Way way);
HostFlow host_flow(const Mapping& mapping, uint8_t protocol, HostFlow::Way way);

/// What our own stack carries over from one side to the other; an acknowledgment alone is carried by neither.
enum class Matter : uint8_t { datagram, opening, data, end, reset, acknowledgment };
Matter matter_of(const Event& event);

/// Who speaks to whom, for answers.
struct Conversation {
  uint8_t protocol = 0;
  IpAddress source, destination;
  uint16_t source_port = 0, destination_port = 0;  // of an echo: identifier and sequence number
  bool operator==(const Conversation&) const = default;
};
struct ConversationHash {
  size_t operator()(const Conversation& conversation) const;
};
/// As the packet says it, and as the packet that it answers would have said it. Nothing: no such could be found.
std::optional<Conversation> said(const Packet& packet);
std::optional<Conversation> answered(const Packet& packet);

}  // namespace postern::journey
