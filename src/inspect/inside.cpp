#include "inside.h"

#include <linux/capability.h>
#include <sched.h>

#include <cerrno>

#include "postern/netlink/socket.h"
#include "postern/process/capability.h"

#include "answer.h"
#include "listeners.h"
#include "others.h"
#include "ruleset.h"
#include "settings.h"
#include "stack_tables.h"

namespace postern::inspect {

namespace {

/// Power where we are is enough for the network namespace. The user namespace gives it to those who have none here, and makes
/// whoever rules there our master, who may stop us.
Status go_there(const netns::NamespaceHandle& target, std::vector<Other>& others) {
  const auto here = netns::identity_of(std::string("/proc/thread-self/ns/net"));
  const auto there = netns::identity_of(target.network.get());
  if (here && there && *here == *there) return {};  // a caller without any power may look at his own
  if (::setns(target.network.get(), CLONE_NEWNET) == 0) return {};
  if (errno != EPERM) return fail_errno("enter the network namespace");
  open_ahead(others);
  return netns::enter(target);
}

void read_all_but_devices(netlink::Socket& socket, Inside& inside) {
  NamespaceView& view = inside.view;
  read_tables(socket, view);
  for (FoundListener& found : read_listeners(view.unread)) {
    view.listeners.push_back(std::move(found.listener));
    inside.listener_inodes.push_back(found.socket_inode);
  }
  read_settings(view);
}

/// All but the rules.
Result<Inside> look(const netns::NamespaceHandle& target, const netns::Census& census, Depth depth) {
  std::vector<Other> others = others_of(census);
  POSTERN_CHECK(go_there(target, others), "inspect");
  POSTERN_TRY(socket, netlink::Socket::open(), "inspect");
  Inside inside;
  POSTERN_CHECK(read_devices(socket, others, inside.view), "inspect");
  POSTERN_CHECK(process::keep_only_capability(CAP_NET_ADMIN), "inspect");  // others may not be opened after this
  if (depth == Depth::whole) read_all_but_devices(socket, inside);
  return inside;
}

Status look_and_tell(const netns::NamespaceHandle& target, const netns::Census& census, Depth depth, const UniqueFd& memory) {
  auto seen = look(target, census, depth);
  const bool whole = seen && depth == Depth::whole;
  POSTERN_CHECK(write_all(memory, tell(std::move(seen))), "tell");
  if (!whole) return {};
  NamespaceView rules;
  read_ruleset(rules);
  return write_all(memory, tell_rules(rules));
}

}  // namespace

Result<Inside> look_inside(const netns::NamespaceHandle& target, const netns::Census& census, Depth depth, const Limits& limits) {
  const auto body = [&](const UniqueFd& memory) { return look_and_tell(target, census, depth, memory) ? 0 : 1; };
  POSTERN_TRY(errand, run_errand(limits, body), "inspect");
  return understand(errand, limits, depth);
}

}  // namespace postern::inspect
