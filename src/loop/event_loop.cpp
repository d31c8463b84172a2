// event_loop.cpp - see the door for the order of a turn.
#include "postern/loop/event_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "postern/base/assert.h"

namespace postern::loop {

namespace {

struct Token {
  uint16_t slot;
  uint16_t generation;
  uint32_t key;

  uint64_t packed() const { return uint64_t{slot} << 48 | uint64_t{generation} << 32 | key; }
  static Token unpack(uint64_t bits) {
    return {static_cast<uint16_t>(bits >> 48), static_cast<uint16_t>(bits >> 32), static_cast<uint32_t>(bits)};
  }
};

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail_errno("epoll_create1");
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll)));
}

EventLoop::Source EventLoop::make_source(Callback callback) {
  if (free_slots_.empty()) {
    POSTERN_ASSERT(slots_.size() < std::numeric_limits<uint16_t>::max());
    free_slots_.push_back(static_cast<uint16_t>(slots_.size()));
    slots_.emplace_back();
  }
  const uint16_t slot = free_slots_.back();
  free_slots_.pop_back();
  slots_[slot].callback = std::make_shared<Callback>(std::move(callback));
  return {this, slot};
}

EventLoop::Source& EventLoop::Source::operator=(Source&& other) noexcept {
  if (this != &other) {
    retire();
    loop_ = std::exchange(other.loop_, nullptr);
    slot_ = other.slot_;
  }
  return *this;
}

void EventLoop::Source::retire() noexcept {
  if (!loop_) return;
  Slot& slot = loop_->slots_[slot_];
  slot.callback.reset();
  ++slot.generation;
  loop_->free_slots_.push_back(slot_);
  loop_ = nullptr;
}

Status EventLoop::Source::watch(int fd, uint32_t events, uint32_t key) {
  epoll_event entry{};
  entry.events = events;
  entry.data.u64 = Token{slot_, loop_->slots_[slot_].generation, key}.packed();
  if (::epoll_ctl(loop_->epoll_.get(), EPOLL_CTL_ADD, fd, &entry) == 0) return {};
  if (errno == EEXIST && ::epoll_ctl(loop_->epoll_.get(), EPOLL_CTL_MOD, fd, &entry) == 0) return {};
  return fail_errno("epoll_ctl");
}

Status EventLoop::Source::rewatch(int fd, uint32_t events, uint32_t key) {
  epoll_event entry{};
  entry.events = events;
  entry.data.u64 = Token{slot_, loop_->slots_[slot_].generation, key}.packed();
  if (::epoll_ctl(loop_->epoll_.get(), EPOLL_CTL_MOD, fd, &entry) == 0) return {};
  return errno == ENOENT ? watch(fd, events, key) : Status(fail_errno("epoll_ctl"));
}

void EventLoop::Source::unwatch(int fd) { ::epoll_ctl(loop_->epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void EventLoop::Timer::set(TimePoint deadline) {
  cancel();
  deadline_ = deadline;
  loop_.timers_.emplace(deadline, this);
}

void EventLoop::Timer::cancel() {
  if (deadline_) loop_.timers_.erase({*deadline_, this});
  deadline_.reset();
}

int EventLoop::wait_milliseconds(std::optional<Duration> limit) const {
  if (!timers_.empty()) {
    const Duration until = std::max(timers_.begin()->first - Clock::now(), Duration::zero());
    limit = std::min(limit.value_or(until), until);
  }
  if (!limit) return -1;
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(*limit).count();
  return static_cast<int>(std::min<int64_t>(milliseconds, std::numeric_limits<int>::max()));
}

int EventLoop::wait(std::span<epoll_event> ready, std::optional<Duration> limit, Duration polling) {
  const auto size = static_cast<int>(ready.size());
  const int milliseconds = wait_milliseconds(limit);
  wait_began_ = Clock::now();
  if (milliseconds != 0 && polling != Duration::zero()) {
    do {
      const int count = ::epoll_wait(epoll_.get(), ready.data(), size, 0);
      if (count != 0) return count;
    } while (Clock::now() - wait_began_ < polling);
  }
  return ::epoll_wait(epoll_.get(), ready.data(), size, milliseconds);
}

Status EventLoop::turn(std::optional<Duration> limit, Duration polling) {
  std::array<epoll_event, 256> ready;
  const int count = wait(ready, limit, polling);
  if (count < 0 && errno != EINTR) return fail_errno("epoll_wait");
  now_ = Clock::now();
  for (int i = 0; i < count; ++i) {
    const Token token = Token::unpack(ready[static_cast<size_t>(i)].data.u64);
    const Slot& slot = slots_[token.slot];
    if (slot.generation != token.generation || !slot.callback) continue;
    const auto callback = slot.callback;
    (*callback)(token.key, ready[static_cast<size_t>(i)].events);
  }
  fire_timers();
  return {};
}

void EventLoop::fire_timers() {
  while (!timers_.empty() && timers_.begin()->first <= now_) {
    Timer* timer = timers_.begin()->second;
    timer->cancel();
    timer->expired_();
  }
}

}  // namespace postern::loop
