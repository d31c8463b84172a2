#include "journey_batches.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace postern::trace_cli {

namespace {

using journey::Journey;

constexpr uint64_t kLookEveryNs = 500'000'000;

std::vector<Journey> grouped(std::vector<journey::Event> events) {
  journey::Journeys journeys;
  for (journey::Event& event : events) journeys.add(std::move(event));
  return journeys.take();
}

/// For each journey the first of those that it belongs to by answers.
std::vector<size_t> conversations(const std::vector<Journey>& journeys) {
  std::vector<size_t> first(journeys.size());
  std::iota(first.begin(), first.end(), size_t{0});
  const auto root = [&](size_t index) {
    while (first[index] != index) index = first[index];
    return index;
  };
  for (size_t i = 0; i < journeys.size(); ++i) {
    if (!journeys[i].answers) continue;
    const size_t one = root(i), other = root(*journeys[i].answers);
    first[std::max(one, other)] = std::min(one, other);
  }
  for (size_t i = 0; i < first.size(); ++i) first[i] = root(i);
  return first;
}

}  // namespace

uint64_t last_seen_ns(const Journey& journey) {
  uint64_t last = 0;
  for (const journey::Hop& hop : journey.hops) last = std::max(last, hop.event.time_ns);
  return last;
}

std::vector<Journey> JourneyBatches::take_settled(uint64_t until_ns) {
  if (pending_.empty() || until_ns < look_again_ns_) return {};
  std::vector<Journey> journeys = grouped(std::exchange(pending_, {}));
  const std::vector<size_t> conversation = conversations(journeys);
  std::map<size_t, uint64_t> last;
  for (size_t i = 0; i < journeys.size(); ++i) {
    uint64_t& seen = last[conversation[i]];
    seen = std::max(seen, last_seen_ns(journeys[i]));
  }
  std::vector<Journey> settled;
  std::map<size_t, size_t> place;  // in `settled`
  look_again_ns_ = UINT64_MAX;
  for (size_t i = 0; i < journeys.size(); ++i) {
    if (const uint64_t seen = last[conversation[i]]; seen >= until_ns) {
      look_again_ns_ = std::min(look_again_ns_, seen);
      for (journey::Hop& hop : journeys[i].hops) pending_.push_back(std::move(hop.event));
      continue;
    }
    place[i] = settled.size();
    settled.push_back(std::move(journeys[i]));
  }
  // To group them costs time in proportion to how many there are.
  look_again_ns_ = pending_.empty() ? 0 : std::max(look_again_ns_, until_ns + kLookEveryNs);
  for (Journey& journey : settled) {
    if (journey.answers) journey.answers = place.at(*journey.answers);
  }
  return settled;
}

void keep_first(std::vector<Journey>& journeys, size_t most) {
  if (journeys.size() > most) journeys.resize(most);
  for (Journey& journey : journeys) {
    if (journey.answers && *journey.answers >= most) journey.answers.reset();
  }
}

}  // namespace postern::trace_cli
