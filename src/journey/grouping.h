// grouping.h - which events are of one packet. Events come in the order of their time, those whose clock is not exact after all
// others.
#pragma once

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <vector>

#include "postern/journey/journey.h"

#include "likeness.h"

namespace postern::journey {

inline bool has_hop(const std::vector<Event>& hops, Point point) {
  return std::any_of(hops.begin(), hops.end(), [&](const Event& hop) { return hop.point == point; });
}

class Grouping {
 public:
  /// In the order of time.
  void add_exact(Event event);
  /// After all of the others.
  void add_late(Event event);
  /// The events of each packet, in the order of the way.
  std::vector<std::vector<Event>> take();

 private:
  /// A journey that is being put together.
  struct Draft {
    std::vector<Event> hops;
    Event::Clock clock = Event::Clock::exact;  // of the first event: one that is not exact begins no journey that has others
    uint64_t began_ns = 0, last_ns = 0;        // by that clock
    bool tied = false;                         // to one on the other side of our own stack
    size_t merged_into = SIZE_MAX;
  };
  using Place = size_t;  // in drafts_
  using Found = std::optional<Place>;

  template <class Key, class Hash>
  using Index = std::unordered_map<Key, std::deque<Place>, Hash>;
  struct Waiting {
    Place place;
    uint64_t since_ns;
    Matter matter;
    uint16_t icmp_sequence;
    Mapping mapping;
  };

  Place resolved(Place place) const;
  bool is_open(const Draft& draft, const Event& event) const;
  bool can_come(const Draft& draft, const Event& event, bool same_buffer) const;

  Found by_identity(const Event& event);
  Found by_sighting(const Event& event) const;
  Found by_headers(const Event& event, bool late);
  Found by_invariants(const Event& event);
  Found by_waiting(const Event& event);

  Place begin(Event event);
  void put(Place place, Event event, size_t at);
  void append(Place place, Event event) { put(place, std::move(event), drafts_[place].hops.size()); }
  void index(Place place, const Event& event);

  Found of_relay(const Event& event);
  void add_of_relay(Event event);
  void arrive(Place place, Event event);
  void lead_out(Place place, const Event& socket);
  void lead_in(Place place, const Event& socket);
  Found tie_of(Place tied, const Event& socket, HostFlow::Way way);
  void merge(Place front, Place back);

  std::vector<Draft> drafts_;
  std::unordered_map<uint64_t, Place> by_buffer_;  // the probes' and the tracepoints' identity: skb->head
  std::unordered_map<uint64_t, Place> by_rule_trace_;
  std::unordered_map<uint64_t, Place> by_sighting_;  // of our relay, which counts its frames
  Index<Packet, PacketHash> by_headers_, by_invariants_;
  Index<HostFlow, HostFlowHash> by_host_flow_;
  std::unordered_map<HostFlow, std::deque<Waiting>, HostFlowHash> waiting_;
};

}  // namespace postern::journey
