// grouping.cpp - by what an event finds its packet, best first:
//
//   the kernel's buffer      unless the headers show that the buffer holds another packet by now
//   our relay's number       what it says of one frame
//   the headers              another observer, a device that copies, the TAP; not where the packet has been already, and into
//                            another namespace only where packets enter one
//   a mapping of our stack   socket_ties.cpp
//   what NAT leaves alone    only in one namespace, and only for observers that know no buffer
#include "grouping.h"

#include <algorithm>

#include "order.h"

namespace postern::journey {

namespace {

constexpr uint64_t kPatienceNs = std::chrono::nanoseconds(Journeys::kPatience).count();
constexpr uint64_t kSameMomentNs = 100'000;
/// Of packets with the same headers; more are not on their way at once, and a flood of them must not cost its square.
constexpr size_t kMostAlike = 32;
/// Of one journey: each event is held against each of its hops. Forty namespaces with their rules have some hundreds.
constexpr size_t kMostHops = 1024;

bool knows_buffers(Observer observer) { return observer == Observer::netfilter_probe || observer == Observer::tracepoint; }

/// The same place and observer: a packet comes there once, but for a loop of routes, in which its hop limit falls.
bool is_same_place(const Event& a, const Event& b) {
  return a.point == b.point && a.observer == b.observer && a.network.inode == b.network.inode &&
         a.device.index == b.device.index && a.device.name == b.device.name;
}

bool is_same_rule(const Rule& a, const Rule& b) {
  return a.chain == b.chain && a.handle == b.handle && a.verdict == b.verdict && a.text == b.text;
}

bool is_repeated(const Event& hop, const Event& event) {
  if (!is_same_place(hop, event)) return false;
  if (event.point == Point::drop) return false;  // of a clone, and then of the packet
  if (event.point == Point::rule) return hop.rule && event.rule && is_same_rule(*hop.rule, *event.rule);
  return !hop.packet || !event.packet || event.packet->hop_limit >= hop.packet->hop_limit;
}

const Packet* last_packet(const std::vector<Event>& hops) {
  const auto found = std::find_if(hops.rbegin(), hops.rend(), [](const Event& hop) { return hop.packet.has_value(); });
  return found == hops.rend() ? nullptr : &*found->packet;
}

/// A hop limit only falls between two points with the same headers. Our own stack makes packets anew.
bool has_risen(const std::vector<Event>& hops, const Event& event, const Packet& headers) {
  const auto alike = [&](const Event& hop) { return hop.packet && headers_of(*hop.packet) == headers; };
  const auto last = std::find_if(hops.rbegin(), hops.rend(), alike);
  return event.observer != Observer::relay && last != hops.rend() && event.packet->hop_limit > last->packet->hop_limit;
}

/// Of hops with these headers.
bool has_length(const std::vector<Event>& hops, const Packet& packet, const Packet& headers) {
  return !is_told_by_length(packet) || std::any_of(hops.begin(), hops.end(), [&](const Event& hop) {
    return hop.packet && is_same_length(*hop.packet, packet) && headers_of(*hop.packet) == headers;
  });
}

/// Whether the packet has been in that namespace, as far as is known.
bool has_been_in(const std::vector<Event>& hops, uint64_t inode) {
  return inode == 0 || std::any_of(hops.begin(), hops.end(),
                                   [&](const Event& hop) { return hop.network.inode == inode || hop.network.inode == 0; });
}

/// Whether a kernel has seen it anywhere but where packets come in.
bool has_set_out(const std::vector<Event>& hops) {
  return std::any_of(hops.begin(), hops.end(), [](const Event& hop) {
    return hop.observer != Observer::relay && hop.point != Point::ingress && hop.point != Point::prerouting &&
           hop.point != Point::after_dnat && hop.point != Point::input;
  });
}

/// A packet with the same headers may be another one, of a namespace that is addressed alike. Out of one and into another a
/// packet comes by a device. What our relay says at no TAP it says of a frame by its number, or else right behind what it had
/// said.
bool can_enter(const std::vector<Event>& hops, const Event& event) {
  if (event.observer == Observer::relay && event.point != Point::tap_in) {
    const bool goes_on = event.identity == 0 && hops.back().observer == Observer::relay;
    if (event.point != Point::tap_out || goes_on) return goes_on;
  }
  if (has_been_in(hops, event.network.inode)) return true;
  return (event.point == Point::ingress || event.point == Point::prerouting) && has_set_out(hops);
}

/// Where only rules are seen of a namespace, its first may be of any hook but that where packets are made.
bool can_enter_late(const std::vector<Event>& hops, const Event& event) {
  return has_been_in(hops, event.network.inode) || !event.rule || event.rule->hook != "output";
}

/// A way begins there. In another namespace the buffer is used again, unless a device gave the packet on as that namespace's own,
/// as ipvlan does; but not one that our relay has read.
bool is_made_anew(const std::vector<Event>& hops, const Event& event) {
  if (event.point != Point::output || has_been_in(hops, event.network.inode)) return false;
  const Packet* last = last_packet(hops);
  return has_hop(hops, Point::tap_in) || !last || !event.packet || headers_of(*last) != headers_of(*event.packet);
}

/// After a delivery only its drop can follow, or what a rule had said.
bool was_delivered(const std::vector<Event>& hops) {
  const auto last = std::find_if(hops.rbegin(), hops.rend(), [](const Event& hop) { return hop.point != Point::drop; });
  return last != hops.rend() && last->point == Point::input;
}

template <class Key, class Map>
void enter(Map& index, const Key& key, size_t place) {
  auto& places = index[key];
  if (!places.empty() && places.back() == place) return;
  places.push_back(place);
  if (places.size() > kMostAlike) places.pop_front();
}

}  // namespace

Grouping::Place Grouping::resolved(Place place) const {
  while (drafts_[place].merged_into != SIZE_MAX) place = drafts_[place].merged_into;
  return place;
}

bool Grouping::is_open(const Draft& draft, const Event& event) const {
  return draft.hops.size() < kMostHops && event.time_ns >= draft.began_ns && event.time_ns <= draft.last_ns + kPatienceNs;
}

bool Grouping::can_come(const Draft& draft, const Event& event, bool same_buffer) const {
  if (!is_open(draft, event)) return false;
  // Two probes of one hook may say the same of one buffer, one after the other.
  const Event& last = draft.hops.back();
  const bool twice = same_buffer && is_same_place(last, event) && event.time_ns - last.time_ns <= kSameMomentNs;
  if (twice && event.point != Point::drop) return true;
  const bool on_the_way = event.point != Point::drop && event.observer != Observer::relay && event.clock == Event::Clock::exact;
  if (on_the_way && was_delivered(draft.hops)) return false;
  return std::none_of(draft.hops.begin(), draft.hops.end(), [&](const Event& hop) { return is_repeated(hop, event); });
}

Grouping::Found Grouping::by_identity(const Event& event) {
  if (event.identity == 0) return std::nullopt;
  if (!knows_buffers(event.observer) && event.observer != Observer::rule_trace) return std::nullopt;
  const auto& places = knows_buffers(event.observer) ? by_buffer_ : by_rule_trace_;
  const auto found = places.find(event.identity);
  if (found == places.end()) return std::nullopt;
  const Place place = resolved(found->second);
  const Draft& draft = drafts_[place];
  const Packet* last = last_packet(draft.hops);
  // A rule's events come late: of whichever hop they are, the headers are what has to be found among the journey's.
  const bool is_rule = event.observer == Observer::rule_trace;
  if (!is_rule && is_made_anew(draft.hops, event)) return std::nullopt;
  if (event.packet && last &&
      (is_rule ? invariants_of(*last) != invariants_of(*event.packet) : !may_be_same(*last, *event.packet)))
    return std::nullopt;
  return can_come(draft, event, true) ? Found(place) : std::nullopt;
}

Grouping::Found Grouping::by_sighting(const Event& event) const {
  const auto found = event.identity == 0 ? by_sighting_.end() : by_sighting_.find(event.identity);
  if (found == by_sighting_.end()) return std::nullopt;
  const Place place = resolved(found->second);
  return is_open(drafts_[place], event) ? Found(place) : std::nullopt;
}

Grouping::Found Grouping::by_headers(const Event& event, bool late) {
  if (!event.packet || (event.point == Point::output && !late)) return std::nullopt;  // a way begins there
  const Packet headers = headers_of(*event.packet);
  const auto found = by_headers_.find(headers);
  if (found == by_headers_.end()) return std::nullopt;
  Found elsewhere;
  for (const Place each : found->second) {  // the oldest first: packets that are alike do not overtake each other
    const Place place = resolved(each);
    const Draft& draft = drafts_[place];
    if (!is_open(draft, event)) continue;
    if (!late && (draft.hops.back().point == Point::drop || has_risen(draft.hops, event, headers))) continue;
    if (!can_come(draft, event, false) || !has_length(draft.hops, *event.packet, headers)) continue;
    if (late ? !can_enter_late(draft.hops, event) : !can_enter(draft.hops, event)) continue;
    if (has_been_in(draft.hops, event.network.inode)) return place;
    if (!elsewhere) elsewhere = place;
  }
  return elsewhere;
}

Grouping::Found Grouping::by_invariants(const Event& event) {
  if (!event.packet || knows_buffers(event.observer) || event.observer == Observer::relay) return std::nullopt;
  if (event.point == Point::output || !is_particular(*event.packet)) return std::nullopt;
  const auto found = by_invariants_.find(invariants_of(*event.packet));
  if (found == by_invariants_.end()) return std::nullopt;
  for (const Place each : found->second) {
    const Place place = resolved(each);
    const Draft& draft = drafts_[place];
    const Packet* last = last_packet(draft.hops);
    const bool same_end = last && (last->source == event.packet->source || last->destination == event.packet->destination);
    const bool here = std::any_of(draft.hops.begin(), draft.hops.end(),
                                  [&](const Event& hop) { return hop.network.inode == event.network.inode; });
    if (here && same_end && may_be_same(*last, *event.packet) && can_come(draft, event, false)) return place;
  }
  return std::nullopt;
}

Grouping::Place Grouping::begin(Event event) {
  const Place place = drafts_.size();
  drafts_.emplace_back();
  drafts_[place].began_ns = drafts_[place].last_ns = event.time_ns;
  drafts_[place].clock = event.clock;
  append(place, std::move(event));
  return place;
}

void Grouping::put(Place place, Event event, size_t at) {
  Draft& draft = drafts_[place];
  if (event.clock == draft.clock) {
    draft.began_ns = std::min(draft.began_ns, event.time_ns);
    draft.last_ns = std::max(draft.last_ns, event.time_ns);
  }
  index(place, event);
  draft.hops.insert(draft.hops.begin() + static_cast<std::ptrdiff_t>(at), std::move(event));
}

void Grouping::index(Place place, const Event& event) {
  if (event.identity != 0 && knows_buffers(event.observer)) by_buffer_[event.identity] = place;
  if (event.identity != 0 && event.observer == Observer::rule_trace) by_rule_trace_[event.identity] = place;
  if (event.identity != 0 && event.observer == Observer::relay) by_sighting_[event.identity] = place;
  if (!event.packet) return;
  enter(by_headers_, headers_of(*event.packet), place);
  if (is_particular(*event.packet)) enter(by_invariants_, invariants_of(*event.packet), place);
  if (event.observer == Observer::relay || event.clock != Event::Clock::exact) return;
  for (const auto way : {HostFlow::Way::out, HostFlow::Way::in}) enter(by_host_flow_, host_flow(*event.packet, way), place);
}

void Grouping::add_exact(Event event) {
  if (event.observer == Observer::relay) return add_of_relay(std::move(event));
  Found place = by_identity(event);
  if (!place) place = by_headers(event, false);
  if (!place) place = by_waiting(event);
  if (!place) place = by_invariants(event);
  place ? append(*place, std::move(event)) : static_cast<void>(begin(std::move(event)));
}

void Grouping::add_late(Event event) {
  Found place = by_identity(event);
  if (!place) place = by_headers(event, true);
  if (!place) place = by_invariants(event);
  if (!place) {
    begin(std::move(event));
    return;
  }
  const size_t at = place_of(event, drafts_[*place].hops);
  put(*place, std::move(event), at);
}

std::vector<std::vector<Event>> Grouping::take() {
  std::vector<std::vector<Event>> all;
  for (Draft& draft : drafts_) {
    if (draft.merged_into == SIZE_MAX) all.push_back(std::move(draft.hops));
  }
  return all;
}

}  // namespace postern::journey
