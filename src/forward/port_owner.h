// port_owner.h - who holds a port already: what a person wants to know when it cannot be published.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "postern/base/address.h"
#include "postern/stack/slirp_stack.h"

namespace postern::forward {

/// "nginx (PID 4711)", as far as /proc lets us see: our own user's processes, or everybody's for root. Else the user's id.
std::optional<std::string> find_port_owner(stack::Protocol protocol, Port port);

/// /proc/net/tcp and its like, proc(5): the inode and owner of a socket that listens on (TCP) or is bound to (UDP) `port`.
struct SocketEntry {
  unsigned long inode = 0;
  unsigned uid = 0;
};
std::optional<SocketEntry> find_socket(std::string_view proc_net_text, stack::Protocol protocol, Port port);

/// net.ipv4.ip_unprivileged_port_start; it holds for IPv6 too.
int first_unprivileged_port();

}  // namespace postern::forward
