// ruleset.h - the rules as text for nft(8): one table of ours, made whole from what is kept, or changed by the elements of maps.
// Pure. docs/bridge.md draws which rule decides at which point.
//
//   prerouting  raw      -300  guarded subnets from foreign links, forged loopback: drop
//               dstnat   -100  to an address of the host: publish (DNAT)
//   output      dstnat   -100  127.0.0.1, ::1: redirect to the proxy; an address of the host: publish
//   forward     filter      0  of a known connection: accept; else by the bridge it comes from (what may leave), and by the
//   bridge
//                              it goes to (what may enter)
//   input       filter      0  from an internal network: its DNS alone; to a DNS server of ours: from its own network alone
//   postrouting srcnat    100  by the subnet it comes from: masquerade
//
// A packet costs a look into a map, however many networks, containers and ports there are. All policies are "accept": traffic
// that is not of our bridges is not ours to judge.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "postern/bridge/network.h"

#include "records.h"

namespace postern::bridge {

inline constexpr const char* kTable = "inet postern";

/// Everything that the rules follow from.
struct RuleInput {
  std::span<const Network> networks;
  std::span<const Endpoint> endpoints;
  std::optional<ProxyRecord> proxy;
};

/// One transaction that puts our table in the place of whatever was there.
std::string whole_ruleset(const RuleInput& input);
/// One transaction that takes our table away; an error where there is none.
std::string no_ruleset();

/// The elements of the endpoint's published ports, to be added to the maps, or taken out of them. Empty: it publishes none.
std::string add_ports(const Endpoint& endpoint);
std::string delete_ports(const Endpoint& endpoint);
/// Leads loopback clients to the proxy; without one, nowhere.
std::string set_proxy(const std::optional<ProxyRecord>& proxy);

}  // namespace postern::bridge
