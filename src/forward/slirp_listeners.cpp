#include "postern/forward/slirp_listeners.h"

#include <sys/socket.h>

#include "postern/base/socket_address.h"
#include "postern/base/unique_fd.h"

namespace postern::forward {

namespace {

constexpr int kTries = 16;  // for a free port that stays free until libslirp has it

/// A port of `address` that nobody has at this moment. Errors: socket(2)'s, bind(2)'s.
Result<Port> free_port(stack::Protocol protocol, const IpAddress& address) {
  SocketAddress name(address, {});
  const UniqueFd socket(::socket(name.family(), (protocol == stack::Protocol::udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("socket");
  if (::bind(socket.get(), name.get(), name.size()) < 0) return fail_errno("bind", to_string(address));
  if (::getsockname(socket.get(), name.get(), name.room()) < 0) return fail_errno("getsockname");
  return name.port();
}

}  // namespace

Status SlirpListeners::listen_on(const stack::Forward& forward) {
  if (open_.contains(name_of(forward))) return fail(std::errc::address_in_use, "it is published already");
  if (Status added = stack_.add_forward(forward); !added) return added;
  open_.insert(name_of(forward));
  return {};
}

Result<Listeners::Listening> SlirpListeners::listen(const stack::Forward& forward) {
  stack::Forward chosen = forward;
  for (int tries = 1;; ++tries) {
    if (forward.host_port.number == 0) {
      const auto port = free_port(forward.protocol, forward.host_address);
      if (!port) return Failure(port.error());
      chosen.host_port = *port;
    }
    const Status listening = listen_on(chosen);
    if (listening) return Listening{.port = chosen.host_port};
    const bool another = forward.host_port.number == 0 && listening.error().is(std::errc::address_in_use) && tries < kTries;
    if (!another) return Failure(listening.error());
  }
}

Status SlirpListeners::close(const stack::Forward& forward, uint32_t) {
  if (Status gone = stack_.remove_forward(forward); !gone) return gone;
  open_.erase(name_of(forward));
  return {};
}

}  // namespace postern::forward
