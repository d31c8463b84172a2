#include "postern/journey/journey.h"

#include <algorithm>

#include "postern/base/text.h"

#include "answers.h"
#include "grouping.h"

namespace postern::journey {

namespace {

bool is_exact(const Event& event) { return event.clock == Event::Clock::exact; }

std::optional<Translation> translation(const Packet& before, const Packet& after) {
  const bool ports = before.has_transport && after.has_transport;
  const auto port = [&](Port each) { return ports ? each : Port{}; };
  Translation translation;
  translation.source_before = {before.source, port(before.source_port)};
  translation.source_after = {after.source, port(after.source_port)};
  translation.destination_before = {before.destination, port(before.destination_port)};
  translation.destination_after = {after.destination, port(after.destination_port)};
  const auto differ = [](const Endpoint& a, const Endpoint& b) { return a.address != b.address || a.port != b.port; };
  translation.source_changed = differ(translation.source_before, translation.source_after);
  translation.destination_changed = differ(translation.destination_before, translation.destination_after);
  if (!translation.source_changed && !translation.destination_changed) return std::nullopt;
  return translation;
}

/// Times and translations. A rule, which is told late, speaks of headers at its own place, which is not always known well: what
/// it says translates nothing.
Journey put_together(std::vector<Event> events) {
  Journey journey;
  std::optional<uint64_t> first_ns, last_ns;
  const Packet* last = nullptr;
  journey.hops.reserve(events.size());  // `last` points into it
  for (Event& event : events) {
    Hop& hop = journey.hops.emplace_back(Hop{std::move(event), 0, {}});
    if (is_exact(hop.event)) {
      if (last_ns && hop.event.time_ns > *last_ns) hop.since_previous_ns = hop.event.time_ns - *last_ns;
      first_ns = std::min(first_ns.value_or(hop.event.time_ns), hop.event.time_ns);
      last_ns = std::max(last_ns.value_or(0), hop.event.time_ns);
    }
    if (!hop.event.packet || hop.event.point == Point::rule) continue;
    if (last) hop.translation = translation(*last, *hop.event.packet);
    last = &*hop.event.packet;
  }
  if (first_ns) journey.duration_ns = *last_ns - *first_ns;
  return journey;
}

/// A raw socket's copy of an answer, which its kernel has no other socket for, although the program has got it.
bool is_copy_of_delivered(const Journey& journey, const Event& drop) {
  const bool icmp = drop.packet && (drop.packet->protocol == IPPROTO_ICMP || drop.packet->protocol == IPPROTO_ICMPV6);
  if (!icmp || !drop.drop || drop.drop->reason != "NO_SOCKET") return false;
  return std::any_of(journey.hops.begin(), journey.hops.end(), [&](const Hop& hop) {
    return hop.event.point == Point::input && hop.event.network.inode == drop.network.inode;
  });
}

/// A bridge floods copies that share one buffer, so that they are one journey: what another namespace throws away is not what was
/// delivered here. Behind our own stack it is another packet.
bool is_copy_of_flooded(const Journey& journey, size_t refusal) {
  const auto inode = [&](size_t hop) { return journey.hops[hop].event.network.inode; };
  for (size_t i = refusal; i-- > 0 && journey.hops[i].event.observer != Observer::relay;) {
    const bool delivered = journey.hops[i].event.point == Point::input;
    if (delivered && inode(i) != inode(refusal) && inode(i) != 0 && inode(refusal) != 0) return true;
  }
  return false;
}

bool is_refused(const Rule& rule) {
  std::string_view verdict = rule.verdict;
  const std::string_view word = take_word(verdict);
  return word == "drop" || word == "reject";
}

/// By the last hop that says it. A drop in mid-way was a clone's.
Journey::End end_of(const Journey& journey) {
  for (auto hop = journey.hops.rbegin(); hop != journey.hops.rend(); ++hop) {
    const auto place = static_cast<size_t>(journey.hops.rend() - hop) - 1;
    switch (hop->event.point) {
      case Point::drop:
        if (is_copy_of_delivered(journey, hop->event) || is_copy_of_flooded(journey, place)) continue;
        return Journey::End::dropped;
      case Point::rule:
        if (!hop->event.rule || !is_refused(*hop->event.rule) || is_copy_of_flooded(journey, place)) continue;
        return Journey::End::dropped;
      case Point::input: return Journey::End::delivered;
      case Point::host_socket: return Journey::End::to_host_socket;
      default: return Journey::End::unknown;
    }
  }
  return Journey::End::unknown;
}

}  // namespace

class Journeys::Collection {
 public:
  void add(Event event) { events_.push_back(std::move(event)); }

  std::vector<Journey> take() {
    const auto earlier = [](const Event& a, const Event& b) { return a.time_ns < b.time_ns; };
    const auto late = std::stable_partition(events_.begin(), events_.end(), is_exact);
    std::stable_sort(events_.begin(), late, earlier);
    std::stable_sort(late, events_.end(), earlier);
    Grouping grouping;
    for (auto event = events_.begin(); event != late; ++event) grouping.add_exact(std::move(*event));
    for (auto event = late; event != events_.end(); ++event) grouping.add_late(std::move(*event));
    events_.clear();
    std::vector<Journey> journeys;
    for (auto& hops : grouping.take()) journeys.push_back(put_together(std::move(hops)));
    conclude(journeys);
    return journeys;
  }

 private:
  static void conclude(std::vector<Journey>& journeys) {
    std::stable_sort(journeys.begin(), journeys.end(),
                     [](const Journey& a, const Journey& b) { return began_ns(a) < began_ns(b); });
    Answers answers;
    for (size_t i = 0; i < journeys.size(); ++i) {
      journeys[i].end = end_of(journeys[i]);
      journeys[i].answers = answers.question_of(journeys[i]);
      answers.enter(journeys[i], i);
    }
  }

  std::vector<Event> events_;
};

Journeys::Journeys() : collection_(std::make_unique<Collection>()) {}
Journeys::~Journeys() = default;
void Journeys::add(Event event) { collection_->add(std::move(event)); }
std::vector<Journey> Journeys::take() { return collection_->take(); }

}  // namespace postern::journey
