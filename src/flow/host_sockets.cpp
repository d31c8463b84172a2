#include "postern/flow/host_sockets.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

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

}  // namespace

HostSockets::HostSockets(loop::EventLoop& loop, HostSocketsConfig config)
    : config_(std::move(config)),
      source_(loop.make_source([this](uint32_t token, uint32_t events) { config_.ready(token, to_readiness(events)); })) {}

/// 0, or an errno of D.8's kind: an outbound address that the host has lost is a network that cannot be reached.
int HostSockets::bind_outbound(int socket, const IpAddress& towards) const {
  const bool v4 = std::holds_alternative<Ipv4>(towards);
  std::optional<IpAddress> own;
  if (v4 && config_.outbound4) own = *config_.outbound4;
  if (!v4 && config_.outbound6) own = *config_.outbound6;
  if (!own) return 0;
  set_option(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);  // connect(2) chooses, so that a port may serve many remotes
  const SocketAddress address(*own, {});
  if (::bind(socket, address.get(), address.size()) == 0) return 0;
  return errno == EADDRNOTAVAIL ? ENETUNREACH : errno;
}

HostSide::Opening HostSockets::open(const FlowKey& key, uint32_t token) {
  const auto destination = config_.destination(key.remote, key.remote_port);
  if (!destination) return {.socket = -1, .error = ENETUNREACH};
  UniqueFd socket(::socket(family_of(destination->address), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return {.socket = -1, .error = errno};
  set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);  // the namespace has decided already what goes together
  set_option(socket.get(), SOL_SOCKET, SO_OOBINLINE, 1);  // RFC 6093
  if (const int error = bind_outbound(socket.get(), destination->address)) return {.socket = -1, .error = error};
  if (!source_.watch(socket.get(), kEvents, token)) return {.socket = -1, .error = ENOBUFS};
  const SocketAddress address(destination->address, destination->port, destination->scope);
  if (::connect(socket.get(), address.get(), address.size()) == 0) return {.socket = socket.release(), .error = 0};
  if (errno == EINPROGRESS) return {.socket = socket.release(), .error = EINPROGRESS};
  return {.socket = -1, .error = errno};
}

bool HostSockets::adopt(int socket, uint32_t token) { return source_.watch(socket, kEvents, token).has_value(); }

int HostSockets::outcome(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

ssize_t HostSockets::send(int socket, std::span<const iovec> bytes) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(bytes.data());
  message.msg_iovlen = bytes.size();
  const ssize_t sent = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? -errno : sent;
}

ssize_t HostSockets::receive(int socket, wire::MutableBytes room) {
  const ssize_t received = ::recv(socket, room.data(), room.size(), MSG_DONTWAIT);
  return received < 0 ? -errno : received;
}

void HostSockets::shut_writing(int socket) { ::shutdown(socket, SHUT_WR); }

void HostSockets::close(int socket, Closing how) {
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
