// timer_wheel.h - a deadline for each of ten thousand connections, at the price of none: no system call, no allocation, and
// nothing to do for those that are not due.
//
//   level 0   64 slots of 4 ms       deadlines of the next 256 ms
//   level 1   64 slots of 256 ms     of the next 16 s: when a slot's time has come, its nodes go down to level 0
//   level 2   64 slots of 16 s       of the next 17 min
//   level 3   64 slots of 17 min     of the next 18 h; what is later waits in the farthest slot and is placed anew from there
//
// A connection's deadline mostly moves later: each segment puts its retransmission off. That writes one field and leaves the node
// where it is; when its slot comes up it is seen to be early and placed again. One bitmap a level finds the next slot in use.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "postern/base/clock.h"

namespace postern::flow {

class TimerWheel {
  struct Links {
    Links* previous = nullptr;
    Links* next = nullptr;
  };

 public:
  /// Embedded in whom it wakes. One that is destroyed while armed is not heard of again.
  class Node : Links {
   public:
    Node() = default;
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;
    ~Node();

    bool armed() const { return next != nullptr; }
    TimePoint deadline() const { return deadline_; }  // the last one set, armed or not

    uint32_t owner = 0;  // a packed Handle

   private:
    friend class TimerWheel;
    uint16_t slot_ = 0;
    TimePoint deadline_;
  };

  explicit TimerWheel(TimePoint now);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();

  /// Arms `node`, or gives it another deadline; any is allowed, past ones too.
  void set(Node& node, TimePoint deadline);
  void cancel(Node& node);

  /// When advance() has something to do. Never later than the earliest deadline; earlier where a slot must be sorted out first
  /// (at most once a level) or what was in it was cancelled or put off. After advance(now) it is later than `now`, unless a past
  /// deadline was set.
  std::optional<TimePoint> next() const;

  /// Calls `expired(Node&)` for every node whose deadline is not after `now`, in no promised order; the node is disarmed by then.
  /// `expired` may set, cancel and destroy any node. What it sets waits for the next advance, even if it is due.
  template <class Expired>
  void advance(TimePoint now, Expired&& expired) {
    collect(now);
    while (Node* node = take_due()) expired(*node);
  }

 private:
  static constexpr std::chrono::milliseconds kTick{4};
  static constexpr unsigned kLevels = 4;
  static constexpr unsigned kSlotBits = 6;
  static constexpr unsigned kSlots = 1 << kSlotBits;  // a level; as many as a bitmap has bits
  static constexpr uint16_t kDue = kLevels * kSlots;  // the list of those that advance() is about to call

  using Tick = uint64_t;  // of the clock, from its epoch
  struct Slot {
    uint16_t number;  // level * kSlots + place
    Tick start;
  };

  static Tick tick_of(TimePoint time);
  static uint16_t slot_of(unsigned level, Tick unit) { return static_cast<uint16_t>(level << kSlotBits | unit % kSlots); }
  static void unlink(Links& node);
  static void append(Links& list, Links& node);
  Tick start_of(uint16_t slot) const;
  std::optional<Slot> first_in_use() const;
  void place(Node& node);
  void remove(Node& node);
  void enter(Tick tick);
  void sort_out(uint16_t slot, TimePoint now);
  void collect(TimePoint now);
  Node* take_due();

  Tick now_;           // every slot that starts earlier is empty
  TimePoint soonest_;  // not after any deadline in now_'s own slot of level 0
  std::array<uint64_t, kLevels> in_use_{};
  std::array<Links, kLevels * kSlots + 1> lists_;  // circular; the last is kDue's
};

}  // namespace postern::flow
