// container_link.h - one veth pair: an end that is a port of the bridge, the other inside the container's network namespace, with
// its addresses, routes and settings.
#pragma once

#include "postern/base/unique_fd.h"
#include "postern/bridge/network.h"
#include "postern/netlink/link.h"
#include "postern/netlink/socket.h"

namespace postern::bridge {

/// Makes the pair and configures both ends. `target` is the namespace. Errors: EEXIST: it has a link of that name; EPERM. What
/// was made is left to the caller to remove, by the host's end.
Status make_container_link(netlink::Socket& host, const Network& network, const Endpoint& endpoint, const UniqueFd& target);

/// Makes the host's end a port of the bridge, as the network has them; raised.
Status make_port(netlink::Socket& host, const Network& network, const netlink::Link& port, int bridge);

}  // namespace postern::bridge
