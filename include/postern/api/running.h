// running.h - the posterns that run, and whom each serves: a postern lives outside of the namespace that it connects, so that who
// names the one means the other.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "postern/api/control_client.h"
#include "postern/netns/census.h"

namespace postern::api {

/// As its control socket's name tells: unix(7)'s abstract namespace, of the caller's network namespace. There is such a process,
/// and it is that user's; who listens under the name is known only to who asks him.
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
std::vector<InstanceName> choose_names(std::span<const InstanceName> names,
                                       const std::function<bool(const InstanceName&)>& is_real);
/// Whether /proc/PID/status, proc_pid_status(5), is of a process of that user.
bool is_of_user(std::string_view status, uid_t uid);

/// "postern 4711", of the namespaces that they serve.
std::vector<netns::GivenName> guest_names();
/// A namespace as somebody named it (find_namespace()); of a running postern's process number, that of a process it serves.
std::string whom_it_serves(std::string_view text);

}  // namespace postern::api
