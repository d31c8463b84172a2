// running.h - the posterns that run, and whom each serves: a postern lives outside of the namespace that it connects, so that who
// names the one means the other.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "postern/netns/census.h"

namespace postern::api {

/// As its control socket's name tells: unix(7)'s abstract namespace, of the caller's network namespace.
struct RunningPostern {
  uid_t uid = 0;
  pid_t pid = 0;
  pid_t guest = 0;        // a process in the namespace that it serves; 0: it cannot be seen
  ino_t guest_inode = 0;  // that namespace; 0 likewise
};
/// Of the caller's user; for root, of every user. Anybody may take such a name: it counts
/// where its process is called postern, and who answers is asked later.
std::vector<RunningPostern> running_posterns();

/// "postern 4711", of the namespaces that they serve.
std::vector<netns::GivenName> guest_names();
/// A namespace as somebody named it (find_namespace()); of a running postern's process number, that of a process it serves.
std::string whom_it_serves(std::string_view text);

}  // namespace postern::api
