#include "host_sockets.h"

#include "stream_socket.h"

namespace postern::forward {

UniqueFd HostSockets::take(int family) {
  UniqueFd socket = make_stream_socket(family);
  if (!socket) alarm_.set(loop_.now() + kRest);
  return socket;
}

}  // namespace postern::forward
