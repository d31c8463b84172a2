// drop.h - why a frame from the namespace was not carried: one counter a reason, no log line.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern::relay {

enum class Drop : uint8_t {
  malformed,             // a length that lies, a header cut short, an offset out of bounds
  bad_checksum,          // of the IPv4 header, or of a TCP segment that the fast engine has
  unknown_ethertype,     // not ARP, IPv4, IPv6: VLAN tags too
  ipv6_off,              // IPv6 while it is switched off
  martian_destination,   // 127/8, 0/8, ::, ::1, ::/96, ::ffff:0:0/96
  martian_source,        // the same, and group addresses
  source_route,          // IPv4 LSRR, SSRR; IPv6 routing header
  ipv6_extension,        // another IPv6 extension header
  ipv6_fragment,         // an IPv6 fragment for libslirp, which cannot take what it is of; or behind other extension headers
  unsupported_protocol,  // not TCP, UDP, ICMP
  router_message,        // ICMP that only a router sends: advertisement, redirect
  group_destination,     // broadcast or multicast that nobody here serves
  host_alias,            // an address that stands for the host, while its loopback is closed: refused with an ICMP error
  host_address,          // an address of the host itself, while it is isolated: refused in the same way
  hop_limit,             // a time to live that ends here: refused with "time exceeded"
  flow_limit,            // would open a flow beyond max_flows
  fragment_overlap,      // a datagram with overlapping or contradicting fragments, dropped whole
  fragment_limit,        // a datagram that made room for a newer one
  fragment_timeout,      // a datagram whose fragments did not all come
};
inline constexpr size_t kDropReasons = static_cast<size_t>(Drop::fragment_timeout) + 1;

/// The word for tables and JSON: "martian_destination".
std::string_view name(Drop reason);

class DropCounters {
 public:
  void count(Drop reason) { ++counts_[static_cast<size_t>(reason)]; }
  uint64_t of(Drop reason) const { return counts_[static_cast<size_t>(reason)]; }
  uint64_t total() const;

 private:
  std::array<uint64_t, kDropReasons> counts_{};
};

}  // namespace postern::relay
