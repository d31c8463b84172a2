// journey_batches.h - journeys while events still come: those that have come to rest are given away, so that a long trace does
// not keep all it ever saw. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "postern/journey/journey.h"

namespace postern::trace_cli {

class JourneyBatches {
 public:
  void add(journey::Event event) { pending_.push_back(std::move(event)); }
  /// Those whose packets, and the packets that they answer or that answer them, were last seen before `until_ns`.
  std::vector<journey::Journey> take_settled(uint64_t until_ns);
  std::vector<journey::Journey> take_all() { return take_settled(UINT64_MAX); }

 private:
  std::vector<journey::Event> pending_;
  uint64_t look_again_ns_ = 0;  // before then nothing can have come to rest
};

/// The first `most` of them; answers to those only.
void keep_first(std::vector<journey::Journey>& journeys, size_t most);
uint64_t last_seen_ns(const journey::Journey& journey);

}  // namespace postern::trace_cli
