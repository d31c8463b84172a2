#include "given_names.h"

#include <linux/capability.h>
#include <unistd.h>

#include "postern/base/log.h"
#include "postern/bridge/bridge.h"
#include "postern/process/capability.h"

namespace postern::inspect_cli {

std::vector<netns::GivenName> names_of_bridge() {
  const bridge::Places places;
  if (::access((places.state + "/networks").c_str(), R_OK | X_OK) != 0) return {};  // and so none is made by looking
  if (!process::has_capability(CAP_NET_ADMIN) || !process::has_capability(CAP_SYS_ADMIN)) return {};
  auto bridge = bridge::Bridge::open(places);
  const auto members = bridge ? bridge->members() : Failure(bridge.error());
  if (!members) {
    log::warning("inspect: names of bridge networks: {}", members.error().message());
    return {};
  }
  std::vector<netns::GivenName> names;
  for (const bridge::Members& network : *members) {
    for (const bridge::Endpoint& endpoint : network.endpoints) names.push_back({endpoint.target.inode, endpoint.id});
  }
  return names;
}

}  // namespace postern::inspect_cli
