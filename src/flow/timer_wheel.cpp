// timer_wheel.cpp - a node's place follows from its deadline and the time it was placed at.
//
// At level l time is counted in units of 64^l ticks. A node goes to the lowest level on which its deadline is less than 64 units
// away, so no two units in use share a slot; and above level 0 it is at least one unit away, or the level below would have done.
// Slots are sorted out when their first tick comes, higher levels first, and so this holds while time goes on.
#include "timer_wheel.h"

#include <algorithm>
#include <bit>

namespace postern::flow {

TimerWheel::Node::~Node() {
  if (armed()) unlink(*this);  // the slot's bit stays: next() may be early
}

TimerWheel::TimerWheel(TimePoint now) : now_(tick_of(now)), soonest_(TimePoint::max()) {
  for (Links& list : lists_) list.previous = list.next = &list;
}

TimerWheel::~TimerWheel() {
  for (Links& list : lists_) {
    while (list.next != &list) unlink(*list.next);
  }
}

TimerWheel::Tick TimerWheel::tick_of(TimePoint time) {
  return static_cast<Tick>(std::max(time.time_since_epoch() / kTick, Duration::rep{0}));
}

void TimerWheel::unlink(Links& node) {
  node.previous->next = node.next;
  node.next->previous = node.previous;
  node.previous = node.next = nullptr;
}

void TimerWheel::append(Links& list, Links& node) {
  node.previous = list.previous;
  node.next = &list;
  list.previous->next = &node;
  list.previous = &node;
}

TimerWheel::Tick TimerWheel::start_of(uint16_t slot) const {
  const unsigned shift = slot / kSlots * kSlotBits;
  const Tick unit = now_ >> shift;
  return (unit + ((slot - unit) % kSlots)) << shift;
}

std::optional<TimerWheel::Slot> TimerWheel::first_in_use() const {
  std::optional<Slot> first;
  for (unsigned level = kLevels; level-- > 0;) {
    if (in_use_[level] == 0) continue;
    const Tick unit = now_ >> level * kSlotBits;
    const auto ahead = static_cast<unsigned>(std::countr_zero(std::rotr(in_use_[level], static_cast<int>(unit % kSlots))));
    const Tick start = (unit + ahead) << level * kSlotBits;
    if (!first || start < first->start) first = {slot_of(level, unit + ahead), start};
  }
  return first;
}

void TimerWheel::place(Node& node) {
  const Tick tick = std::max(tick_of(node.deadline_), now_);
  unsigned level = 0;
  const auto units_away = [&] { return (tick >> level * kSlotBits) - (now_ >> level * kSlotBits); };
  while (level < kLevels - 1 && units_away() >= kSlots) ++level;
  const Tick unit = (now_ >> level * kSlotBits) + std::min<Tick>(units_away(), kSlots - 1);
  node.slot_ = slot_of(level, unit);
  append(lists_[node.slot_], node);
  in_use_[level] |= uint64_t{1} << unit % kSlots;
  if (tick == now_) soonest_ = std::min(soonest_, node.deadline_);
}

void TimerWheel::remove(Node& node) {
  unlink(node);
  const Links& list = lists_[node.slot_];
  if (node.slot_ != kDue && list.next == &list) in_use_[node.slot_ / kSlots] &= ~(uint64_t{1} << node.slot_ % kSlots);
}

void TimerWheel::set(Node& node, TimePoint deadline) {
  node.deadline_ = deadline;
  if (node.armed() && node.slot_ != kDue) {
    const Tick start = start_of(node.slot_);
    if (std::max(tick_of(deadline), now_) >= start) {
      if (start == now_) soonest_ = std::min(soonest_, deadline);
      return;
    }
  }
  if (node.armed()) remove(node);
  place(node);
}

void TimerWheel::cancel(Node& node) {
  if (node.armed()) remove(node);
}

std::optional<TimePoint> TimerWheel::next() const {
  const std::optional<Slot> first = first_in_use();
  if (!first) return std::nullopt;
  if (first->start == now_) return soonest_;
  return TimePoint(kTick * static_cast<int64_t>(first->start));
}

void TimerWheel::enter(Tick tick) {
  if (tick > now_) soonest_ = TimePoint::max();
  now_ = std::max(now_, tick);
}

void TimerWheel::sort_out(uint16_t slot, TimePoint now) {
  in_use_[slot / kSlots] &= ~(uint64_t{1} << slot % kSlots);
  Links& list = lists_[slot];
  const Links* const last = list.previous;  // what is placed here anew comes behind it
  for (Links* links = list.next; links != &list; links = list.next) {
    Node& node = static_cast<Node&>(*links);
    unlink(node);
    if (node.deadline_ <= now) {
      node.slot_ = kDue;
      append(lists_[kDue], node);
    } else {
      place(node);
    }
    if (links == last) return;
  }
}

void TimerWheel::collect(TimePoint now) {
  const Tick target = std::max(tick_of(now), now_);
  if (const std::optional<TimePoint> soonest = next(); soonest && *soonest <= now) {
    while (const std::optional<Slot> first = first_in_use()) {
      if (first->start > target) break;
      enter(first->start);
      const bool is_tick = first->number < kSlots;
      if (is_tick) soonest_ = TimePoint::max();
      sort_out(first->number, now);
      if (is_tick && first->start == target) break;  // what is left in it is not due yet
    }
  }
  enter(target);
}

TimerWheel::Node* TimerWheel::take_due() {
  Links& list = lists_[kDue];
  if (list.next == &list) return nullptr;
  Node& node = static_cast<Node&>(*list.next);
  unlink(node);
  return &node;
}

}  // namespace postern::flow
