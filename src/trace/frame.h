// frame.h - what a packet socket hands us, taken apart as far as the IP header. Pure.
#pragma once

#include <linux/if_packet.h>

#include <cstdint>
#include <optional>

#include "postern/journey/event.h"
#include "postern/wire/bytes.h"

namespace postern::trace {

struct Frame {
  journey::Point point = journey::Point::ingress;  // or transmit
  int device = 0;
  std::optional<journey::Macs> macs;  // of devices with Ethernet's headers
  uint16_t ethertype = 0;             // of what `packet` is, behind VLAN tags
  wire::Bytes packet;                 // from the IP header on, as far as it was captured
};

/// `bytes` begin with the header of the device's link layer. Nothing: it is no IP packet, or has a link layer that we cannot
/// read.
std::optional<Frame> parse_frame(const sockaddr_ll& from, wire::Bytes bytes);

}  // namespace postern::trace
