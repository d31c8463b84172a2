// control_socket.cpp - the wire rules of the control socket; what is said on it stands in commands.cpp.
//
//   accepted ──► reading ──whole, too large, ended, too late──► writing ──all taken──► closed
//      │            ├── a trace is granted ──► streaming ──it hangs up, it stalls─► closed
//      │            └── makes room for a newer client, hangs up ──► closed   ▲
//      └── another user, another namespace ─────────────────────────────────┘
//
// Every step is one non-blocking call a turn; a client that does nothing costs a descriptor until its time is up.
#include "postern/api/control_socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>

#include "postern/api/commands.h"
#include "postern/base/log.h"

#include "listening_socket.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71  // Linux 5.14, include/uapi/asm-generic/socket.h
#endif

namespace postern::api {

namespace {

constexpr int kAcceptsPerTurn = 16;
constexpr std::chrono::milliseconds kRest{100};  // of a listener for whose clients there is no descriptor
constexpr size_t kMostLeftUnread = 64;           // buffers; what a client has sent too much

/// Nothing: a kernel before 5.14.
std::optional<uint64_t> netns_cookie(int fd) {
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  return ::getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0 ? std::optional(cookie) : std::nullopt;
}

/// Asked anew each time: ids are told as the user namespace sees them that we are in then.
bool is_ours(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

struct Client {
  UniqueFd fd;
  loop::EventLoop::Source source;
  TimePoint deadline;
  std::string received;
  std::string reply;  // empty while reading
  size_t written = 0;

  std::unique_ptr<Subscription> events;  // of a client that is granted a trace

  bool reading() const { return reply.empty() && !events; }
};
using Clients = std::list<Client>;  // the oldest first, but for those that have begun to write

constexpr SyscallRule kSyscalls[] = {{"accept4"}, {"recvfrom"}, {"sendto"},     {"getsockopt"}, {"shutdown"},
                                     {"close"},   {"geteuid"},  {"newfstatat"}, {"fstatat64"},  {"epoll_ctl"}};

}  // namespace

class ControlSocket::Server {
 public:
  Server(loop::EventLoop& loop, Instance& instance, ListeningSocket socket, ControlLimits limits)
      : loop_(loop),
        instance_(instance),
        socket_(std::move(socket)),
        limits_(limits),
        cookie_(netns_cookie(socket_.fd.get())),
        listener_(loop.make_source([this](uint32_t, uint32_t) { accept_some(); })),
        rest_(loop, [this] { (void)listener_.watch(socket_.fd.get(), EPOLLIN); }),
        too_late_(loop, [this] { end_the_late(); }) {}

  /// What clients of a trace have not got yet is given to them, as far as they take it.
  ~Server() {
    for (Client& client : clients_) {
      if (client.events) (void)send_events(client);
    }
  }

  Status start() { return listener_.watch(socket_.fd.get(), EPOLLIN); }
  const Counters& counters() const { return counters_; }
  size_t clients() const { return clients_.size(); }
  int folder() const { return socket_.file.folder(); }

 private:
  void accept_some();
  void take_in(UniqueFd fd);
  void make_room();
  void serve(Clients::iterator client, uint32_t events);
  bool receive(Client& client);
  bool send(Client& client);
  bool begin_events(Client& client, std::unique_ptr<Subscription> events, std::string_view first_line);
  bool send_events(Client& client);
  void wait_for_room(Client& client);
  void begin_reply(Client& client, std::string reply);
  void close(Clients::iterator client);
  void end_the_late();
  void set_timer();

