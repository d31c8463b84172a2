// lingering.h - connections that have just ended, so that a FIN that comes again, because our last acknowledgment was lost, is
// acknowledged again and not answered by a RST; and so that an old SYN on its way opens nothing. What TIME_WAIT is for, RFC 9293
// 3.6.1, of the last ones.
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
  static constexpr Duration kTime = std::chrono::seconds(60);  // as Linux, TCP_TIMEWAIT_LEN

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
    const auto* ended = newest_of(key);
    return ended && now - (*ended)->when <= kTime ? *ended : std::nullopt;
  }
  void forget(const FlowKey& key) {
    if (auto* ended = newest_of(key)) ended->reset();
  }

 private:
  std::optional<Ended>* newest_of(const FlowKey& key) const {
    for (size_t back = 1; ring_ && back <= kMost; ++back) {
      auto& ended = (*ring_)[(newest_ - back) % kMost];
      if (ended && ended->key == key) return &ended;
    }
    return nullptr;
  }

  using Ring = std::array<std::optional<Ended>, kMost>;
  std::unique_ptr<Ring> ring_;  // made with the first
  size_t newest_ = kMost;
};

}  // namespace postern::flow
