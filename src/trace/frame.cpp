#include "frame.h"

#include <linux/if_ether.h>
#include <net/if_arp.h>
#include <netinet/in.h>

namespace postern::trace {
namespace {

constexpr size_t kTagBytes = 4, kMostTags = 2;

bool is_ip(uint16_t ethertype) { return ethertype == ETH_P_IP || ethertype == ETH_P_IPV6; }
bool is_tag(uint16_t ethertype) { return ethertype == ETH_P_8021Q || ethertype == ETH_P_8021AD; }

/// Passes over an Ethernet header, and the tags of VLANs where they stand in the bytes.
bool pass_ethernet(Frame& frame) {
  wire::Bytes& bytes = frame.packet;
  if (bytes.size() < ETH_HLEN) return false;
  frame.macs = {wire::load_octets<Mac>(bytes, ETH_ALEN), wire::load_octets<Mac>(bytes, 0)};
  frame.ethertype = wire::load16(bytes, size_t{2} * ETH_ALEN);
  bytes = bytes.subspan(ETH_HLEN);
  for (size_t tags = 0; tags < kMostTags && is_tag(frame.ethertype); ++tags) {
    if (bytes.size() < kTagBytes) return false;
    frame.ethertype = wire::load16(bytes, 2);
    bytes = bytes.subspan(kTagBytes);
  }
  return true;
}

}  // namespace

std::optional<Frame> parse_frame(const sockaddr_ll& from, wire::Bytes bytes) {
  Frame frame{.point = from.sll_pkttype == PACKET_OUTGOING ? journey::Point::transmit : journey::Point::ingress,
              .device = from.sll_ifindex,
              .macs = {},
              .ethertype = ntohs(from.sll_protocol),
              .packet = bytes};
  switch (from.sll_hatype) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK:
      if (!pass_ethernet(frame)) return std::nullopt;
      break;
    case ARPHRD_NONE:  // TUN, WireGuard: nothing stands before the packet
    case ARPHRD_RAWIP:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT: break;
    default: return std::nullopt;
  }
  if (!is_ip(frame.ethertype) || frame.packet.empty()) return std::nullopt;
  if (frame.packet[0] >> 4 != (frame.ethertype == ETH_P_IP ? 4 : 6)) return std::nullopt;
  return frame;
}

}  // namespace postern::trace
