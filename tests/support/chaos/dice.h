// dice.h - chance, the same in every run of one seed and on every machine.
//
// The standard's engines are fixed to the bit, its distributions are not; so these are our own.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

#include "postern/base/clock.h"

namespace postern::chaos {

class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}

  uint64_t any() { return engine_(); }
  /// One of 0..count-1.
  uint64_t below(uint64_t count) { return engine_() % count; }
  uint64_t between(uint64_t least, uint64_t most) { return least + below(most - least + 1); }
  Duration between(Duration least, Duration most) {
    return least + Duration(static_cast<int64_t>(below(static_cast<uint64_t>((most - least).count()) + 1)));
  }
  bool chance(unsigned per_ten_thousand) { return below(10'000) < per_ten_thousand; }
  /// Of the magnitudes between `least` and `most`, each as likely as the other.
  uint64_t magnitude(uint64_t least, uint64_t most) {
    uint64_t limit = least;
    while (limit < most && chance(8'500)) limit *= 4;
    return between(least, std::min(limit, most));
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace postern::chaos
