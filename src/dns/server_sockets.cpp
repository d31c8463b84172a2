#include "postern/dns/server_sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "postern/base/socket_address.h"

namespace postern::dns {

namespace {

/// All that ICMP tells, not only what ends a connection: an unreachable network is told of by no other means.
void hear_of_errors(int socket, int family) {
  const int on = 1;
  const bool v4 = family == AF_INET;
  ::setsockopt(socket, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, &on, sizeof on);
}

}  // namespace

ServerSockets::ServerSockets(loop::EventLoop& loop, Config config)
    : config_(std::move(config)), source_(loop.make_source([this](uint32_t token, uint32_t) { config_.ready(token); })) {}

/// 0, or an errno. The kernel chooses the port, at random. An outbound address that the host has lost is a network that cannot be
/// reached.
int ServerSockets::connect(int socket, const NameServer& server) const {
  const auto own = outbound_towards(server.address, config_.outbound4, config_.outbound6);
  if (own && !is_loopback(server.address)) {
    const SocketAddress from(*own, {});
    if (::bind(socket, from.get(), from.size()) != 0) return errno == EADDRNOTAVAIL ? ENETUNREACH : errno;
  }
  const SocketAddress to(server.address, kPort, server.scope);
  return ::connect(socket, to.get(), to.size()) == 0 ? 0 : errno;
}

HostSide::Opening ServerSockets::ask(const NameServer& server, wire::Bytes query, uint32_t token) {
  const int family = family_of(server.address);
  UniqueFd socket(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return {.socket = -1, .error = errno};
  hear_of_errors(socket.get(), family);
  if (const int error = connect(socket.get(), server)) return {.socket = -1, .error = error};
  if (const int error = ask_again(socket.get(), query)) return {.socket = -1, .error = error};
  if (!source_.watch(socket.get(), EPOLLIN, token)) return {.socket = -1, .error = ENOBUFS};
  return {.socket = socket.release(), .error = 0};
}

/// A full queue is a datagram lost on the way.
int ServerSockets::ask_again(int socket, wire::Bytes query) {
  if (::send(socket, query.data(), query.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return 0;
  return errno == EAGAIN || errno == EINTR ? 0 : errno;
}

ssize_t ServerSockets::receive(int socket, wire::MutableBytes room) {
  const ssize_t received = ::recv(socket, room.data(), room.size(), MSG_DONTWAIT);
  return received < 0 ? -errno : received;
}

void ServerSockets::close(int socket) { ::close(socket); }  // which takes it out of the epoll set too

}  // namespace postern::dns
