#include "journey_batches.h"

#include <algorithm>
#include <utility>

namespace postern::trace_cli {

namespace {

using journey::Journey;

constexpr uint64_t kLookEveryNs = 500'000'000;
constexpr size_t kRemembered = 65'536;  // journeys that may still be answered

std::vector<Journey> grouped(std::vector<journey::Event> events) {
  journey::Journeys journeys;
  for (journey::Event& event : events) journeys.add(std::move(event));
  return journeys.take();
}

}  // namespace

uint64_t last_seen_ns(const Journey& journey) {
  uint64_t last = 0;
  for (const journey::Hop& hop : journey.hops) last = std::max(last, hop.event.time_ns);
  return last;
}

JourneyBatches::Batch JourneyBatches::take_settled(uint64_t until_ns) {
  if (pending_.empty() || until_ns < look_again_ns_) return {.first = given_away_};
  std::vector<Journey> journeys = grouped(std::exchange(pending_, {}));
  std::vector<Journey> settled;
  std::vector<bool> is_settled(journeys.size());
  look_again_ns_ = UINT64_MAX;
  for (size_t i = 0; i < journeys.size(); ++i) {
    const uint64_t seen = last_seen_ns(journeys[i]);
    const auto& question = journeys[i].answers;  // stands before it
    is_settled[i] = seen < until_ns && (!question || is_settled[*question]);
    if (is_settled[i]) {
      settled.push_back(std::move(journeys[i]));
      continue;
    }
    look_again_ns_ = std::min(look_again_ns_, seen);
    for (journey::Hop& hop : journeys[i].hops) pending_.push_back(std::move(hop.event));
  }
  // To group them costs time in proportion to how many there are.
  look_again_ns_ = pending_.empty() ? 0 : std::max(look_again_ns_, until_ns + kLookEveryNs);
  return numbered(std::move(settled));
}

/// What the grouping found are answers among those that were left; here all count that were ever given away.
JourneyBatches::Batch JourneyBatches::numbered(std::vector<Journey> settled) {
  Batch batch{.first = given_away_, .journeys = std::move(settled)};
  for (Journey& journey : batch.journeys) {
    journey.answers = answers_.question_of(journey);
    answers_.enter(journey, given_away_++);
  }
  if (given_away_ / kRemembered != batch.first / kRemembered) answers_.forget_before(given_away_ - kRemembered);
  return batch;
}

}  // namespace postern::trace_cli
