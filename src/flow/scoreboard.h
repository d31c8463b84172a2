// scoreboard.h - which stretches beyond the first missing byte the namespace says that it holds: RFC 2018, RFC 6675.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "sequence.h"

namespace postern::flow {

class Scoreboard {
 public:
  /// More than an option can name at once. Of a receiver with more gaps than this, the highest are forgotten and sent again.
  static constexpr size_t kMostStretches = 8;

  /// [begin, end) is held. The caller has checked that it lies within what was sent and not acknowledged.
  void add(Sequence begin, Sequence end);
  /// Everything before `una` is acknowledged.
  void forget_before(Sequence una);
  void clear() { count_ = 0; }

  bool empty() const { return count_ == 0; }
  Sequence highest() const { return stretches_[count_ - 1].end; }  // not when empty()
  uint32_t bytes() const;
  /// Of these, how many lie before `limit`.
  uint32_t bytes_before(Sequence limit) const;

  struct Hole {
    Sequence begin, end;
  };
  /// The first missing stretch at or after `from`, below the highest that is held.
  std::optional<Hole> hole_after(Sequence from) const;

 private:
  struct Stretch {
    Sequence begin, end;
  };
  std::array<Stretch, kMostStretches> stretches_{};  // in order, apart from each other
  size_t count_ = 0;
};

}  // namespace postern::flow
