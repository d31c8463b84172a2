// others.h - the namespaces that a wire may lead to. There may be more of them than descriptors.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "postern/base/unique_fd.h"
#include "postern/netlink/socket.h"
#include "postern/netns/census.h"

namespace postern::inspect {

struct Other {
  ino_t inode = 0;
  std::string path;
  UniqueFd network;  // empty: opened when it is asked for
};
/// The host's first: most wires lead there.
std::vector<Other> others_of(const netns::Census& census);
/// As many as there are descriptors for, some being left: who enters a user namespace may not open them any more.
void open_ahead(std::vector<Other>& others);
/// The number that the socket's namespace knows it by; nothing: it knows none, or it is gone.
std::optional<int> id_of(const Other& other, netlink::Socket& socket);

}  // namespace postern::inspect
