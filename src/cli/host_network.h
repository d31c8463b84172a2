// host_network.h - what "automatic" means on this host: a free network, IPv6 or not, which addresses go out.
#pragma once

#include <string>
#include <vector>

#include "postern/netlink/route.h"
#include "postern/relay/engine.h"
#include "postern/relay/name_service_state.h"
#include "postern/relay/tap_setup.h"

#include "options.h"

namespace postern::cli {

/// The virtual network as it will be: every choice made.
struct VirtualNetwork {
  stack::StackConfig stack;
  relay::Engine engine = relay::kDefaultEngine;
  flow::DatagramPolicy datagrams;
  HostReach host_reach = HostReach::open;
  relay::NameSettings names;
  PublishSource publish_source = PublishSource::gateway;
  bool publish_source_is_typed = false;  // then it must be had
  Mac mac;  // of the TAP; ours to choose, so that the SLAAC address is known before the device exists
  std::optional<Ipv6> guest6() const;
};

/// What a TAP is given so that the namespace is on this network.
relay::LinkConfiguration link_configuration(const VirtualNetwork& network);

Result<VirtualNetwork> choose_network(const NetworkOptions& options);

/// Of an MTU that can be had and should not be. Not for slirp4netns's clients, who ask for 65520 and show our words to their
/// users.
void warn_of_stalls(const VirtualNetwork& network);

/// 10.0.2.0/24, or the first of 10.0.3.0/24... 10.0.255.0/24 that no route of the host overlaps. Pure.
Result<Cidr4> first_free_network(std::span<const netlink::Route> routes);

/// The nameservers inside: the stack's, for the families of which the host has resolvers.
std::vector<IpAddress> nameservers(std::string_view host_resolv_conf, const VirtualNetwork& network);

/// host.postern.internal: by what address a program inside reaches the host, if it may.
std::vector<workload::HostEntry> host_entries(const VirtualNetwork& network);

/// What the DNS addresses answer themselves: `added` names and the host's own.
std::vector<dns::HostName> answered_names(std::vector<workload::HostEntry> added, const VirtualNetwork& network);

}  // namespace postern::cli
