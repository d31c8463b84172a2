// socket_maker.h - the process that makes sockets inside the namespace, for InsideSockets.
#pragma once

#include <cstddef>
#include <cstdint>

#include "postern/netns/namespace.h"

namespace postern::forward {

inline constexpr size_t kSocketsAMessage = 8;

/// A request, and what stands beside the sockets that answer it. Fewer than asked for: the rest could not be made.
struct SocketRequest {
  uint8_t family;
  uint8_t count;
};

/// The helper's life: enters, closes all it has inherited but `channel`, locks itself up, answers until the other end closes.
/// Returns its exit status, and only if it failed before it was locked up.
int run_socket_maker(int channel, const netns::NamespaceHandle& target);

}  // namespace postern::forward
