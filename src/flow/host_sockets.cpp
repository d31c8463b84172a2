#include "postern/flow/host_sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "postern/base/socket_address.h"

namespace postern::flow {

namespace {

constexpr uint32_t kEvents = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET;

template <class T>
int set_option(int socket, int level, int name, const T& value) {
  return ::setsockopt(socket, level, name, &value, sizeof value);
}

TcpEngine::Readiness to_readiness(uint32_t events) {
  return {.readable = (events & EPOLLIN) != 0,
          .writable = (events & EPOLLOUT) != 0,
          .ended = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0,
          .urgent = (events & EPOLLPRI) != 0};
}

msghdr message_of(std::span<const iovec> vectors) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(vectors.data());
  message.msg_iovlen = vectors.size();
  return message;
}

/// What has happened to it, which is told once.
int pending_error(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace

HostSockets::HostSockets(loop::EventLoop& loop, HostSocketsConfig config)
    : loop_(loop),
      config_(std::move(config)),
      source_(loop.make_source([this](uint32_t token, uint32_t events) { event(token, events); })),
      patience_(loop, [this] { lose_patience(); }) {}

/// 0, or an errno of D.8's kind: an outbound address that the host has lost is a network that cannot be reached.
int HostSockets::bind_outbound(int socket, const Destination& towards) const {
  const auto own = outbound_towards(towards.address, config_.outbound4, config_.outbound6);
  if (!own || (towards.is_nameserver && is_loopback(towards.address))) return 0;
  set_option(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);  // connect(2) chooses, so that a port may serve many remotes
  const SocketAddress address(*own, {});
  if (::bind(socket, address.get(), address.size()) == 0) return 0;
  return errno == EADDRNOTAVAIL ? ENETUNREACH : errno;
}

HostSide::Opening HostSockets::open(const FlowKey& key, uint32_t token) {
  auto destination = config_.destination(key.remote, key.remote_port);
  if (!destination) return {.socket = -1, .error = ENETUNREACH};
  if (destination->otherwise.empty()) return open_towards(*destination, token);
  std::vector<Destination> all = std::exchange(destination->otherwise, {});
  all.insert(all.begin(), std::move(*destination));
  return open_one_of(std::move(all), token);
}

HostSide::Opening HostSockets::open_towards(const Destination& destination, uint32_t token) {
  int error = 0;
  UniqueFd socket = socket_towards(destination, error);
  if (!socket) return {.socket = -1, .error = error};
  error = connect(socket.get(), destination, token);
  if (error != 0 && error != EINPROGRESS) return {.socket = -1, .error = error};
  return {.socket = socket.release(), .error = error};
}

/// Unconnected; none: `error` says why.
UniqueFd HostSockets::socket_towards(const Destination& destination, int& error) const {
  UniqueFd socket(::socket(family_of(destination.address), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  error = socket ? 0 : errno;
  if (!socket) return socket;
  set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);  // the namespace has decided already what goes together
  set_option(socket.get(), SOL_SOCKET, SO_OOBINLINE, 1);  // RFC 6093
  error = bind_outbound(socket.get(), destination);
  return error == 0 ? std::move(socket) : UniqueFd();
}

/// 0, EINPROGRESS, or the errno of what failed.
int HostSockets::connect(int socket, const Destination& destination, uint32_t token) {
  if (!source_.watch(socket, EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET, token)) return ENOBUFS;
  const SocketAddress address(destination.address, destination.port, destination.scope);
  return ::connect(socket, address.get(), address.size()) == 0 ? 0 : errno;
}

HostSide::Opening HostSockets::open_one_of(std::vector<Destination> destinations, uint32_t token) {
  Opening opening;
  for (size_t i = 0; i < destinations.size(); ++i) {
    opening = open_towards(destinations[i], token);
    if (opening.socket < 0) continue;
    if (opening.error == 0) {
      if (config_.connected) config_.connected(destinations[i]);
    } else {
      attempts_.push_back({.socket = opening.socket,
                           .token = token,
                           .destinations = std::move(destinations),
                           .current = i,
                           .patience_ends = loop_.now() + kPatience});
      wait_for_first();
    }
    break;
  }
  return opening;
}

/// Connects towards another destination under the number of `socket`, whose connection is given up: the kernel takes what is
/// replaced out of the epoll set. As connect().
int HostSockets::replace(int socket, const Destination& destination, uint32_t token) {
  int error = 0;
  const UniqueFd fresh = socket_towards(destination, error);
  if (!fresh) return error;
  if (::dup3(fresh.get(), socket, O_CLOEXEC) < 0) return errno;
  return connect(socket, destination, token);
}

void HostSockets::event(uint32_t token, uint32_t events) {
  const auto attempt = std::find_if(attempts_.begin(), attempts_.end(), [&](const Attempt& each) { return each.token == token; });
  if (attempt == attempts_.end()) return config_.ready(token, to_readiness(events));
  if (attempt->error != 0) return;  // it was told
  const int error = pending_error(attempt->socket);
  if (error != 0) return try_next(*attempt, error);
  const bool is_connected = (events & EPOLLOUT) != 0 && (events & EPOLLHUP) == 0;
  if (is_connected) arrived(*attempt, to_readiness(events));
}

/// The attempt is over.
void HostSockets::arrived(Attempt& attempt, const TcpEngine::Readiness& readiness) {
  const Destination reached = attempt.destinations[attempt.current];
  const uint32_t token = attempt.token;
  attempts_.erase(attempts_.begin() + (&attempt - attempts_.data()));
  if (config_.connected) config_.connected(reached);
  config_.ready(token, readiness);
}

/// `error`: why the current one will not do. The engine closes what has failed.
void HostSockets::try_next(Attempt& attempt, int error) {
  while (attempt.current + 1 < attempt.destinations.size()) {
    error = replace(attempt.socket, attempt.destinations[++attempt.current], attempt.token);
    if (error == 0) return arrived(attempt, {.writable = true});
    if (error == EINPROGRESS) {
      attempt.patience_ends = loop_.now() + kPatience;
      return wait_for_first();
    }
  }
  attempt.error = error;
  config_.ready(attempt.token, {.ended = true});
}

/// With the last there is no end to it, as far as we are concerned.
void HostSockets::lose_patience() {
  const auto has_waited = [&](const Attempt& each) {
    return each.error == 0 && each.current + 1 < each.destinations.size() && each.patience_ends <= loop_.now();
  };
  for (;;) {  // from the start: try_next() may erase it, and what it tells may add others
    const auto each = std::find_if(attempts_.begin(), attempts_.end(), has_waited);
    if (each == attempts_.end()) break;
    try_next(*each, ETIMEDOUT);
  }
  wait_for_first();
}

void HostSockets::wait_for_first() {
  std::optional<TimePoint> first;
  for (const Attempt& each : attempts_) {
    if (each.error != 0 || each.current + 1 == each.destinations.size()) continue;
    first = std::min(first.value_or(each.patience_ends), each.patience_ends);
  }
  first ? patience_.set(*first) : patience_.cancel();
}

HostSockets::Attempt* HostSockets::attempt_of(int socket) {
  const auto found = std::find_if(attempts_.begin(), attempts_.end(), [&](const Attempt& each) { return each.socket == socket; });
  return found == attempts_.end() ? nullptr : &*found;
}

bool HostSockets::adopt(int socket, uint32_t token) { return source_.watch(socket, kEvents, token).has_value(); }

int HostSockets::outcome(int socket) {
  const Attempt* attempt = attempt_of(socket);
  return attempt && attempt->error != 0 ? attempt->error : pending_error(socket);
}

ssize_t HostSockets::send(int socket, std::span<const iovec> bytes) {
  const msghdr message = message_of(bytes);
  const ssize_t sent = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? -errno : sent;
}

ssize_t HostSockets::receive(int socket, std::span<const iovec> room) {
  msghdr message = message_of(room);
  // recv(2) where it will do: with recvmsg(2) 8 % fewer requests go to and fro in a second.
  const ssize_t received = room.size() == 1 ? ::recv(socket, room.front().iov_base, room.front().iov_len, MSG_DONTWAIT)
                                            : ::recvmsg(socket, &message, MSG_DONTWAIT);
  return received < 0 ? -errno : received;
}

void HostSockets::shut_writing(int socket) { ::shutdown(socket, SHUT_WR); }

void HostSockets::close(int socket, Closing how) {
  if (const Attempt* attempt = attempt_of(socket)) attempts_.erase(attempts_.begin() + (attempt - attempts_.data()));
  if (how == Closing::reset) set_option(socket, SOL_SOCKET, SO_LINGER, linger{.l_onoff = 1, .l_linger = 0});
  ::close(socket);  // which takes it out of the epoll set too
}

void HostSockets::keep_alive(int socket, Duration period) {
  const auto seconds = static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(period).count());
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, std::min(seconds, 75));
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
}

}  // namespace postern::flow
