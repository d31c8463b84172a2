// faulty_line.h - a line on which frames get lost, doubled, out of order, late, short and wrong: by a seed, so it can be
// repeated. Pure: the caller brings frames and time.
//
//   take(frame) ──► fate ──┬── lost
//                          ├── cut short, a bit turned over
//                          └──► under way, one copy or two, overtaken or not ──► due(now)
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "postern/wire/bytes.h"

#include "dice.h"

namespace postern::chaos {

/// Of 10 000 frames, how many.
struct Faults {
  unsigned drop = 0;
  unsigned duplicate = 0;
  unsigned reorder = 0;  // those close behind it overtake it
  unsigned delay = 0;    // long: round trips, or a timeout, go by
  unsigned truncate = 0;
  unsigned flip = 0;  // only where a checksum tells
};

class FaultyLine {
 public:
  using Frame = std::vector<uint8_t>;
  struct Tally {
    uint64_t taken = 0, dropped = 0, duplicated = 0, reordered = 0, delayed = 0, truncated = 0, flipped = 0;
  };

  /// `checked_from`: where in a frame what a checksum covers begins; bits before it stay right.
  FaultyLine(const Faults& faults, Duration latency, uint64_t seed, size_t checked_from)
      : faults_(faults), latency_(latency), dice_(seed), checked_from_(checked_from) {}

  void take(wire::Bytes frame, TimePoint now);
  std::optional<TimePoint> next_due() const;
  /// The frame that is due first, if it is.
  std::optional<Frame> due(TimePoint now);
  /// From now on all goes well.
  void heal() { faults_ = {}; }
  const Tally& tally() const { return tally_; }

 private:
  void damage(Frame& frame);

  Faults faults_;
  Duration latency_;
  Dice dice_;
  size_t checked_from_;
  std::multimap<TimePoint, Frame> under_way_;  // what is due at one time is in order
  Tally tally_;
};

}  // namespace postern::chaos
