// conntrack.h - the connections that the kernel remembers. A packet of one of them goes where its first one went, whatever the
// rules say by now: who takes away a published port has to make the kernel forget them too. conntrack(8).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "postern/base/address.h"
#include "postern/base/result.h"

namespace postern::netfilter {

/// "Original" is how the packets of whoever began look as they arrive, "reply" how the answers do. Without address translation
/// the one is the other turned round; behind a published port reply_source is the container.
struct Connection {
  uint8_t ip_protocol = 0;  // IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, ...
  IpAddress original_source, original_destination;
  Port original_source_port, original_destination_port;  // 0 where the protocol has none
  IpAddress reply_source, reply_destination;
  Port reply_source_port, reply_destination_port;
};

/// Asks `wanted` about every connection of the calling thread's network namespace, of both families and all zones, and deletes
/// those for which it says yes; one that ends meanwhile by itself is no error. The result is how many were deleted. Errors:
/// EPROTONOSUPPORT where the kernel has no ctnetlink; EPERM.
Result<size_t> forget_connections(const std::function<bool(const Connection&)>& wanted);

}  // namespace postern::netfilter
