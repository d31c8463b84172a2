// parts.h - what every operation works with, and the steps that several share. Each holds the lock while it calls these.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "postern/bridge/bridge.h"
#include "postern/netlink/socket.h"

#include "store.h"

namespace postern::bridge {

struct Bridge::Parts {
  Places places;
  Store store;
  netlink::Socket netlink;
};

using Parts = Bridge::Parts;

/// The lock; and what a killed operation has left half-made is undone.
Result<UniqueFd> begin(Parts& parts);
/// Its second half.
Status undo_pending(Parts& parts);

/// Rules, list of ports, proxy and DNS servers as they follow from what is kept.
Status settle(Parts& parts);

/// The whole table again, in one transaction; none where there are no networks.
Status make_rules(Parts& parts);
/// `commands` in one transaction; where the table has gone (somebody flushed the ruleset), the whole of it again.
Status change_rules(Parts& parts, const std::string& commands);

/// Every endpoint of every network.
Result<std::vector<Endpoint>> all_endpoints(const Parts& parts);

/// Takes away endpoints whose namespace has gone, and addresses of nobody, of every network; says what that was.
Result<std::vector<std::string>> collect_gone(Parts& parts);

/// The list of published ports, from the endpoints.
Status write_ports(Parts& parts);

/// Starts the proxy where some port is published, ends it where none is. True: it is another one now, or none.
Result<bool> keep_proxy(Parts& parts);

/// Rules first, link last: what a rule leads to must not be gone before it. Goes on after a failure; returns the first one.
Status remove_endpoint(Parts& parts, const Endpoint& endpoint);
Status remove_network(Parts& parts, const std::string& name);
/// Of an endpoint whose record cannot be read, what is known by its key: claims, names, the record. Its link is known by being of
/// nobody else; list of ports, proxy and rules are for settle().
Status remove_damaged_endpoint(Parts& parts, const std::string& network, const std::string& key);

/// Forgets which connections the kernel's NAT knows to or from the endpoint's addresses, and by its UDP ports: a datagram follows
/// the mapping that there is, not the rule that came since.
Status forget_mappings(const Endpoint& endpoint);
/// The same of the endpoint's connections by these ports alone, and of UDP by them to wherever it went before.
Status forget_ports(const Endpoint& endpoint, std::span<const PortRange> ports);

/// The network's DNS server.
Status start_names(Parts& parts, const Network& network);

}  // namespace postern::bridge
