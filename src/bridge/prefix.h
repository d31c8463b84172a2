// prefix.h - arithmetic on addresses of either family by their octets, as on the wire: prefixes (RFC 4632, RFC 4291 2.3), the
// n-th address of a network.
#pragma once

#include <cstdint>
#include <optional>

#include "postern/base/address.h"
#include "postern/bridge/network.h"

namespace postern::bridge {

/// Of the same family, and the same in their first `bits`.
bool share_prefix(const IpAddress& one, const IpAddress& other, unsigned bits);
/// Whether some address is in both.
bool overlap(const Subnet& one, const Subnet& other);
/// The network's own address: the bits behind the prefix are zero.
IpAddress first_of(const IpAddress& any, unsigned prefix_bits);
/// 32 or 128.
unsigned width(const IpAddress& address);
/// The address `offset` above `base`; nothing beyond the family's last one.
std::optional<IpAddress> above(const IpAddress& base, uint64_t offset);
/// How far `address` is above the network's first; nothing: by more than fits.
std::optional<uint64_t> offset_in(const Subnet& subnet, const IpAddress& address);
/// How many addresses the offsets of which can be given to containers: neither the network's own nor IPv4's broadcast.
/// first..last, both included; nothing: there is none (a /32, a /128).
struct Offsets {
  uint64_t first = 0, last = 0;
};
std::optional<Offsets> usable(const Subnet& subnet);

}  // namespace postern::bridge
