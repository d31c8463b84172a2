// echo_main.cpp - postern-echo PORT: what comes goes back, over TCP and UDP, on every address of both families (RFC 862).
// Why our own: a datagram must be answered from the address it was sent to, which a wildcard socket does only with
// IPV6_RECVPKTINFO, ipv6(7); and benchmarks need one process for all connections.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <unordered_map>

#include "postern/base/unique_fd.h"
#include "postern/process/inheritance.h"

namespace postern::lab {
namespace {

struct Client {
  UniqueFd socket;
  std::string pending;  // read and not yet written back; no more is read meanwhile
};

std::array<char, 65536> buffer;

// Both families at once: an IPv6 socket takes IPv4 as ::ffff:a.b.c.d, RFC 3493 3.7.
UniqueFd bound(int type, uint16_t port) {
  UniqueFd socket(::socket(AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1, off = 0;
  ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) return {};
  if (type == SOCK_STREAM && ::listen(socket.get(), 4096) < 0) return {};
  return socket;
}

void echo_datagram(int socket) {
  sockaddr_in6 peer{};
  iovec data{buffer.data(), buffer.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(in6_pktinfo))] = {};
  msghdr message{};
  message.msg_name = &peer;
  message.msg_namelen = sizeof peer;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t got = ::recvmsg(socket, &message, 0);
  if (got < 0) return;
  data.iov_len = static_cast<size_t>(got);
  ::sendmsg(socket, &message, MSG_NOSIGNAL);  // the packet info says which address was meant: the answer's source
}

class EchoServer {
 public:
  EchoServer(UniqueFd listener, UniqueFd datagrams)
      : listener_(std::move(listener)), datagrams_(std::move(datagrams)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    watch(EPOLL_CTL_ADD, listener_.get(), EPOLLIN);
    watch(EPOLL_CTL_ADD, datagrams_.get(), EPOLLIN);
  }

  void serve() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int ready = ::epoll_wait(epoll_.get(), events.data(), events.size(), -1);
      for (int i = 0; i < ready; ++i) {
        const int fd = events[static_cast<size_t>(i)].data.fd;
        if (fd == listener_.get()) {
          accept();
        } else if (fd == datagrams_.get()) {
          echo_datagram(fd);
        } else if (!echo(clients_[fd])) {
          clients_.erase(fd);
        }
      }
    }
  }

 private:
  void watch(int operation, int fd, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    ::epoll_ctl(epoll_.get(), operation, fd, &event);
  }

  void accept() {
    UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) return;
    const int fd = socket.get(), on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(EPOLL_CTL_ADD, fd, EPOLLIN);
    clients_[fd] = {std::move(socket), {}};
  }

  // False when the connection is over.
  bool echo(Client& client) {
    const int fd = client.socket.get();
    if (client.pending.empty()) {
      const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
      if (got < 0) return errno == EAGAIN || errno == EINTR;
      if (got == 0) return false;
      client.pending.assign(buffer.data(), static_cast<size_t>(got));
    }
    const ssize_t sent = ::send(fd, client.pending.data(), client.pending.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return false;
    client.pending.erase(0, sent < 0 ? 0 : static_cast<size_t>(sent));
    watch(EPOLL_CTL_MOD, fd, client.pending.empty() ? EPOLLIN : EPOLLOUT);
    return true;
  }

  UniqueFd listener_, datagrams_, epoll_;
  std::unordered_map<int, Client> clients_;
};

}  // namespace
}  // namespace postern::lab

int main(int argc, char** argv) {
  using namespace postern::lab;
  uint16_t port = 0;
  if (argc != 2 || std::from_chars(argv[1], argv[1] + std::strlen(argv[1]), port).ec != std::errc{}) {
    std::fputs("usage: postern-echo PORT\n", stderr);
    return 2;
  }
  postern::process::raise_file_limit();  // a descriptor a connection, and benchmarks hold 10 000
  auto datagrams = bound(SOCK_DGRAM, port);
  auto listener = bound(SOCK_STREAM, port);
  if (!datagrams || !listener) {
    std::perror("postern-echo: bind");
    return 1;
  }
  EchoServer(std::move(listener), std::move(datagrams)).serve();
}
