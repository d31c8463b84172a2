// neighbour_request.h - asks which MAC an address has: an ARP request (RFC 826), a neighbour solicitation (RFC 4861 4.3).
#pragma once

#include "postern/wire/bytes.h"
#include "postern/wire/ethernet.h"
#include "postern/wire/ip.h"

namespace postern::wire {

struct NeighbourRequest {
  Mac sender_mac;
  IpAddress sender;  // of one family with the wanted
  IpAddress wanted;
};

inline constexpr size_t kMaxNeighbourRequest = EthernetFrame::kHeaderBytes + IpPacket::kHeaderBytes6 + 32;

/// Writes the whole Ethernet frame into `room`, which holds kMaxNeighbourRequest, and returns the part written.
MutableBytes store_neighbour_request(MutableBytes room, const NeighbourRequest& request);

}  // namespace postern::wire
