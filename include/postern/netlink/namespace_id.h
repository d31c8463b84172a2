// namespace_id.h - the numbers by which a network namespace knows others, ip-netns(8): a link that leads out of it names the
// namespace of its peer so, Link::peer_namespace.
#pragma once

#include <optional>

#include "postern/base/result.h"
#include "postern/netlink/socket.h"

namespace postern::netlink {

/// By which number the socket's namespace knows the one that `network` is open at; nothing: it does not know it. Another
/// namespace has other numbers. Errors: EINVAL, EBADF: it is no network namespace.
Result<std::optional<int>> namespace_id(Socket& socket, int network);

}  // namespace postern::netlink
