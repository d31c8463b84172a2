#include "slirp_descriptors.h"

#include <libslirp.h>
#include <sys/socket.h>

#include <chrono>
#include <utility>

#include "postern/base/assert.h"
#include "postern/base/log.h"

namespace postern::stack {

namespace {

constexpr std::chrono::milliseconds kListenerRest{100};
constexpr int kBacklog = 128;  // libslirp asks for 1, and bursts of clients are turned away

struct Bits {
  int slirp;
  uint32_t epoll;
};
constexpr Bits kBits[] = {{SLIRP_POLL_IN, EPOLLIN},
                          {SLIRP_POLL_OUT, EPOLLOUT},
                          {SLIRP_POLL_PRI, EPOLLPRI},
                          {SLIRP_POLL_ERR, EPOLLERR},
                          {SLIRP_POLL_HUP, EPOLLHUP}};

uint32_t to_epoll(int events) {
  uint32_t result = 0;
  for (const Bits& bits : kBits) result |= events & bits.slirp ? bits.epoll : 0;
  return result;
}

int to_slirp(uint32_t events) {
  int result = 0;
  for (const Bits& bits : kBits) result |= events & bits.epoll ? bits.slirp : 0;
  return result;
}

bool is_listener(int fd) {
  int listening = 0;
  socklen_t size = sizeof listening;
  return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

}  // namespace

SlirpDescriptors::SlirpDescriptors(loop::EventLoop& loop, size_t max_flows)
    : loop_(loop),
      max_flows_(max_flows),
      source_(loop.make_source([this](uint32_t fd, uint32_t events) {
        entries_[fd].ready |= events;
        has_events_ = true;
      })),
      rest_(loop, [this] {
        resting_ = false;
        has_events_ = true;
      }) {}

SlirpDescriptors::Entry& SlirpDescriptors::entry(int fd) {
  POSTERN_ASSERT(fd >= 0);
  const auto index = static_cast<size_t>(fd);
  if (index >= entries_.size()) entries_.resize(index + 1);
  return entries_[index];
}

void SlirpDescriptors::begin_round() {
  ++round_;
  std::swap(wanted_, wanted_before_);
  wanted_.clear();
  listener_ready_ = opened_one_ = has_events_ = false;
}

int SlirpDescriptors::want(int fd, int events) {
  Entry& wanted = entry(fd);
  if (wanted.round != round_) {
    wanted.round = round_;
    wanted.wanted = wanted.ready = 0;
    wanted_.push_back(fd);
  }
  wanted.wanted |= to_epoll(events);
  return fd;  // libslirp's index is the number itself
}

void SlirpDescriptors::end_round() {
  for (const int fd : wanted_before_) {
    if (entry(fd).round != round_) disarm(fd);  // unwatched, or its EPOLLHUP would wake us for nobody
  }
  for (const int fd : wanted_) {
    if (entry(fd).kind == Kind::unknown) identify(fd);
  }
  for (const int fd : wanted_) {
    const Entry& wanted = entry(fd);
    if (wanted.kind == Kind::listener && !may_accept()) {
      disarm(fd);
    } else if (wanted.armed != wanted.wanted) {
      arm(fd, wanted.wanted);
    }
  }
}

int SlirpDescriptors::take_ready(int fd) {
  if (fd < 0) return 0;
  Entry& served = entry(fd);
  listener_ready_ |= served.kind == Kind::listener && served.ready;
  return to_slirp(std::exchange(served.ready, 0));
}

void SlirpDescriptors::opened(int fd) {
  if (fd < 0) return;  // udp_attach reports also the socket it could not get
  Entry& opened = entry(fd);
  count(opened, false);
  opened = Entry{.kind = Kind::other};
  count(opened, true);
  opened_one_ = true;
}

void SlirpDescriptors::closing(int fd) {
  if (fd < 0) return;
  disarm(fd);
  count(entry(fd), false);
  entry(fd) = Entry{};
}

void SlirpDescriptors::forget_listeners() {
  for (const int fd : wanted_) {
    if (entry(fd).kind == Kind::listener) closing(fd);
  }
}

void SlirpDescriptors::rest_listeners_that_cannot_accept() {
  if (!listener_ready_ || opened_one_) return;
  resting_ = true;
  rest_.set(loop_.now() + kListenerRest);
}

void SlirpDescriptors::count(Entry& counted, bool is_flow) {
  if (is_flow && !counted.is_flow) ++flows_;
  if (!is_flow && counted.is_flow) --flows_;
  counted.is_flow = is_flow;
}

void SlirpDescriptors::arm(int fd, uint32_t events) {
  const auto key = static_cast<uint32_t>(fd);
  const Status watched = entry(fd).armed ? source_.rewatch(fd, events, key) : source_.watch(fd, events, key);
  if (!watched) {
    log::debug("stack: descriptor {}: {}", fd, watched.error().message());
    return;
  }
  entry(fd).armed = events;
}

void SlirpDescriptors::disarm(int fd) {
  Entry& armed = entry(fd);
  if (armed.armed) source_.unwatch(fd);
  armed.armed = armed.ready = 0;
}

void SlirpDescriptors::identify(int fd) {
  entry(fd).kind = is_listener(fd) ? Kind::listener : Kind::other;
  count(entry(fd), entry(fd).kind == Kind::other);
  if (entry(fd).kind == Kind::listener) ::listen(fd, kBacklog);
}

bool SlirpDescriptors::may_accept() const { return !resting_ && flows_ < max_flows_; }

}  // namespace postern::stack
