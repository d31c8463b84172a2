// bytes.h - what a packet is made of, and how its numbers are read: network byte order, at any alignment.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "postern/base/address.h"

namespace postern::wire {

using Bytes = std::span<const uint8_t>;
using MutableBytes = std::span<uint8_t>;

// The caller has checked the length: these stand behind a parse(), which is the only gate for hostile bytes.

constexpr uint16_t load16(Bytes bytes, size_t at) { return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]); }
constexpr uint32_t load32(Bytes bytes, size_t at) { return uint32_t{load16(bytes, at)} << 16 | load16(bytes, at + 2); }

constexpr void store16(MutableBytes bytes, size_t at, uint16_t value) {
  bytes[at] = static_cast<uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<uint8_t>(value & 0xff);
}
constexpr void store32(MutableBytes bytes, size_t at, uint32_t value) {
  store16(bytes, at, static_cast<uint16_t>(value >> 16));
  store16(bytes, at + 2, static_cast<uint16_t>(value & 0xffff));
}

/// Mac and Ipv6 hold their octets as the wire does.
template <class Address>
constexpr Address load_octets(Bytes bytes, size_t at) {
  Address address;
  std::copy_n(bytes.data() + at, address.octets.size(), address.octets.begin());
  return address;
}
template <class Address>
constexpr void store_octets(MutableBytes bytes, size_t at, const Address& address) {
  std::copy_n(address.octets.begin(), address.octets.size(), bytes.data() + at);
}

}  // namespace postern::wire
