// sighting_events.h - from what the relay has seen to events of a journey. Pure.
#pragma once

#include <optional>
#include <vector>

#include "postern/api/tracer.h"

namespace postern::api {

/// What the first bytes of an Ethernet frame say.
struct ShownFrame {
  std::optional<journey::Macs> macs;
  uint16_t ethertype = 0;
  std::optional<journey::Packet> packet;
  wire::Bytes ip;  // from the IP header on, as far as it is shown

  static ShownFrame read(wire::Bytes start);
};

/// What the relay's engines call the flow of `packet`. Nothing: it is of none (an ICMP error, a later fragment).
std::optional<relay::FlowName> flow_of(const journey::Packet& packet, relay::Sighting::Way way);

/// In the order of the way. `identity` is theirs alone.
std::vector<journey::Event> events_of(const relay::Sighting& sighting, const ShownFrame& frame,
                                      const std::optional<journey::Mapping>& mapping, const Places& places, uint64_t identity);

}  // namespace postern::api
