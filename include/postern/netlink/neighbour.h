// neighbour.h - who of a link's network has which MAC, as the kernel has learnt it: ARP and neighbour discovery. ip-neighbour(8).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "postern/base/address.h"
#include "postern/base/result.h"
#include "postern/netlink/socket.h"

namespace postern::netlink {

struct Neighbour {
  int link_index = 0;
  IpAddress address;
  std::optional<Mac> mac;  // none: not known (yet)
  uint16_t state = 0;      // linux/neighbour.h: NUD_REACHABLE, NUD_STALE, NUD_FAILED, ...
};

/// Of every link, but not those that need no question: NUD_NOARP, as a multicast group's or a loopback's.
Result<std::vector<Neighbour>> neighbours(Socket& socket);

}  // namespace postern::netlink
