// datagram_main.cpp - postern-datagram: datagrams as programs send them that do more than nc does.
//
//   postern-datagram send ADDRESS PORT COUNT BYTES [SEGMENT]   numbered, 64 at most unanswered; SEGMENT: many a call, UDP_SEGMENT
//   postern-datagram rr ADDRESS PORT SECONDS                   a byte there and back, one after the other: {"done", "failed",
//   "seconds"} postern-datagram sink PORT COUNT                           answers each 32nd, or each batch that UDP_GRO makes
//   postern-datagram peers NETWORK PORT COUNT                  COUNT addresses of NETWORK.0.0/16, each asked once by one socket
//   postern-datagram hop ADDRESS PORT LIMIT                    one datagram of that hop limit: who says what of it, IP_RECVERR
//   postern-datagram listen PORT                               what comes and from whom, a line each, until SIGTERM
//
// udp(7), ip(7). All wait 5 s at most, and write one line: what came of it.
#include <fmt/format.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "postern/base/clock.h"
#include "postern/base/socket_address.h"
#include "postern/base/unique_fd.h"

#include "program.h"

namespace postern::lab {
namespace {

constexpr int kPatienceMs = 5000;
constexpr unsigned kUnanswered = 64;
constexpr unsigned kBetweenAnswers = 32;

std::array<char, 65536> buffer;

int number(const char* text) { return std::atoi(text); }

template <class T>
void set(int socket, int level, int name, const T& value) {
  ::setsockopt(socket, level, name, &value, sizeof value);
}

bool waits_for(int socket, short what) {
  pollfd wait{socket, what, 0};
  return ::poll(&wait, 1, kPatienceMs) > 0 && (wait.revents & what) != 0;
}

UniqueFd socket_to(const IpAddress& address, Port port) {
  UniqueFd socket(::socket(family_of(address), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const SocketAddress name(address, port);
  if (::connect(socket.get(), name.get(), name.size()) != 0) return {};
  return socket;
}

double seconds_since(TimePoint start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

int send(const IpAddress& address, Port port, unsigned count, size_t bytes, size_t segment) {
  const UniqueFd socket = socket_to(address, port);
  if (segment != 0) set(socket.get(), SOL_UDP, UDP_SEGMENT, static_cast<int>(segment));
  const std::string data(bytes, 'x');
  const unsigned each = segment != 0 ? static_cast<unsigned>((bytes + segment - 1) / segment) : 1;
  unsigned sent = 0, answered = 0;
  const TimePoint start = Clock::now();
  while (answered < count) {
    while (sent < count && sent - answered < kUnanswered) {
      if (::send(socket.get(), data.data(), data.size(), 0) < 0)
        return fmt::print("sent {} {}\n", sent, ::strerrorname_np(errno)), 1;
      sent += each;
    }
    if (!waits_for(socket.get(), POLLIN)) break;
    const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size() - 1, 0);
    if (got > 0) answered = static_cast<unsigned>(number(std::string(buffer.data(), static_cast<size_t>(got)).c_str()));
  }
  fmt::print("answered {} in {:.3f} s\n", answered, seconds_since(start));
  return answered >= count ? 0 : 1;
}

int request_and_response(const IpAddress& address, Port port, int seconds) {
  const UniqueFd socket = socket_to(address, port);
  unsigned done = 0, failed = 0;
  const TimePoint start = Clock::now();
  while (seconds_since(start) < seconds) {
    const bool answered = ::send(socket.get(), "?", 1, 0) == 1 && waits_for(socket.get(), POLLIN) &&
                          ::recv(socket.get(), buffer.data(), buffer.size(), 0) == 1;
    ++(answered ? done : failed);
  }
  fmt::print("{{\"done\": {}, \"failed\": {}, \"seconds\": {}}}\n", done, failed, seconds_since(start));
  return 0;
}

int sink(Port port, unsigned count) {
  const UniqueFd socket(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  set(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  set(socket.get(), SOL_UDP, UDP_GRO, 1);
  const SocketAddress any(Ipv6{}, port);
  if (::bind(socket.get(), any.get(), any.size()) != 0) return 2;
  fmt::print("listening\n");
  std::fflush(stdout);
  unsigned got = 0, most = 1;
  while (got < count && waits_for(socket.get(), POLLIN)) {
    SocketAddress from;
    iovec room{buffer.data(), buffer.size()};
    alignas(cmsghdr) std::array<char, 64> control;
    msghdr message{.msg_name = from.get(),
                   .msg_namelen = *from.room(),
                   .msg_iov = &room,
                   .msg_iovlen = 1,
                   .msg_control = control.data(),
                   .msg_controllen = control.size(),
                   .msg_flags = 0};
    const ssize_t bytes = ::recvmsg(socket.get(), &message, 0);
    if (bytes < 0) return 2;
    unsigned here = 1;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
      int segment = 0;
      std::memcpy(&segment, CMSG_DATA(header), sizeof segment);
      if (header->cmsg_type == UDP_GRO && segment > 0) here = static_cast<unsigned>((bytes + segment - 1) / segment);
    }
    const bool is_due = here > 1 || (got + here) / kBetweenAnswers != got / kBetweenAnswers || got + here >= count;
    got += here;
    most = std::max(most, here);
    const std::string answer = std::to_string(got);
    if (is_due) ::sendto(socket.get(), answer.data(), answer.size(), 0, from.get(), message.msg_namelen);
  }
  fmt::print("got {} most {}\n", got, most);
  return got >= count ? 0 : 1;
}

int peers(const char* network, Port port, int count) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  int asked = 0, answered = 0;
  while (answered < count) {
    while (asked < count && asked - answered < static_cast<int>(kUnanswered)) {
      const SocketAddress to(*parse_ip(fmt::format("{}.{}.{}", network, asked / 250, 1 + asked % 250)), port);
      if (::sendto(socket.get(), "?", 1, 0, to.get(), to.size()) < 0) return 2;
      ++asked;
    }
    if (!waits_for(socket.get(), POLLIN)) break;
    if (::recv(socket.get(), buffer.data(), buffer.size(), 0) > 0) ++answered;
  }
  fmt::print("answered {}\n", answered);
  return answered == count ? 0 : 1;
}

int hop(const IpAddress& address, Port port, int limit) {
  const UniqueFd socket = socket_to(address, port);
  const bool v4 = std::holds_alternative<Ipv4>(address);
  set(socket.get(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TTL : IPV6_UNICAST_HOPS, limit);
  set(socket.get(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, 1);
  if (::send(socket.get(), "?", 1, 0) < 0) return 2;
  pollfd wait{socket.get(), POLLIN, 0};
  if (::poll(&wait, 1, kPatienceMs) <= 0) return fmt::print("silence\n"), 1;
  iovec room{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<char, 512> control;
  msghdr message{.msg_name = nullptr,
                 .msg_namelen = 0,
                 .msg_iov = &room,
                 .msg_iovlen = 1,
                 .msg_control = control.data(),
                 .msg_controllen = control.size(),
                 .msg_flags = 0};
  const ssize_t bytes = ::recvmsg(socket.get(), &message, (wait.revents & POLLERR) != 0 ? MSG_ERRQUEUE : 0);
  if (bytes < 0) return fmt::print("{}\n", ::strerrorname_np(errno)), 1;
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (!header) return fmt::print("answer {}\n", bytes), 0;
  sock_extended_err said{};
  std::memcpy(&said, CMSG_DATA(header), sizeof said);
  SocketAddress offender;
  std::memcpy(offender.get(), CMSG_DATA(header) + sizeof said, v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
  const auto who = offender.address();
  fmt::print("{}/{} by {} {}\n", said.ee_type, said.ee_code, who ? to_string(*who) : "nobody",
             ::strerrorname_np(static_cast<int>(said.ee_errno)));
  return 0;
}

int listen(Port port) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const SocketAddress any(Ipv4{}, port);
  if (::bind(socket.get(), any.get(), any.size()) != 0) return 2;
  fmt::print("listening\n");
  std::fflush(stdout);
  for (;;) {
    SocketAddress from;
    const ssize_t got = ::recvfrom(socket.get(), buffer.data(), buffer.size(), 0, from.get(), from.room());
    if (got < 0) return 1;
    fmt::print("{}:{} {}\n", to_string(*from.address()), from.port().number,
               std::string_view(buffer.data(), static_cast<size_t>(got)));
    std::fflush(stdout);
    ::sendto(socket.get(), buffer.data(), static_cast<size_t>(got), 0, from.get(), *from.room());
  }
}

int datagram(int argc, char** argv) {
  const std::vector<const char*> words(argv + 1, argv + argc);
  const auto is = [&](std::string_view name, size_t least) { return words.size() >= least + 1 && words[0] == name; };
  const auto port = [&](size_t at) { return Port{static_cast<uint16_t>(number(words[at]))}; };
  if (is("send", 4)) {
    const size_t segment = words.size() > 5 ? static_cast<size_t>(number(words[5])) : 0;
    return send(*parse_ip(words[1]), port(2), static_cast<unsigned>(number(words[3])), static_cast<size_t>(number(words[4])),
                segment);
  }
  if (is("rr", 3)) return request_and_response(*parse_ip(words[1]), port(2), number(words[3]));
  if (is("sink", 2)) return sink(port(1), static_cast<unsigned>(number(words[2])));
  if (is("peers", 3)) return peers(words[1], port(2), number(words[3]));
  if (is("hop", 3)) return hop(*parse_ip(words[1]), port(2), number(words[3]));
  if (is("listen", 1)) return listen(port(1));
  fmt::print(stderr, "postern-datagram: send, rr, sink, peers, hop or listen\n");
  return 2;
}

}  // namespace
}  // namespace postern::lab

int main(int argc, char** argv) { return postern::lab::run_program("postern-datagram", postern::lab::datagram, argc, argv); }
