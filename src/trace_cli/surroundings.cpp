#include "surroundings.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "postern/api/control_client.h"
#include "postern/base/file.h"
#include "postern/base/text.h"
#include "postern/bridge/endpoint_names.h"
#include "postern/netns/visit.h"

namespace postern::trace_cli {

namespace {

using netns::GivenName;

/// The child of a postern that does not live where it does, which is where we do: whom it serves.
RunningPostern with_guest(RunningPostern running) {
  const auto own = netns::identity_of("/proc/thread-self/ns/net");
  const auto children = read_file(fmt::format("/proc/{0}/task/{0}/children", running.pid));
  if (!own || !children) return running;
  std::string_view rest = *children;
  for (std::string_view word = take_word(rest); !word.empty(); word = take_word(rest)) {
    const auto network = netns::identity_of(fmt::format("/proc/{}/ns/net", word));
    if (!network || *network == *own) continue;
    running.guest = whole_number<pid_t>(word).value_or(0);
    running.guest_inode = network->inode;
    break;
  }
  return running;
}

std::vector<GivenName> instance_names() {
  std::vector<GivenName> names;
  for (const RunningPostern& running : running_posterns()) {
    if (running.guest_inode != 0) names.push_back({running.guest_inode, fmt::format("postern {}", running.pid)});
  }
  return names;
}

}  // namespace

std::vector<RunningPostern> running_posterns() {
  const auto text = read_file("/proc/net/unix");
  if (!text) return {};
  std::vector<RunningPostern> running;
  std::vector<uid_t> users = {::geteuid()};
  if (::geteuid() == 0) users = api::find_instance_users(*text);
  for (const uid_t uid : users) {
    for (const pid_t pid : api::find_instances(*text, uid)) running.push_back(with_guest({.uid = uid, .pid = pid}));
  }
  return running;
}

Result<netns::Census> look_around() {
  auto census = netns::take_census();
  if (!census) return census;
  if (const auto names = bridge::endpoint_names()) netns::add_names(*census, *names);
  netns::add_names(*census, instance_names());
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
