// address_choice.h - which addresses are given: a network that overlaps nothing the host knows, and in it the next free one.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "postern/bridge/network.h"
#include "postern/netlink/socket.h"

#include "store.h"

namespace postern::bridge {

/// A range of addresses that somebody uses already, and who: "the route to 10.0.0.0/8", "network blue".
struct Taken {
  Subnet range;
  std::string by;
};

/// What the host has addresses in or routes to (default routes apart), and what `networks` have.
Result<std::vector<Taken>> taken_ranges(netlink::Socket& socket, std::span<const Network> networks);

/// The first of 10.209.0.0/24 ... 10.223.255.0/24 that overlaps nothing. Errors: all of them do.
Result<Subnet> choose_subnet4(std::span<const Taken> taken);
/// A unique local /64 with a random global ID, RFC 4193 3.2.2.
Result<Subnet> choose_subnet6();
/// Errors say what `wanted` overlaps; that it has no room for a gateway; that the gateway is no address of a host.
Status check_subnet(const Subnet& wanted, std::span<const Taken> taken);

/// Claims for `key` the first free address behind the one that was given last, so that one that was just given back is not soon
/// another's. Errors name who holds the addresses of a network that is full.
Result<IpAddress> claim_next(const Store& store, const Network& network, const Subnet& subnet, std::string_view key);
/// Claims `wanted`. Errors: it is not in a network of these, it is the gateway's, or somebody has it: who.
Status claim_wanted(const Store& store, const Network& network, const IpAddress& wanted, std::string_view key);

}  // namespace postern::bridge
