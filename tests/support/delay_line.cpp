#include "delay_line.h"

namespace postern::lab {

// No initializer: pages that no frame has touched yet cost nothing.
DelayLine::DelayLine(Duration delay, size_t bytes) : delay_(delay), capacity_(bytes), ring_(new char[bytes + kLargestFrame]) {}

std::optional<size_t> DelayLine::place_for_largest() const {
  if (frames_.empty()) return 0;
  const size_t head = frames_.front().start;
  const size_t tail = frames_.back().start + frames_.back().bytes;
  const bool wrapped = frames_.back().start < head;
  if (wrapped) return head - tail >= kLargestFrame ? std::optional(tail) : std::nullopt;
  if (capacity_ - tail >= kLargestFrame) return tail;
  return head >= kLargestFrame ? std::optional<size_t>(0) : std::nullopt;
}

std::span<char> DelayLine::room() {
  room_ = place_for_largest().value_or(capacity_);
  return {&ring_[room_], kLargestFrame};
}

void DelayLine::take(size_t bytes, TimePoint now) {
  if (room_ == capacity_) {
    ++lost_;
  } else {
    frames_.push_back({room_, bytes, now + delay_});
  }
}

std::optional<TimePoint> DelayLine::next_due() const {
  return frames_.empty() ? std::nullopt : std::optional(frames_.front().due);
}

std::span<const char> DelayLine::due(TimePoint now) const {
  if (frames_.empty() || frames_.front().due > now) return {};
  return {&ring_[frames_.front().start], frames_.front().bytes};
}

void DelayLine::pop() { frames_.pop_front(); }

}  // namespace postern::lab