  loop::EventLoop& loop_;
  Instance& instance_;
  ListeningSocket socket_;
  ControlLimits limits_;
  std::optional<uint64_t> cookie_;
  Counters counters_;
  Clients clients_;
  loop::EventLoop::Source listener_;
  loop::EventLoop::Timer rest_;
  loop::EventLoop::Timer too_late_;
};

void ControlSocket::Server::accept_some() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    UniqueFd fd(::accept4(socket_.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
      listener_.unwatch(socket_.fd.get());  // it would stay ready, and wake us without end
      return rest_.set(loop_.now() + kRest);
    }
    if (!fd) return;
    if (!is_ours(fd.get()) || netns_cookie(fd.get()) != cookie_) {
      ++counters_.refused;
      continue;
    }
    take_in(std::move(fd));
  }
}

void ControlSocket::Server::take_in(UniqueFd fd) {
  if (clients_.size() >= limits_.clients) make_room();
  const auto client = clients_.emplace(clients_.end());
  client->fd = std::move(fd);
  client->source = loop_.make_source([this, client](uint32_t, uint32_t events) { serve(client, events); });
  client->deadline = loop_.now() + limits_.time;
  if (!client->source.watch(client->fd.get(), EPOLLIN)) return close(client);
  set_timer();
  serve(client, EPOLLIN);  // most requests are there with the connection
}

void ControlSocket::Server::make_room() {
  auto goes = std::find_if(clients_.begin(), clients_.end(), [](const Client& client) { return client.reading(); });
  if (goes == clients_.end()) {
    goes = std::find_if(clients_.begin(), clients_.end(), [](const Client& client) { return !client.events; });
  }
  ++counters_.made_room;
  close(goes == clients_.end() ? clients_.begin() : goes);
}

void ControlSocket::Server::serve(Clients::iterator client, uint32_t events) {
  bool over = false;
  if (client->events) {
    over = (events & (EPOLLHUP | EPOLLERR)) != 0 || !send_events(*client);
  } else {
    over = client->reading() ? !receive(*client) : !send(*client);
  }
  if (over) close(client);
}

/// False: the connection has ended.
bool ControlSocket::Server::receive(Client& client) {
  std::array<char, kMaxRequestBytes + 1> buffer;
  const ssize_t size = ::recv(client.fd.get(), buffer.data(), buffer.size(), 0);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  client.received.append(buffer.data(), static_cast<size_t>(size));
  std::unique_ptr<Subscription> events;
  auto reply = answer(client.received, size == 0 ? Input::ended : Input::open, instance_, &events);
  if (!reply) return true;
  ++counters_.answered;
  if (events) return begin_events(client, std::move(events), *reply);
  begin_reply(client, std::move(*reply));
  return send(client);
}

void ControlSocket::Server::begin_reply(Client& client, std::string reply) {
  client.reply = std::move(reply);
  client.received = {};
  client.deadline = loop_.now() + limits_.time;
  set_timer();
}

/// False: all is sent, or nobody takes it.
bool ControlSocket::Server::send(Client& client) {
  const std::string_view rest = std::string_view(client.reply).substr(client.written);
  const ssize_t size = ::send(client.fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
  if (size < 0 && errno != EAGAIN && errno != EINTR) return false;
  client.written += static_cast<size_t>(std::max<ssize_t>(size, 0));
  if (client.written == client.reply.size()) return false;
  return client.source.rewatch(client.fd.get(), EPOLLOUT).has_value();
}

/// The stream has no end of its own: what the client still says is not read, and its time runs only while it takes nothing of
/// what waits for it. Who is alive but never reads would have us tell of every packet for nothing.
bool ControlSocket::Server::begin_events(Client& client, std::unique_ptr<Subscription> events, std::string_view first_line) {
  client.received = {};
  client.deadline = TimePoint::max();
  client.events = std::move(events);
  client.events->stream.push(first_line);
  // What is watched already is watched for something else without any memory: it does not fail.
  client.events->stream.on_more([this, &client] {
    (void)client.source.rewatch(client.fd.get(), EPOLLOUT);
    wait_for_room(client);
  });
  set_timer();
  return send_events(client);
}

/// False: nobody takes it. One call a turn: what is more waits for room in the socket.
bool ControlSocket::Server::send_events(Client& client) {
  EventStream& stream = client.events->stream;
  if (const std::string_view waiting = stream.waiting(); !waiting.empty()) {
    const ssize_t size = ::send(client.fd.get(), waiting.data(), waiting.size(), MSG_NOSIGNAL);
    if (size < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (size > 0) {
      stream.take(static_cast<size_t>(size));
      wait_for_room(client);
    }
  }
  const uint32_t wish = stream.waiting().empty() ? 0u : uint32_t{EPOLLOUT};  // that it hangs up is told in any case
  return client.source.rewatch(client.fd.get(), wish).has_value();
}

void ControlSocket::Server::wait_for_room(Client& client) {
  client.deadline = client.events->stream.waiting().empty() ? TimePoint::max() : loop_.now() + limits_.stall;
  set_timer();
}

void ControlSocket::Server::close(Clients::iterator client) {
  ::shutdown(client->fd.get(), SHUT_RDWR);
  // What is left unread would reach the client as ECONNRESET in place of the end, unix(7).
  std::array<char, kMaxRequestBytes + 1> left;
  for (size_t i = 0; i<kMostLeftUnread&& ::recv(client->fd.get(), left.data(), left.size(), 0)> 0; ++i) continue;
  clients_.erase(client);
}

void ControlSocket::Server::end_the_late() {
  for (auto client = clients_.begin(); client != clients_.end();) {
    const auto late = client++;
    if (late->deadline > loop_.now()) continue;
    ++counters_.timed_out;
    if (late->reading()) {
      begin_reply(*late, timed_out_answer());
      (void)send(*late);  // it fits into a socket's buffer that is empty
    }
    close(late);
  }
  set_timer();
}

void ControlSocket::Server::set_timer() {
  const auto next = std::min_element(clients_.begin(), clients_.end(),
                                     [](const Client& a, const Client& b) { return a.deadline < b.deadline; });
  if (next == clients_.end() || next->deadline == TimePoint::max()) return too_late_.cancel();
  too_late_.set(next->deadline);
}

ControlSocket::ControlSocket(std::unique_ptr<Server> server) : server_(std::move(server)) {}
ControlSocket::~ControlSocket() = default;

Result<std::unique_ptr<ControlSocket>> ControlSocket::listen_at(loop::EventLoop& loop, Instance& instance,
                                                                const std::string& path, ControlLimits limits) {
  auto socket = api::listen_at(path);
  if (!socket) return Failure(socket.error());
  auto server = std::make_unique<Server>(loop, instance, *std::move(socket), limits);
  POSTERN_CHECK(server->start(), path);
  return std::unique_ptr<ControlSocket>(new ControlSocket(std::move(server)));
}

Result<std::unique_ptr<ControlSocket>> ControlSocket::listen_abstract(loop::EventLoop& loop, Instance& instance,
                                                                      const std::string& name, ControlLimits limits) {
  auto socket = api::listen_abstract(name);
  if (!socket) return Failure(socket.error());
  auto server = std::make_unique<Server>(loop, instance, *std::move(socket), limits);
  POSTERN_CHECK(server->start(), name);
  return std::unique_ptr<ControlSocket>(new ControlSocket(std::move(server)));
}

const ControlSocket::Counters& ControlSocket::counters() const { return server_->counters(); }
size_t ControlSocket::clients() const { return server_->clients(); }
int ControlSocket::folder() const { return server_->folder(); }

SyscallRules syscalls() { return kSyscalls; }

}  // namespace postern::api
