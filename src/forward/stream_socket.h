// stream_socket.h - how the streams of this room are made, and how they are cut off.
#pragma once

#include <sys/socket.h>

#include "postern/base/unique_fd.h"

namespace postern::forward {

inline constexpr int kStreamType = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

/// Of `family`, to connect by, as a spliced connection needs it. Asks for no memory. Empty: errno says why.
UniqueFd make_stream_socket(int family);

/// When it is closed the other end hears a RST, socket(7).
void set_reset(int socket);

/// It may pass: we have no descriptors left, or the host has no memory.
bool is_scarcity(int error);

}  // namespace postern::forward
