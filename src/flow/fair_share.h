// fair_share.h - how many bytes of one direction a connection may have carried before the others have their turn, where several
// want more than we can carry: what the last round has carried, over their number.
//
// Whole shares one after the other are cheaper than a little of each in turn: what one program writes, we carry and another reads
// is then in the processor's cache, and not a piece of the megabytes that everybody has written ahead. And all have had theirs
// in about a round, before Linux lets a sender that was silent begin again with a small window: 200 ms (tcp(7),
// tcp_slow_start_after_idle).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "postern/base/clock.h"

namespace postern::flow {

class FairShare {
 public:
  static constexpr Duration kRound = std::chrono::milliseconds(150);
  static constexpr size_t kLeastBytes = size_t{256} * 1024;  // where little was carried
  static constexpr size_t kMostBytes = size_t{32} << 20;     // of which what was written ahead is a small part

  /// Of one connection, in this round.
  struct Taken {
    uint32_t round = 0;
    uint32_t bytes = 0;
  };

  void set_now(TimePoint now) {
    if (now < ends_) return;
    const bool is_next = now < ends_ + kRound;
    last_carried_ = is_next ? carried_ : 0;
    carried_ = 0;
    ends_ = now + kRound;
    ++round_;
  }

  void charge(Taken& taken, size_t bytes) {
    if (taken.round != round_) taken = {round_, 0};
    taken.bytes += static_cast<uint32_t>(std::min<size_t>(bytes, UINT32_MAX - taken.bytes));
    carried_ += bytes;
  }
  /// One of `contenders`, itself included.
  bool is_spent(const Taken& taken, size_t contenders) const {
    return taken.round == round_ && taken.bytes >= std::clamp(last_carried_ / contenders, kLeastBytes, kMostBytes);
  }

 private:
  TimePoint ends_{};
  uint32_t round_ = 1;
  size_t carried_ = 0, last_carried_ = 0;
};

}  // namespace postern::flow
