// tcp_receiver.h - the other half of a connection: bytes from the namespace. Which of them are expected, how many more may come.
//
//                  next                    edge
//   ─────────────────┼───────────────────────┼──────► sequence numbers
//    given to the host │  may come: the window │  may not
//    or waiting for it │
//
// A byte counts as received, and will be acknowledged, once the host's kernel has taken it or our queue has room for it: what is
// acknowledged is never lost again (RFC 9293 3.4), and the edge never moves left (RFC 9293 3.8.6).
// Pure: it keeps numbers, no bytes.
#pragma once

#include <algorithm>

#include "postern/wire/bytes.h"

#include "sequence.h"

namespace postern::flow {

class TcpReceiver {
 public:
  static constexpr uint8_t kWindowShift = 7;              // so that 8 MiB can be told, RFC 7323 2.2
  static constexpr uint32_t kInitialBudget = 256 * 1024;  // bytes of a connection that may wait here for the host
  static constexpr uint32_t kMostBudget = 1024 * 1024;

  /// `first` is the number of the namespace's SYN; `shift` 0 where it does not know of window scale.
  TcpReceiver(Sequence first, uint8_t shift, uint32_t least_step)
      : next_(first + 1), edge_(first + 1), shift_(shift), least_step_(least_step) {}

  Sequence next() const { return next_; }
  Sequence edge() const { return edge_; }
  bool is_finished() const { return finished_; }

  /// RFC 9293 3.10.7.4, the first of its tests. `length` counts SYN and FIN.
  bool is_acceptable(Sequence sequence, size_t length) const;

  /// The window that was told is 0: less than a grain of its scale is open.
  bool is_closed() const { return static_cast<uint32_t>(edge_ - next_) >> shift_ == 0; }

  /// What of a segment is new and within the window.
  struct Fresh {
    Sequence sequence;
    wire::Bytes bytes;
    bool fin;
  };
  Fresh fresh_part(Sequence sequence, wire::Bytes bytes, bool fin) const;

  void take(size_t bytes) {
    next_ = next_ + static_cast<uint32_t>(bytes);
    taken_ += bytes;
  }
  /// Bytes that were taken could not be kept after all. Only before they were acknowledged.
  void give_back(size_t bytes) { next_ = next_ - static_cast<uint32_t>(bytes); }
  void take_fin() {
    next_ = next_ + 1;
    finished_ = true;
  }

  /// The window field of a segment that goes out now, with `waiting` bytes in our queues; what it says is promised.
  uint16_t announce(size_t waiting);
  /// The same for a SYN-ACK, whose field is not scaled.
  uint16_t announce_unscaled();
  /// Whether so much more room has come that the namespace should hear of it now: silly window avoidance, RFC 9293 3.8.6.2.2.
  bool has_news(size_t waiting) const;
  /// A whole budget went through without waiting: twice as much is worth while.
  void grow(size_t waiting);
  /// No more may come than was promised, until release_edge().
  void hold_edge() { edge_is_held_ = true; }
  void release_edge() { edge_is_held_ = false; }
  void shrink_to(uint32_t budget) { budget_ = std::min(budget_, budget); }

 private:
  uint32_t free(size_t waiting) const { return waiting < budget_ ? budget_ - static_cast<uint32_t>(waiting) : 0; }

  /// A smaller window would be silly, RFC 9293 3.8.6.2.2. A host that takes everything opens more than this in the end.
  uint32_t worth_telling() const { return std::min(least_step_, budget_ / 2); }

  Sequence next_, edge_;
  uint32_t budget_ = kInitialBudget;
  uint64_t taken_ = 0;  // since the budget grew last
  uint8_t shift_;
  bool finished_ = false;
  bool edge_is_held_ = false;
  uint32_t least_step_;
};

}  // namespace postern::flow
