// surroundings.h - the network namespaces there are, by every name that anybody gave them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include "postern/api/control_client.h"
#include "postern/netlink/link.h"
#include "postern/netns/census.h"

namespace postern::trace_cli {

/// A postern that runs, as its control socket's name tells: unix(7)'s abstract namespace, of the caller's network namespace.
/// There is such a process, and it is that user's; who listens under the name is known only to who asks him.
struct RunningPostern {
  uid_t uid = 0;
  pid_t pid = 0;
  uint64_t start_time = 0;  // of the process: pids are used again
  pid_t guest = 0;          // a process in the namespace that it serves; 0: it cannot be seen
  ino_t guest_inode = 0;    // that namespace; 0 likewise
};
using RunningKey = std::tuple<uid_t, pid_t, uint64_t>;
inline RunningKey key_of(const RunningPostern& running) { return {running.uid, running.pid, running.start_time}; }

/// Of the caller's user; for root, of every user: a few of each, so that nobody's names crowd out another's.
std::vector<RunningPostern> running_posterns();
/// Whether the process itself listens under its name, and no other.
bool serves_itself(const RunningPostern& running);

constexpr size_t kMostOfAUser = 16, kMostPosterns = 256;
/// Of `names`, which are in order, those that `is_real` and that few.
std::vector<api::InstanceName> choose_names(std::span<const api::InstanceName> names,
                                            const std::function<bool(const api::InstanceName&)>& is_real);
/// Whether /proc/PID/status, proc_pid_status(5), is of a process of that user.
bool is_of_user(std::string_view status, uid_t uid);

/// The census, with the names of postern bridge's endpoints and of running posterns. Names that cannot be had are left out.
Result<netns::Census> look_around();

/// Of the calling thread's network namespace.
Result<std::vector<netlink::Link>> links_here();
/// Of another one. Errors: EPERM; ESRCH, it has gone.
Result<std::vector<netlink::Link>> links_of(const netns::SeenNamespace& seen);

}  // namespace postern::trace_cli
