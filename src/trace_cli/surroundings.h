// surroundings.h - the network namespaces there are, by every name that anybody gave them.
#pragma once

#include <vector>

#include "postern/netlink/link.h"
#include "postern/netns/census.h"

namespace postern::trace_cli {

/// A postern that runs, as its control socket's name tells: unix(7)'s abstract namespace, of the caller's network namespace.
struct RunningPostern {
  uid_t uid = 0;
  pid_t pid = 0;
  pid_t guest = 0;        // a process in the namespace that it serves; 0: it cannot be seen
  ino_t guest_inode = 0;  // that namespace; 0 likewise
};
/// Of the caller's user; for root, of every user. Anybody may take such a name: who answers is asked later.
std::vector<RunningPostern> running_posterns();

/// The census, with the names of postern bridge's endpoints and of running posterns. Names that cannot be had are left out.
Result<netns::Census> look_around();

/// Of the calling thread's network namespace.
Result<std::vector<netlink::Link>> links_here();
/// Of another one. Errors: EPERM; ESRCH, it has gone.
Result<std::vector<netlink::Link>> links_of(const netns::SeenNamespace& seen);

}  // namespace postern::trace_cli
