// round_trip.h - how long the namespace takes to answer, and so how long to wait before we send again: RFC 6298.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "postern/base/clock.h"

namespace postern::flow {

class RoundTrip {
 public:
  static constexpr Duration kInitialTimeout = std::chrono::seconds(1);
  static constexpr Duration kLeastTimeout = std::chrono::milliseconds(200);  // RFC 6298 2.4 says 1 s; every kernel says this
  static constexpr Duration kMostTimeout = std::chrono::seconds(60);

  /// Of a segment that was sent once only (Karn's rule, RFC 6298 3).
  void sample(Duration measured) {
    if (smoothed_ == Duration::zero()) {
      smoothed_ = std::max(measured, Duration(1));
      variation_ = measured / 2;
    } else {
      const Duration error = measured > smoothed_ ? measured - smoothed_ : smoothed_ - measured;
      variation_ = (3 * variation_ + error) / 4;
      smoothed_ = (7 * smoothed_ + measured) / 8;
    }
    doublings_ = 0;
  }

  Duration timeout() const {
    const Duration base = smoothed_ == Duration::zero() ? kInitialTimeout : std::max(smoothed_ + 4 * variation_, kLeastTimeout);
    return std::min(base * (1 << doublings_), kMostTimeout);
  }
  /// Nothing: nothing was measured yet.
  std::optional<Duration> smoothed() const { return smoothed_ == Duration::zero() ? std::nullopt : std::optional(smoothed_); }
  void back_off() { doublings_ = std::min(doublings_ + 1, 9); }  // 2^9 of the least is beyond the most
  /// An answer came: what was lost was not the path.
  void forget_doublings() { doublings_ = 0; }

 private:
  Duration smoothed_{};  // zero: nothing measured yet
  Duration variation_{};
  int doublings_ = 0;
};

}  // namespace postern::flow
