// ip.h - IPv4 (RFC 791) and IPv6 (RFC 8200) behind one view, so that what is decided about a packet is written once.
#pragma once

#include <optional>

#include "postern/base/address.h"
#include "postern/wire/bytes.h"

namespace postern::wire {

enum class Protocol : uint8_t { icmp = 1, tcp = 6, udp = 17, icmpv6 = 58 };  // others are values without a name

/// Where a field begins in the header, for those who write one.
namespace ipv4_field {
inline constexpr size_t total_length = 2, id = 4, checksum = 10;
}
namespace ipv6_field {
inline constexpr size_t payload_length = 4, next_header = 6;
}

struct Fragment {
  uint32_t id;            // 16 bits wide in IPv4
  uint16_t offset_bytes;  // a multiple of 8
  bool more;              // another fragment follows

  constexpr bool operator==(const Fragment&) const = default;
};

struct IpPacket {
  static constexpr size_t kMinHeaderBytes4 = 20;
  static constexpr size_t kHeaderBytes6 = 40;
  static constexpr size_t kFragmentHeaderBytes6 = 8;
  static constexpr size_t kMaxBytes = 65'535;          // IPv4's total length; an IPv6 packet may be 40 longer
  static constexpr unsigned kMaxExtensionHeaders = 8;  // a longer chain is an attack: RFC 8504 5.3 lets a host refuse it

  IpAddress source;
  IpAddress destination;
  Protocol protocol;  // of the payload, behind any IPv6 extension headers
  uint8_t hop_limit;  // IPv4: time to live
  Bytes header;       // with IPv4 options or IPv6 extension headers
  Bytes payload;      // ends where the header says, not where the frame does
  std::optional<Fragment> fragment;
  bool source_route = false;       // IPv4: LSRR or SSRR option; IPv6: a routing header of any type
  bool extension_headers = false;  // IPv6: there is at least one, the fragment header included

  bool is_v4() const { return std::holds_alternative<Ipv4>(source); }
  Bytes whole() const { return {header.data(), header.size() + payload.size()}; }
  /// IPv6 has none to be wrong.
  bool header_checksum_ok() const;

  /// nullopt: neither version 4 nor 6, or a length, option or extension header that does not fit in `packet`. Bytes after the
  /// length that the header states are padding, and no part of the view. Checksums are the caller's question.
  static std::optional<IpPacket> parse(Bytes packet);
};

/// What stands before a packet of our own: without options, and not to be fragmented on its way unless it says so.
struct IpHeader {
  static constexpr uint8_t kHopLimit = 64;  // RFC 1700

  IpAddress source;  // of one family with the destination
  IpAddress destination;
  Protocol protocol;
  uint8_t traffic_class = 0;  // IPv4: type of service
  uint16_t id = 0;            // IPv4 only; means nothing in a packet that is no fragment, RFC 6864 4.1
  /// Of a packet that is one; IPv6 then has a fragment header. In IPv4 also {id, 0, false} of a whole one that a router may cut.
  std::optional<Fragment> fragment = {};
};

/// Writes it for `payload_bytes` behind it, which with the header are no more than IpPacket::kMaxBytes. Returns the bytes
/// written.
size_t store_ip_header(MutableBytes room, const IpHeader& header, size_t payload_bytes);

/// Lets the header of `packet`, which parsed when it was longer or shorter, say how long it is now, and makes an IPv4 header's
/// checksum right.
void store_ip_length(MutableBytes packet);

}  // namespace postern::wire
