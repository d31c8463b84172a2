// address.h - the addresses of links, both families. ip-address(8).
#pragma once

#include <cstdint>
#include <vector>

#include "postern/base/address.h"
#include "postern/base/result.h"
#include "postern/netlink/socket.h"

namespace postern::netlink {

struct Address {
  int link_index = 0;
  IpAddress address;  // the link's own, also where there is a peer
  unsigned prefix_bits = 0;
  uint8_t scope = 0;        // rtnetlink(7): RT_SCOPE_UNIVERSE, RT_SCOPE_LINK, RT_SCOPE_HOST
  bool tentative = false;   // not usable (yet): duplicate address detection runs or found one, RFC 4862 5.4
  bool deprecated = false;  // not for new connections, RFC 4862 5.5.4
};

/// Gives the link an address; an Ipv4 or an Ipv6 can be passed as it is. IPv4 gets its network's broadcast address too, IPv6 is
/// usable at once (no duplicate address detection: nobody else is on our links). Errors: EEXIST, ENODEV, EPERM, EINVAL for a
/// prefix longer than the address, EACCES or EOPNOTSUPP where IPv6 is off.
Status add_address(Socket& socket, int link_index, const IpAddress& address, unsigned prefix_bits);

/// Takes away what add_address() gave. Errors: EADDRNOTAVAIL if the link has no such address with that prefix; ENODEV, EPERM,
/// EINVAL as there.
Status remove_address(Socket& socket, int link_index, const IpAddress& address, unsigned prefix_bits);

/// Every address of every link.
Result<std::vector<Address>> addresses(Socket& socket);

/// A socket that becomes readable when an address of the calling thread's network namespace comes or goes; non-blocking.
Result<UniqueFd> open_address_announcements();
/// Reads all that was announced, or was lost for want of room: in either case it is time to list the addresses again.
Status discard_announcements(const UniqueFd& socket);

}  // namespace postern::netlink
