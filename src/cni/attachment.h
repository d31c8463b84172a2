// attachment.h - between CNI's words and the engine's: what to attach, what was attached, and whether it still is. Pure.
#pragma once

#include <optional>
#include <string>

#include "add_result.h"
#include "call.h"
#include "refusal.h"
#include "wish.h"

namespace postern::cni {

/// Whose an endpoint is, among those who use the engine: the CNI network's. GC takes away no others.
std::string owner_of(const Configuration& configuration);

/// The network as configured, in the subnets that the IPAM plugin has chosen from.
NetworkWish wish_for(const Configuration& configuration, const AddResult& chosen);

/// Refuses what of `chosen` cannot be had: a route by another gateway than ours.
Outcome<bridge::EndpointSpec> endpoint_for(const Call& call, const NetworkWish& wish, const AddResult& chosen);

struct Made {
  bridge::Network network;
  bridge::Endpoint endpoint;
  std::optional<Mac> host_mac;  // of the host's end
};
AddResult result_of(const Made& made, const Call& call, const AddResult& chosen);

/// CHECK: what `previous` lacks of what was made, in words. What else stands there is that of plugins behind us.
std::optional<std::string> deviation(const bridge::Endpoint& endpoint, const AddResult& previous);

}  // namespace postern::cni
