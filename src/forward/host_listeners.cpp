#include "postern/forward/host_listeners.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "postern/base/socket_address.h"

#include "stream_socket.h"

namespace postern::forward {

namespace {

template <class T>
int set_option(int socket, int level, int name, const T& value) {
  return ::setsockopt(socket, level, name, &value, sizeof value);
}

struct Bound {
  UniqueFd socket;
  Port port;
};

/// What TCP listens with.
void set_tcp_options(int socket) {
  set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);  // over what is in TIME_WAIT, socket(7)
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);  // inherited: the ends have decided already what goes together
  set_option(socket, SOL_SOCKET, SO_OOBINLINE, 1);  // inherited: RFC 6093
}

/// Bound to the host's end of `forward`; TCP listens.
Result<Bound> open_port(const stack::Forward& forward) {
  const bool tcp = forward.protocol == stack::Protocol::tcp;
  const std::string where = fmt::format("{} port {}", to_string(forward.host_address), forward.host_port.number);
  SocketAddress name(forward.host_address, forward.host_port);
  UniqueFd socket(::socket(name.family(), (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("socket for", where);
  // IPv4 is a port of its own, and its clients would look like nobody of this one's family.
  if (name.family() == AF_INET6 && set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0) {
    return fail_errno("IPV6_V6ONLY for", where);
  }
  if (tcp) set_tcp_options(socket.get());
  if (::bind(socket.get(), name.get(), name.size()) < 0) return fail_errno("listen on", where);
  if (tcp && ::listen(socket.get(), SOMAXCONN) < 0) return fail_errno("listen on", where);  // EADDRINUSE comes here too
  if (::getsockname(socket.get(), name.get(), name.room()) < 0) return fail_errno("getsockname", where);
  return Bound{std::move(socket), name.port()};
}

}  // namespace

HostListeners::HostListeners(loop::EventLoop& loop, Clients& clients)
    : loop_(loop),
      clients_(clients),
      source_(loop.make_source([this](uint32_t number, uint32_t) { accept_burst(number); })),
      alarm_(loop, [this] { wake(); }) {}

Result<Listeners::Listening> HostListeners::listen(const stack::Forward& forward) {
  auto bound = open_port(forward);
  if (!bound) return Failure(bound.error());
  stack::Forward chosen = forward;
  chosen.host_port = bound->port;
  if (forward.protocol == stack::Protocol::udp) {
    if (Status published = clients_.publish_udp(std::move(bound->socket), chosen); !published) return Failure(published.error());
    return Listening{.port = chosen.host_port};
  }
  const int fd = bound->socket.get();
  const uint32_t number = keep(std::move(bound->socket), chosen);
  if (const Status watched = source_.watch(fd, EPOLLIN, number); !watched) {
    (void)close(chosen, number);
    return Failure(watched.error());
  }
  return Listening{.port = chosen.host_port, .number = number};
}

uint32_t HostListeners::keep(UniqueFd socket, const stack::Forward& forward) {
  if (free_.empty()) {
    listeners_.push_back({std::move(socket), forward});
    return static_cast<uint32_t>(listeners_.size() - 1);
  }
  const uint32_t number = free_.back();
  free_.pop_back();
  listeners_[number] = {std::move(socket), forward};
  return number;
}

/// nullptr: it was closed; an event of its port may still be under way.
HostListeners::Listener* HostListeners::find(uint32_t number) {
  return number < listeners_.size() && listeners_[number].socket ? &listeners_[number] : nullptr;
}

/// What waits in the backlog is reset by the kernel.
Status HostListeners::close(const stack::Forward& forward, uint32_t number) {
  if (forward.protocol == stack::Protocol::udp) {
    clients_.unpublish_udp(forward);
    return {};
  }
  listeners_[number].socket.reset();  // which takes it out of the epoll set too
  free_.push_back(number);
  if (free_.size() == listeners_.size()) {  // the memory of many ports goes with the last
    listeners_ = std::vector<Listener>();
    free_ = std::vector<uint32_t>();
  }
  return {};
}

void HostListeners::accept_burst(uint32_t number) {
  for (int accepted = 0; accepted < kAcceptedPerTurn; ++accepted) {
    const Listener* listener = find(number);
    if (!listener) return;
    if (!clients_.have_room()) return rest(number);
    SocketAddress name;
    UniqueFd socket(::accept4(listener->socket.get(), name.get(), name.room(), SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket && is_scarcity(errno)) return rest(number);  // it stays in the backlog, and so the port stays ready
    if (!socket && errno == EAGAIN) return;
    const auto address = name.address();
    if (!socket || !address) continue;  // accept(2): an error of the one connection, which is gone
    clients_.arrived(std::move(socket), {*address, name.port()}, listener->forward);
  }
}

void HostListeners::rest(uint32_t number) {
  (void)source_.rewatch(listeners_[number].socket.get(), 0, number);
  resting_.push_back(number);
  if (resting_.size() == 1) alarm_.set(loop_.now() + kRest);
}

void HostListeners::wake() {
  for (const uint32_t number : std::exchange(resting_, {})) {
    if (const Listener* listener = find(number)) (void)source_.rewatch(listener->socket.get(), EPOLLIN, number);
  }
}

}  // namespace postern::forward
