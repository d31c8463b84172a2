// event_loop.h - one epoll instance for everything a process of ours waits for, epoll(7).
//
//   wait until the least deadline  ->  stamp now  ->  dispatch what is ready  ->  fire timers that are due
//
// An epoll entry carries a token {slot, generation, key}, never a bare descriptor: an event that was fetched for a source
// which has gone since, or whose slot was given to another, finds a different generation and is dropped.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "postern/base/clock.h"
#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::loop {

class EventLoop {
 public:
  /// `key` is what the source gave with the descriptor; `events` are EPOLLIN and so on.
  using Callback = std::function<void(uint32_t key, uint32_t events)>;

  /// One party's descriptors in the loop. When it goes, no event of it is delivered any more, not even one already fetched.
  /// The descriptors stay their owner's: remove() each, or close it.
  class [[nodiscard]] Source {
   public:
    Source() = default;
    Source(Source&& other) noexcept : loop_(std::exchange(other.loop_, nullptr)), slot_(other.slot_) {}
    Source& operator=(Source&& other) noexcept;
    ~Source() { retire(); }

    /// Watches `fd`, level-triggered unless EPOLLET is given; replaces what was asked for `fd` before. epoll_ctl(2): MOD's ENOENT
    /// means that the number was closed and used again, so it is added. Errors: EPERM for a regular file, EBADF, ENOMEM, ENOSPC.
    Status watch(int fd, uint32_t events, uint32_t key = 0);
    /// The same, one system call cheaper where `fd` is watched already.
    Status rewatch(int fd, uint32_t events, uint32_t key = 0);
    /// Stops watching; a number that is closed already is no error.
    void unwatch(int fd);

   private:
    friend class EventLoop;
    Source(EventLoop* loop, uint16_t slot) : loop_(loop), slot_(slot) {}
    void retire() noexcept;
    EventLoop* loop_ = nullptr;
    uint16_t slot_ = 0;
  };

  /// A deadline with a callback; the loop must outlive it.
  class [[nodiscard]] Timer {
   public:
    Timer(EventLoop& loop, std::function<void()> expired) : loop_(loop), expired_(std::move(expired)) {}
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() { cancel(); }
    void set(TimePoint deadline);
    void cancel();

   private:
    friend class EventLoop;
    EventLoop& loop_;
    std::function<void()> expired_;
    std::optional<TimePoint> deadline_;
  };

  static Result<std::unique_ptr<EventLoop>> create();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  Source make_source(Callback callback);
  /// Waits until something is ready, a timer is due or `limit` has passed (no limit: for ever), then dispatches once.
  /// EINTR counts as nothing ready. The first `polling` of the wait the processor is kept: no sleep, no waking up.
  Status turn(std::optional<Duration> limit = std::nullopt, Duration polling = {});
  /// The time stamped when the last wait ended.
  TimePoint now() const { return now_; }
  /// How long it was.
  Duration waited() const { return now_ - wait_began_; }

 private:
  struct Slot {
    std::shared_ptr<Callback> callback;  // shared, so that a callback may retire its own source
    uint16_t generation = 0;
  };
  explicit EventLoop(UniqueFd epoll) : epoll_(std::move(epoll)), now_(Clock::now()), wait_began_(now_) {}
  int wait(std::span<epoll_event> ready, std::optional<Duration> limit, Duration polling);
  int wait_milliseconds(std::optional<Duration> limit) const;
  void fire_timers();

  UniqueFd epoll_;
  TimePoint now_, wait_began_;
  std::vector<Slot> slots_;
  std::vector<uint16_t> free_slots_;
  std::set<std::pair<TimePoint, Timer*>> timers_;
};

}  // namespace postern::loop
