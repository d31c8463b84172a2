#include "stream_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>

namespace postern::forward {

UniqueFd make_stream_socket(int family) {
  UniqueFd socket(::socket(family, kStreamType, 0));
  if (!socket) return socket;
  constexpr int kOn = 1;  // each end has decided already what goes together
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &kOn, sizeof kOn);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_OOBINLINE, &kOn, sizeof kOn);  // RFC 6093
  return socket;
}

void set_reset(int socket) {
  constexpr linger kAtOnce{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &kAtOnce, sizeof kAtOnce);
}

bool is_scarcity(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

}  // namespace postern::forward
