// listeners.h - the sockets of a namespace that wait for strangers: TCP that listens, UDP that is connected to nobody.
// proc_net(5).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "postern/inspect/namespace_view.h"

namespace postern::inspect {

struct FoundListener {
  ListenerView listener;
  uint64_t socket_inode = 0;
};

/// Those in the text of /proc/net/tcp, tcp6, udp or udp6, which `protocol` ("tcp", "udp") says. What is not well formed is passed
/// over. Pure.
std::vector<FoundListener> parse_listeners(std::string_view text, std::string_view protocol);

/// Of the calling process's namespace. What cannot be read is said in `unread`.
std::vector<FoundListener> read_listeners(std::vector<std::string>& unread);

}  // namespace postern::inspect
