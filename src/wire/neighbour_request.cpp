#include "postern/wire/neighbour_request.h"

#include "postern/base/assert.h"
#include "postern/wire/arp.h"
#include "postern/wire/checksum.h"

namespace postern::wire {

namespace {

constexpr Mac kBroadcast{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

size_t store_arp(MutableBytes room, const NeighbourRequest& request) {
  constexpr uint16_t kEthernet = 1, kIpv4 = 0x0800, kLengths = 6 << 8 | 4, kRequest = 1;
  const MutableBytes packet = room.subspan(EthernetFrame::kHeaderBytes);
  store_ethernet_header(room, kBroadcast, request.sender_mac, EtherType::arp);
  store16(packet, 0, kEthernet);
  store16(packet, 2, kIpv4);
  store16(packet, 4, kLengths);
  store16(packet, 6, kRequest);
  store_octets(packet, 8, request.sender_mac);
  store32(packet, 14, std::get<Ipv4>(request.sender).bits);
  store_octets(packet, 18, Mac{});
  store32(packet, 24, std::get<Ipv4>(request.wanted).bits);
  return EthernetFrame::kHeaderBytes + ArpPacket::kBytes;
}

/// RFC 4291 2.7.1: ff02::1:ffXX:XXXX, and on Ethernet 33:33 and its last four octets, RFC 2464 7.
Ipv6 solicited_node(const Ipv6& address) {
  Ipv6 group{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff}};
  std::copy_n(address.octets.end() - 3, 3, group.octets.end() - 3);
  return group;
}

size_t store_solicitation(MutableBytes room, const NeighbourRequest& request) {
  constexpr uint8_t kSolicitation = 135, kSourceLinkLayer = 1, kUnits = 1, kHopLimit = 255;  // RFC 4861 7.1.1
  constexpr size_t kMessageBytes = 32, kHopLimitAt = 7;
  const Ipv6 wanted = std::get<Ipv6>(request.wanted), group = solicited_node(wanted);
  const auto& low = group.octets;
  const MutableBytes ip = room.subspan(EthernetFrame::kHeaderBytes);
  store_ethernet_header(room, Mac{{0x33, 0x33, low[12], low[13], low[14], low[15]}}, request.sender_mac, EtherType::ipv6);
  const size_t header =
      store_ip_header(ip, {.source = request.sender, .destination = group, .protocol = Protocol::icmpv6}, kMessageBytes);
  ip[kHopLimitAt] = kHopLimit;
  const MutableBytes message = ip.subspan(header, kMessageBytes);
  std::fill(message.begin(), message.end(), uint8_t{0});
  message[0] = kSolicitation;
  store_octets(message, 8, wanted);
  message[24] = kSourceLinkLayer;
  message[25] = kUnits;
  store_octets(message, 26, request.sender_mac);
  store16(message, 2, finish(sum(message, pseudo_header(request.sender, group, Protocol::icmpv6, kMessageBytes))));
  return EthernetFrame::kHeaderBytes + header + kMessageBytes;
}

}  // namespace

MutableBytes store_neighbour_request(MutableBytes room, const NeighbourRequest& request) {
  POSTERN_ASSERT(room.size() >= kMaxNeighbourRequest && request.sender.index() == request.wanted.index());
  const bool v4 = std::holds_alternative<Ipv4>(request.wanted);
  return room.first(v4 ? store_arp(room, request) : store_solicitation(room, request));
}

}  // namespace postern::wire
