#include "postern/bridge/endpoint_names.h"

#include <linux/capability.h>
#include <unistd.h>

#include "postern/process/capability.h"

namespace postern::bridge {

Result<std::vector<netns::GivenName>> endpoint_names(const Places& places) {
  std::vector<netns::GivenName> names;
  if (::access((places.state + "/networks").c_str(), R_OK | X_OK) != 0) return names;  // and so none is made by looking
  if (!process::has_capability(CAP_NET_ADMIN) || !process::has_capability(CAP_SYS_ADMIN)) return names;
  POSTERN_TRY(bridge, Bridge::open(places), "names of bridge networks");
  POSTERN_TRY(networks, bridge.members(), "names of bridge networks");
  for (const Members& network : networks) {
    for (const Endpoint& endpoint : network.endpoints) names.push_back({endpoint.target.inode, endpoint.id});
  }
  return names;
}

}  // namespace postern::bridge
