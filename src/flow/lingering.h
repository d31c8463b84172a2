// lingering.h - connections that have just ended, so that a FIN that comes again, because our last acknowledgment was lost, is
// acknowledged again and not answered by a RST. What TIME_WAIT is for (RFC 9293 3.6.1), without its minutes: nothing stays on a
// TAP.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>

#include "postern/base/clock.h"
#include "postern/flow/flow_key.h"

#include "sequence.h"

namespace postern::flow {

class Lingering {
 public:
  static constexpr size_t kMost = 256;
  static constexpr Duration kTime = std::chrono::seconds(2);

  struct Ended {
    FlowKey key;
    Sequence next_to_guest, next_from_guest;
    TimePoint when;
  };

  void remember(const Ended& ended) {
    if (!ring_) ring_ = std::make_unique<Ring>();
    (*ring_)[newest_++ % kMost] = ended;
  }
  std::optional<Ended> find(const FlowKey& key, TimePoint now) const {
    if (!ring_) return std::nullopt;
    for (size_t back = 1; back <= kMost; ++back) {  // the newest of this key, until they are too old
      const auto& ended = (*ring_)[(newest_ - back) % kMost];
      if (!ended || now - ended->when > kTime) return std::nullopt;
      if (ended->key == key) return ended;
    }
    return std::nullopt;
  }

 private:
  using Ring = std::array<std::optional<Ended>, kMost>;
  std::unique_ptr<Ring> ring_;  // made with the first
  size_t newest_ = kMost;
};

}  // namespace postern::flow
