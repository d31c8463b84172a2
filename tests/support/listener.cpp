// listener.cpp - bind, accept and recvfrom, with base's address types.
#include "listener.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

namespace postern::lab {

namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);

  sockaddr* any() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress to_socket_address(const Endpoint& at) {
  SocketAddress result;
  if (const auto* v4 = std::get_if<Ipv4>(&at.address)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(at.port.number);
    address.sin_addr = v4->to_wire();
    result.length = sizeof address;
    std::memcpy(&result.storage, &address, sizeof address);
    return result;
  }
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(at.port.number);
  address.sin6_addr = std::get<Ipv6>(at.address).to_wire();
  result.length = sizeof address;
  std::memcpy(&result.storage, &address, sizeof address);
  return result;
}

Endpoint to_endpoint(const SocketAddress& from) {
  if (from.storage.ss_family == AF_INET) {
    sockaddr_in address{};
    std::memcpy(&address, &from.storage, sizeof address);
    return {Ipv4::from_wire(address.sin_addr), {ntohs(address.sin_port)}};
  }
  sockaddr_in6 address{};
  std::memcpy(&address, &from.storage, sizeof address);
  return {Ipv6::from_wire(address.sin6_addr), {ntohs(address.sin6_port)}};
}

bool readable(int socket, std::chrono::milliseconds limit) {
  pollfd wait{socket, POLLIN, 0};
  return ::poll(&wait, 1, static_cast<int>(limit.count())) > 0;
}

}  // namespace

Result<Listener> Listener::open(const Machine& machine, Transport transport, Endpoint at) {
  SocketAddress address = to_socket_address(at);
  const std::string what = fmt::format("{} port {}", to_string(at.address), at.port.number);
  POSTERN_TRY(socket, machine.open_socket(address.storage.ss_family, transport == Transport::tcp ? SOCK_STREAM : SOCK_DGRAM),
              what);
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.storage.ss_family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(socket.get(), address.any(), address.length) < 0) return fail_errno("bind", what);
  if (transport == Transport::tcp && ::listen(socket.get(), 128) < 0) return fail_errno("listen", what);
  SocketAddress bound;
  if (::getsockname(socket.get(), bound.any(), &bound.length) < 0) return fail_errno("getsockname", what);
  const Port port = to_endpoint(bound).port;
  return Listener(std::move(socket), transport, port);
}

std::optional<Arrival> Listener::next(std::chrono::milliseconds limit) {
  if (!readable(socket_.get(), limit)) return std::nullopt;
  SocketAddress peer;
  std::array<char, 65536> buffer;
  if (transport_ == Transport::udp) {
    const ssize_t got = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0, peer.any(), &peer.length);
    if (got < 0) return std::nullopt;
    return Arrival{to_endpoint(peer), {buffer.data(), static_cast<size_t>(got)}};
  }
  const UniqueFd connection(::accept4(socket_.get(), peer.any(), &peer.length, SOCK_CLOEXEC));
  if (!connection) return std::nullopt;
  Arrival arrival{to_endpoint(peer), {}};
  while (readable(connection.get(), limit)) {
    const ssize_t got = ::recv(connection.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    arrival.bytes.append(buffer.data(), static_cast<size_t>(got));
  }
  return arrival;
}

bool Listener::reached() const { return readable(socket_.get(), std::chrono::milliseconds(0)); }

}  // namespace postern::lab
