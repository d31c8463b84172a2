#include "surroundings.h"

#include "postern/api/running.h"
#include "postern/bridge/endpoint_names.h"
#include "postern/netns/visit.h"

namespace postern::trace_cli {

Result<netns::Census> look_around() {
  auto census = netns::take_census();
  if (!census) return census;
  if (const auto names = bridge::endpoint_names()) netns::add_names(*census, *names);
  netns::add_names(*census, api::guest_names());
  return census;
}

Result<std::vector<netlink::Link>> links_here() {
  auto socket = netlink::Socket::open();
  if (!socket) return Failure(socket.error());
  return netlink::links(*socket);
}

Result<std::vector<netlink::Link>> links_of(const netns::SeenNamespace& seen) {
  const auto handle = netns::open_seen(seen);
  if (!handle) return Failure(handle.error());
  const auto visit = netns::Visit::begin(handle->network);
  if (!visit) return Failure(visit.error());
  return links_here();
}

}  // namespace postern::trace_cli
