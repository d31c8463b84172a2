#include "postern/wire/arp.h"

namespace postern::wire {

std::optional<ArpPacket> ArpPacket::parse(Bytes packet) {
  constexpr uint16_t kEthernet = 1, kIpv4 = 0x0800, kLengths = 6 << 8 | 4;  // of a MAC and an IPv4 address
  if (packet.size() < kBytes) return std::nullopt;
  if (load16(packet, 0) != kEthernet || load16(packet, 2) != kIpv4 || load16(packet, 4) != kLengths) return std::nullopt;
  return ArpPacket{.operation = load16(packet, 6),
                   .sender_mac = load_octets<Mac>(packet, 8),
                   .sender = {load32(packet, 14)},
                   .target_mac = load_octets<Mac>(packet, 18),
                   .target = {load32(packet, 24)}};
}

}  // namespace postern::wire
