// transport.h - what transport headers have in common.
#pragma once

#include <netinet/in.h>

#include <cstdint>

namespace postern::journey {

/// The header begins with a source and a destination port.
inline bool has_ports(uint8_t protocol) { return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP; }
inline bool is_icmp(uint8_t protocol) { return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6; }

}  // namespace postern::journey
