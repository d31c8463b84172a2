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
  /// How long a journey is at rest before it is given away: by then none of its events can still be under way.
  static constexpr auto kRest = 2 * journey::Journeys::kPatience;

  /// Journeys are numbered through the whole trace, and `answers` means these numbers.
  struct Batch {
    size_t first = 0;  // the number of the first
    std::vector<journey::Journey> journeys = {};
  };

  void add(journey::Event event) { pending_.push_back(std::move(event)); }
  /// Those that were last seen before `until_ns`, whatever their conversation does; but a question always before its answer.
  Batch take_settled(uint64_t until_ns);
  Batch take_all() { return take_settled(UINT64_MAX); }

 private:
  Batch numbered(std::vector<journey::Journey> settled);

  std::vector<journey::Event> pending_;
  uint64_t look_again_ns_ = 0;  // before then nothing can have come to rest
  journey::Answers answers_;
  size_t given_away_ = 0;
};

uint64_t last_seen_ns(const journey::Journey& journey);

}  // namespace postern::trace_cli
