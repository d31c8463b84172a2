#include "packet_limit.h"

#include <algorithm>

#include "postern/journey/journey.h"

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
  return take_all();
}

std::vector<journey::Event> PacketLimit::take_all() {
  looked_at_ = events_.size();
  journey::Journeys grouping;
  for (const journey::Event& event : events_) grouping.add(event);
  std::vector<journey::Journey> journeys = grouping.take();
  reached_ = journeys.size() >= most_;
  if (journeys.size() > most_) journeys.resize(most_);
  std::vector<journey::Event> allowed;
  for (journey::Journey& journey : journeys) {
    for (journey::Hop& hop : journey.hops) allowed.push_back(std::move(hop.event));
  }
  const auto by_time = [](const journey::Event& one, const journey::Event& other) { return one.time_ns < other.time_ns; };
  std::stable_sort(allowed.begin(), allowed.end(), by_time);
  if (!allowed.empty()) last_ns_ = allowed.back().time_ns;
  const size_t before = std::min(shown_, allowed.size());
  shown_ = std::max(shown_, allowed.size());
  return {std::make_move_iterator(allowed.begin() + static_cast<ptrdiff_t>(before)), std::make_move_iterator(allowed.end())};
}

}  // namespace postern::trace_cli
