#include "postern/forward/inside_sockets.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "postern/base/log.h"

#include "socket_maker.h"

namespace postern::forward {

namespace {

/// Of a message that carries sockets of ours, from a process of ours: who could have taken it over could do as much by himself.
void take_descriptors(msghdr& message, std::vector<UniqueFd>& taken) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&message); control; control = CMSG_NXTHDR(&message, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(control) + i * sizeof fd, sizeof fd);
      taken.emplace_back(fd);
    }
  }
}

}  // namespace

InsideSockets::InsideSockets(loop::EventLoop& loop, process::Child helper, UniqueFd channel)
    : loop_(loop), helper_(std::move(helper)), channel_(std::move(channel)), alarm_(loop, [this] { wake(); }) {}

Result<std::unique_ptr<InsideSockets>> InsideSockets::create(loop::EventLoop& loop, const netns::NamespaceHandle& target) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) < 0) return fail_errno("socketpair");
  UniqueFd ours(ends[0]), theirs(ends[1]);
  POSTERN_TRY(helper, process::Child::fork(0, [&] { return run_socket_maker(theirs.get(), target); }), "sockets inside");
  std::unique_ptr<InsideSockets> sockets(new InsideSockets(loop, std::move(helper), std::move(ours)));
  sockets->source_ = loop.make_source([raw = sockets.get()](uint32_t, uint32_t) { raw->receive(); });
  POSTERN_CHECK(sockets->source_.watch(sockets->channel_.get(), EPOLLIN), "sockets inside");
  sockets->ask(AF_INET);
  return sockets;
}

UniqueFd InsideSockets::take(int family) {
  Pool& pool = this->pool(family);
  UniqueFd taken;
  if (!pool.sockets.empty()) {
    taken = std::move(pool.sockets.back());
    pool.sockets.pop_back();
  }
  if (pool.sockets.size() + pool.asked_for <= kKept / 2) ask(family);
  return taken;
}

/// What the channel has no room for is asked for again with the next that is taken.
void InsideSockets::ask(int family) {
  Pool& pool = this->pool(family);
  pool.is_used = true;
  while (!has_ended() && !rests_ && pool.sockets.size() + pool.asked_for + kSocketsAMessage <= kKept) {
    const SocketRequest request{static_cast<uint8_t>(family), kSocketsAMessage};
    if (::send(channel_.get(), &request, sizeof request, MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof request) return;
    pool.asked_for += kSocketsAMessage;
    if (!asked_at_) asked_at_ = loop_.now();
  }
}

void InsideSockets::receive() {
  bool any = false;
  while (receive_once()) any = true;
  if (any || has_ended()) tell_that_more_came();
}

bool InsideSockets::receive_once() {
  if (has_ended()) return false;
  SocketRequest made{};
  iovec body{&made, sizeof made};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kSocketsAMessage)> control{};
  msghdr message{};
  message.msg_iov = &body;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(channel_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (size != sizeof made) {
    give_up("it has ended");
    return false;
  }
  Pool& from = pool(made.family);
  from.asked_for -= std::min(from.asked_for, kSocketsAMessage);
  const bool is_owed = pools_[0].asked_for + pools_[1].asked_for != 0;
  asked_at_ = is_owed ? std::optional(loop_.now()) : std::nullopt;
  const size_t before = from.sockets.size();
  take_descriptors(message, from.sockets);
  if (from.sockets.size() - before < kSocketsAMessage) rest();
  return true;
}

void InsideSockets::give_up(std::string_view why) {
  log::warning(
      "the helper that makes sockets inside is lost ({}): clients of published ports on the host's loopback go by the TAP"
      " now, seen as the gateway",
      why);
  source_ = {};
  channel_.reset();
  helper_ = {};
  asked_at_.reset();
}

/// It could not make all, or we could not take them, recvmsg(2): asking again at once would only keep two processes busy.
void InsideSockets::rest() {
  if (std::exchange(rests_, true)) return;
  alarm_.set(loop_.now() + kRest);
}

void InsideSockets::wake() {
  rests_ = false;
  for (const int family : {AF_INET, AF_INET6}) {
    const Pool& pool = this->pool(family);
    if (pool.is_used && pool.sockets.size() + pool.asked_for <= kKept / 2) ask(family);
  }
}

}  // namespace postern::forward
