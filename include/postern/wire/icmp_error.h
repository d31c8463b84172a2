// icmp_error.h - answers a frame with "destination unreachable" or "time exceeded", so that the program that sent it knows at
// once.
#pragma once

#include <optional>

#include "postern/wire/bytes.h"
#include "postern/wire/ethernet.h"

namespace postern::wire {

enum class IcmpReason {  // RFC 792, RFC 1812 5.2.7.1 | RFC 4443 3.1     errno at the sender
  no_route,              // 3/0 net unreachable       | 1/0 no route     ENETUNREACH
  address,               // 3/1 host unreachable      | 1/3 address      EHOSTUNREACH
  protocol,              // 3/2 protocol unreachable  | 1/4 port         ENOPROTOOPT | ECONNREFUSED
  port,                  // 3/3 port unreachable      | 1/4 port         ECONNREFUSED
  prohibited,            // 3/13 prohibited           | 1/1 prohibited   EHOSTUNREACH | EACCES
  hop_limit,             // 11/0 time to live         | 3/0 hop limit    EHOSTUNREACH; traceroute
};

/// An error in the words of the wire, as a router has said it.
struct IcmpError {
  uint8_t type;
  uint8_t code;
  uint32_t rest = 0;  // the second word: the MTU of the next link, or where the parameter is wrong

  constexpr bool operator==(const IcmpError&) const = default;
};
IcmpError to_icmp_error(IcmpReason reason, bool v4);

/// An IPv4 error is at most 576 bytes (RFC 1812 4.3.2.3), an IPv6 error at most 1280 (RFC 4443 2.4 c).
inline constexpr size_t kMaxIcmpErrorFrame = EthernetFrame::kHeaderBytes + 1280;

/// Writes the whole Ethernet frame into `reply`, which holds kMaxIcmpErrorFrame, and returns the part written. It comes from
/// `router`, an address of the offending packet's family, and from the MAC that the offending frame was sent to.
/// nullopt where no error may be sent (RFC 1122 3.2.2, RFC 4443 2.4 e): in answer to an ICMP error, to a fragment but the
/// first, to a group address or from a source that is not one host; or where `offending` does not parse.
std::optional<MutableBytes> build_icmp_error(const IcmpError& error, Bytes offending, const IpAddress& router,
                                             MutableBytes reply);
std::optional<MutableBytes> build_icmp_error(IcmpReason reason, Bytes offending, const IpAddress& router, MutableBytes reply);

}  // namespace postern::wire
