#include "prefix.h"

#include <algorithm>
#include <array>
#include <limits>

namespace postern::bridge {

namespace {

/// Sixteen octets for either family, with how many count.
struct Octets {
  std::array<uint8_t, 16> octets{};
  size_t count = 0;
};

Octets octets_of(const IpAddress& address) {
  Octets result;
  if (const auto* ipv6 = std::get_if<Ipv6>(&address)) {
    result.octets = ipv6->octets;
    result.count = 16;
    return result;
  }
  const uint32_t bits = std::get<Ipv4>(address).bits;
  for (size_t i = 0; i < 4; ++i) result.octets[i] = static_cast<uint8_t>(bits >> (24 - 8 * i));
  result.count = 4;
  return result;
}

IpAddress address_of(const Octets& from) {
  if (from.count == 16) return Ipv6{from.octets};
  return Ipv4::of(from.octets[0], from.octets[1], from.octets[2], from.octets[3]);
}

}  // namespace

unsigned width(const IpAddress& address) { return std::holds_alternative<Ipv4>(address) ? 32 : 128; }

IpAddress first_of(const IpAddress& any, unsigned prefix_bits) {
  Octets octets = octets_of(any);
  for (size_t bit = prefix_bits; bit < octets.count * 8; ++bit) {
    octets.octets[bit / 8] = static_cast<uint8_t>(octets.octets[bit / 8] & ~(0x80U >> (bit % 8)));
  }
  return address_of(octets);
}

bool share_prefix(const IpAddress& one, const IpAddress& other, unsigned bits) {
  return one.index() == other.index() && first_of(one, bits) == first_of(other, bits);
}

bool overlap(const Subnet& one, const Subnet& other) {
  return share_prefix(one.gateway, other.gateway, std::min(one.prefix_bits, other.prefix_bits));
}

std::optional<IpAddress> above(const IpAddress& base, uint64_t offset) {
  Octets octets = octets_of(base);
  unsigned carry = 0;  // of its own: in `offset`, it could be lost behind the highest bit
  for (size_t i = octets.count; i-- > 0; offset >>= 8) {
    const unsigned sum = octets.octets[i] + static_cast<unsigned>(offset & 0xFF) + carry;
    octets.octets[i] = static_cast<uint8_t>(sum);
    carry = sum >> 8;
  }
  if (offset != 0 || carry != 0) return std::nullopt;
  return address_of(octets);
}

std::optional<uint64_t> offset_in(const Subnet& subnet, const IpAddress& address) {
  if (!subnet.contains(address)) return std::nullopt;
  const Octets octets = octets_of(address), base = octets_of(first_of(subnet.gateway, subnet.prefix_bits));
  uint64_t offset = 0;
  for (size_t i = 0; i < octets.count; ++i) {
    if (offset >> 56 != 0) return std::nullopt;
    offset = offset << 8 | static_cast<uint8_t>(octets.octets[i] - base.octets[i]);
  }
  return offset;
}

std::optional<Offsets> usable(const Subnet& subnet) {
  const unsigned host_bits = width(subnet.gateway) - subnet.prefix_bits;
  if (host_bits == 0) return std::nullopt;
  const uint64_t all = host_bits >= 64 ? std::numeric_limits<uint64_t>::max() : (uint64_t{1} << host_bits) - 1;
  if (host_bits == 1) return Offsets{0, 1};                                             // RFC 3021, RFC 6164: both are hosts
  return Offsets{1, subnet.is_ipv4() ? all - 1 : std::min(all, uint64_t{0xFFFFFFFF})};  // IPv6 has no broadcast
}

}  // namespace postern::bridge
