// lab_network.h - the two network namespaces of a lab and the link between them; drawn in topology.h.
#pragma once

#include <string>
#include <vector>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

#include "keeper.h"

namespace postern::lab {

struct Network {
  UniqueFd host;  // network namespaces, for setns(2); also at /run/netns, for `ip -n remote`
  UniqueFd remote;
};

/// Called in the host's network namespace, just made, and returns in it. What cannot be had is named in `missing`.
Result<Network> make_network(const Plan& plan, std::vector<std::string>& missing);

}  // namespace postern::lab
