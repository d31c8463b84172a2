#include "packet_limit.h"

#include <algorithm>
#include <utility>

#include "postern/journey/journey.h"

#include "journey_batches.h"

namespace postern::trace_cli {

namespace {

constexpr uint64_t kLookEveryNs = 100'000'000;

}  // namespace

/// To group all that came costs time in proportion: the more there is, the rarer.
bool PacketLimit::is_worth_a_look(uint64_t now_ns) const {
  const size_t grown = events_.size() - looked_at_;
  return grown > 0 && now_ns - looked_ns_ >= kLookEveryNs && grown >= looked_at_ / 8;
}

std::vector<journey::Event> PacketLimit::take(uint64_t now_ns) {
  if (!is_worth_a_look(now_ns)) return {};
  looked_ns_ = now_ns;
  constexpr uint64_t rest = std::chrono::nanoseconds(JourneyBatches::kRest).count();
  return look(now_ns > rest ? now_ns - rest : 0);
}

std::vector<journey::Event> PacketLimit::take_all() { return look(0); }

std::vector<journey::Event> PacketLimit::look(uint64_t seen_since_ns) {
  journey::Journeys grouping;
  for (journey::Event& event : std::exchange(events_, {})) grouping.add(std::move(event));
  std::vector<journey::Journey> journeys = grouping.take();
  const uint64_t left = most_ - gone_;
  reached_ = journeys.size() >= left;
  if (journeys.size() > left) journeys.resize(left);
  std::vector<journey::Event> allowed;
  for (journey::Journey& journey : journeys) {
    const bool has_gone = last_seen_ns(journey) < seen_since_ns;
    if (has_gone) ++gone_;
    for (journey::Hop& hop : journey.hops) {
      if (!has_gone) events_.push_back(hop.event);
      allowed.push_back(std::move(hop.event));
    }
  }
  const auto by_time = [](const journey::Event& one, const journey::Event& other) { return one.time_ns < other.time_ns; };
  std::stable_sort(allowed.begin(), allowed.end(), by_time);
  if (!allowed.empty()) last_ns_ = std::max(last_ns_, allowed.back().time_ns);
  const size_t before = std::min(shown_, allowed.size());
  shown_ = looked_at_ = events_.size();
  return {std::make_move_iterator(allowed.begin() + static_cast<ptrdiff_t>(before)), std::make_move_iterator(allowed.end())};
}

}  // namespace postern::trace_cli
