// source_address.h - which of the host's addresses its packets carry: by name of a link, or as routing decides.
#pragma once

#include <string_view>

#include "postern/base/address.h"
#include "postern/base/result.h"
#include "postern/netlink/socket.h"

namespace postern::netlink {

/// The source address that the calling thread's network namespace uses towards the outside; nothing is sent. `family` is AF_INET
/// or AF_INET6. Errors: ENETUNREACH without a route, EADDRNOTAVAIL if only loopback or link-local addresses are at hand.
Result<IpAddress> outbound_address(int family);

/// The address of link `name` by which it can be reached from furthest (global before host); never tentative nor IPv6
/// link-local. Errors: ENODEV (no such link), EADDRNOTAVAIL (it has no such address).
Result<IpAddress> address_of_link(Socket& socket, std::string_view name, int family);

/// Whether packets may carry `address` as their source, as bind(2) rules. Errors: EADDRNOTAVAIL (it is none of the host's).
Status check_source_address(const IpAddress& address);

}  // namespace postern::netlink
