// delay_line.h - frames on their way through a long cable: in order, each due a fixed time after it was taken in. Bounded: what
// finds the cable full is lost, and counted. Pure: the caller brings the bytes and the time.
//
//   take(room()) ──►│ frame │ frame │ frame │ ... │──► due(now)        one ring of bytes, mapped as it fills
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>

#include "postern/base/clock.h"

namespace postern::lab {

class DelayLine {
 public:
  /// What a read of a TAP may hold at most: struct virtio_net_hdr, an Ethernet header with a VLAN tag, 64 KiB.
  static constexpr size_t kLargestFrame = 10 + 18 + 65535;

  /// `bytes`: of frames under way at a time, at least two of the largest.
  DelayLine(Duration delay, size_t bytes);

  /// kLargestFrame bytes for the next frame; always there, for what finds no place is read too, and lost.
  std::span<char> room();
  /// The first `bytes` of the last room() are a frame that came in at `now`.
  void take(size_t bytes, TimePoint now);

  std::optional<TimePoint> next_due() const;
  /// The oldest frame, if it is due; empty if none is.
  std::span<const char> due(TimePoint now) const;
  /// Forgets the oldest frame.
  void pop();

  uint64_t lost() const { return lost_; }

 private:
  struct Frame {
    size_t start, bytes;
    TimePoint due;
  };
  std::optional<size_t> place_for_largest() const;

  Duration delay_;
  size_t capacity_;
  std::unique_ptr<char[]> ring_;  // capacity_, and behind it kLargestFrame for what is lost
  std::deque<Frame> frames_;      // oldest first; each lies in one piece
  size_t room_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace postern::lab
