// address.h - addresses, ports and networks as types. Bytes are in host order inside; wire order exists only in
// to_wire/from_wire.
#pragma once

#include <netinet/in.h>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace postern {

struct Ipv4 {  // RFC 791
  uint32_t bits = 0;

  static constexpr Ipv4 of(uint8_t a, uint8_t b, uint8_t c, uint8_t d) { return {((uint32_t{a} << 8 | b) << 8 | c) << 8 | d}; }
  static std::optional<Ipv4> parse(std::string_view text);  // dotted quad, inet_pton(3)
  static Ipv4 from_wire(in_addr address) { return {ntohl(address.s_addr)}; }
  in_addr to_wire() const { return {htonl(bits)}; }
  std::string to_string() const;
  constexpr auto operator<=>(const Ipv4&) const = default;
};

struct Ipv6 {  // RFC 4291; octets as on the wire
  std::array<uint8_t, 16> octets{};

  static std::optional<Ipv6> parse(std::string_view text);  // RFC 4291 2.2 text, no zone, inet_pton(3)
  static Ipv6 from_wire(const in6_addr& address);
  in6_addr to_wire() const;
  std::string to_string() const;  // RFC 5952
  constexpr auto operator<=>(const Ipv6&) const = default;
};

using IpAddress = std::variant<Ipv4, Ipv6>;
std::optional<IpAddress> parse_ip(std::string_view text);
std::string to_string(const IpAddress& address);
bool is_loopback(const IpAddress& address);  // 127/8, ::1

struct Port {  // host order
  uint16_t number = 0;
  constexpr auto operator<=>(const Port&) const = default;
};

struct Mac {  // IEEE 802; octets as on the wire
  std::array<uint8_t, 6> octets{};

  static std::optional<Mac> parse(std::string_view text);  // 02:00:5e:00:53:01
  std::string to_string() const;
  constexpr bool is_multicast() const { return octets[0] & 1; }
  constexpr auto operator<=>(const Mac&) const = default;
};

/// An IPv4 network, RFC 4632; a class, for it keeps a promise: the host bits are zero.
class Cidr4 {
 public:
  static constexpr std::optional<Cidr4> make(Ipv4 any, unsigned prefix_bits) {
    if (prefix_bits > 32) return std::nullopt;
    const uint32_t mask = prefix_bits == 0 ? 0 : ~uint32_t{0} << (32 - prefix_bits);  // a shift by 32 is undefined
    return Cidr4({any.bits & mask}, prefix_bits);
  }
  static std::optional<Cidr4> parse(std::string_view text);  // "10.0.2.0/24"; nullopt if a host bit is set

  constexpr Ipv4 network() const { return network_; }
  constexpr unsigned prefix_bits() const { return prefix_bits_; }
  constexpr Ipv4 mask() const { return {prefix_bits_ == 0 ? 0 : ~uint32_t{0} << (32 - prefix_bits_)}; }
  constexpr Ipv4 broadcast() const { return {network_.bits | ~mask().bits}; }
  constexpr Ipv4 at(uint32_t offset) const { return {network_.bits + offset}; }  // the offset-th address, 0 = the network itself
  constexpr bool contains(Ipv4 address) const { return (address.bits & mask().bits) == network_.bits; }
  constexpr bool overlaps(const Cidr4& other) const { return contains(other.network_) || other.contains(network_); }
  std::string to_string() const;
  constexpr bool operator==(const Cidr4&) const = default;

 private:
  constexpr Cidr4(Ipv4 network, unsigned prefix_bits) : network_(network), prefix_bits_(prefix_bits) {}
  Ipv4 network_;
  unsigned prefix_bits_;
};

/// The modified EUI-64 interface identifier of `mac` under the /64 `prefix`, RFC 4291 appendix A: what SLAAC makes of it.
Ipv6 slaac_address(const Ipv6& prefix, const Mac& mac);

}  // namespace postern
