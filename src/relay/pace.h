// pace.h - whether the relay polls for a moment before it sleeps.
//
// A request and its answer from near by leave pauses of some 10 us, and to fall asleep and be woken takes as long. So where many
// pauses in a row were short, the next one is polled through, as KVM does before it halts a processor. Bulk is left alone: there
// the two ends need the processor more. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "postern/base/clock.h"

namespace postern::relay {

class Pace {
 public:
  static constexpr Duration kPolling = std::chrono::microseconds(20);
  static constexpr Duration kShortPause = std::chrono::microseconds(50);  // waking up included
  static constexpr size_t kSmallBytes = 4096;
  static constexpr int kPausesInARow = 16;

  /// A turn has waited so long, and then moved so many bytes.
  void note(Duration waited, size_t bytes) {
    const bool converses = waited <= kShortPause && bytes <= kSmallBytes;
    short_pauses_ = converses ? std::min(short_pauses_ + 1, kPausesInARow) : 0;
  }
  Duration polling() const { return short_pauses_ == kPausesInARow ? kPolling : Duration::zero(); }

 private:
  int short_pauses_ = 0;
};

}  // namespace postern::relay
