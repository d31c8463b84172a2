// address_plan.h - who is who in the virtual network: slirp4netns's plan, which its clients have built in. And its limits.
//
//   +0 network   +2 gateway, an alias of the host   +3 DNS   +15...+30 DHCP   +100 the namespace      (10.0.2.0/24)
//   fd00::/64    fd00::2, fe80::2 gateway           fd00::3            -      SLAAC
#pragma once

#include <algorithm>

#include "postern/base/address.h"

namespace postern::stack {

inline constexpr unsigned kLeastMtu = 68;         // RFC 791, and libslirp's
inline constexpr unsigned kGreatestMtu = 65'521;  // libslirp's and a TAP's
inline constexpr unsigned kLeastMtu6 = 1280;      // RFC 8200 5; below it the kernel has no IPv6 on a link

struct AddressPlan {
  static constexpr unsigned kLongestPrefix = 25;            // so that +100 fits
  Cidr4 network = *Cidr4::make(Ipv4::of(10, 0, 2, 0), 24);  // prefix of 1 to kLongestPrefix bits

  constexpr Ipv4 gateway() const { return network.at(2); }
  constexpr Ipv4 dns() const { return network.at(3); }
  constexpr Ipv4 dhcp_start() const { return network.at(15); }
  constexpr Ipv4 guest() const { return network.at(100); }

  static constexpr unsigned kPrefixBits6 = 64;
  static constexpr Ipv6 prefix6() { return {{0xfd}}; }
  static constexpr Ipv6 gateway6() { return at6(2); }
  static constexpr Ipv6 dns6() { return at6(3); }

  /// Of the family of `like`.
  constexpr IpAddress gateway(const IpAddress& like) const {
    return std::holds_alternative<Ipv4>(like) ? IpAddress(gateway()) : IpAddress(gateway6());
  }
  constexpr IpAddress dns(const IpAddress& like) const {
    return std::holds_alternative<Ipv4>(like) ? IpAddress(dns()) : IpAddress(dns6());
  }
  /// libslirp's, as it answers for the gateway: 52:55 and the IPv4 address, 52:56 and the end of the IPv6 one.
  constexpr Mac gateway_mac(const IpAddress& like) const {
    if (std::holds_alternative<Ipv6>(like)) return {{0x52, 0x56, 0, 0, 0, gateway6().octets[15]}};
    const uint32_t bits = gateway().bits;
    return {{0x52, 0x55, static_cast<uint8_t>(bits >> 24), static_cast<uint8_t>(bits >> 16), static_cast<uint8_t>(bits >> 8),
             static_cast<uint8_t>(bits)}};
  }
  /// Of one of its two networks.
  constexpr bool contains(const IpAddress& address) const {
    if (const auto* v4 = std::get_if<Ipv4>(&address)) return network.contains(*v4);
    const auto& octets = std::get<Ipv6>(address).octets;
    return std::equal(octets.begin(), octets.begin() + kPrefixBits6 / 8, prefix6().octets.begin());
  }

 private:
  static constexpr Ipv6 at6(uint8_t offset) {
    Ipv6 address = prefix6();
    address.octets[15] = offset;
    return address;
  }
};

}  // namespace postern::stack
