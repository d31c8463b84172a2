// address_class.h - the few kinds of address that decide what may be done with a packet.
#pragma once

#include "postern/base/address.h"

namespace postern::wire {

/// An address that no wire may carry (RFC 1122 3.2.1.3, RFC 4291 2.5), and that a socket would take for the host itself:
/// 127/8, 0/8; ::, ::1 and all of ::/96; IPv4 in IPv6 clothes, ::ffff:0:0/96.
bool is_martian(const IpAddress& address);

/// Multicast (224/4, ff00::/8) or 255.255.255.255.
bool is_group(const IpAddress& address);

/// fe80::/10, RFC 4291 2.5.6.
bool is_link_local(const Ipv6& address);

/// 0.0.0.0 or ::, the source of who has no address yet.
bool is_unspecified(const IpAddress& address);

}  // namespace postern::wire
