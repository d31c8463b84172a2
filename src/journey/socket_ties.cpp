// socket_ties.cpp - through our own stack, where nothing of a packet remains but what was in it.
//
//   namespace ─ transmit ─ tap_in ─ engine ─ host_socket ┄┄┄ output ─ ... of the host: from local to remote
//   host: from remote to local ... ─ input ┄┄┄ host_socket ─ tap_out ─ ingress ─ ... namespace
//
// The host's packet may have been seen before the relay says what it did, for it leaves during the system call. TCP ends at our
// stack and begins anew: its segments are tied by what they are for - an opening, data, an end - and not by their bytes.
#include <algorithm>

#include "grouping.h"

namespace postern::journey {

namespace {

constexpr uint64_t kPatienceNs = std::chrono::nanoseconds(Journeys::kPatience).count();

bool is_unspecified(const IpAddress& address) { return address == IpAddress(Ipv4{}) || address == IpAddress(Ipv6{}); }

/// Whether the host's packet can be the socket's. That may be bound to no address: then its port has to be enough, which an echo
/// has for its identifier.
bool is_of_socket(const Packet& packet, const Mapping& mapping, HostFlow::Way way) {
  const Endpoint& local = mapping.local;
  const IpAddress& address = way == HostFlow::Way::out ? packet.source : packet.destination;
  if (!is_unspecified(local.address) && local.address != address) return false;
  return local.port.number == 0 || !is_echo(packet) || packet.icmp_id == local.port.number;
}

/// Not what our relay says of itself, which runs on the host.
bool is_of_guests_side(const Event& hop) {
  return hop.observer != Observer::relay || hop.point == Point::tap_in || hop.point == Point::tap_out;
}

bool is_guests_namespace(const std::vector<Event>& guest, uint64_t inode) {
  return inode != 0 && std::any_of(guest.begin(), guest.end(),
                                   [&](const Event& hop) { return hop.network.inode == inode && is_of_guests_side(hop); });
}

/// Whether the journey is not the host's: a socket that is bound to no address tells the guest's own packets not apart from it.
bool is_of_guest(const std::vector<Event>& hops, const std::vector<Event>& guest) {
  const bool passes_relay =
      std::any_of(hops.begin(), hops.end(), [](const Event& hop) { return hop.observer == Observer::relay; });
  return passes_relay || is_guests_namespace(guest, hops.front().network.inode);
}

/// The packet that leaves by a socket is a journey's first; one that comes to it, its last.
const Event* at_socket(const std::vector<Event>& hops, HostFlow::Way way) {
  const auto has_packet = [](const Event& hop) { return hop.packet.has_value(); };
  if (way == HostFlow::Way::out) {
    const auto first = std::find_if(hops.begin(), hops.end(), has_packet);
    return first == hops.end() ? nullptr : &*first;
  }
  const auto last = std::find_if(hops.rbegin(), hops.rend(), has_packet);
  return last == hops.rend() ? nullptr : &*last;
}

}  // namespace

Grouping::Found Grouping::of_relay(const Event& event) {
  if (const Found sighted = by_sighting(event)) return sighted;
  return by_headers(event, false);
}

/// From the namespace: tap_in, engine, host_socket. To it: host_socket, tap_out.
void Grouping::add_of_relay(Event event) {
  const Found found = of_relay(event);
  if (event.point == Point::tap_out) {
    found ? arrive(*found, std::move(event)) : static_cast<void>(begin(std::move(event)));
    return;
  }
  const Event copy = event;
  const Place place = found ? *found : begin(copy);
  if (found) append(place, std::move(event));
  if (copy.point == Point::host_socket && has_hop(drafts_[place].hops, Point::tap_in)) lead_out(place, copy);
}

/// `event` is at tap_out. Only now it is known to which namespace the packet goes: its kernel may have had the packet, and looked
/// at it, before the relay knew that it was written; and by that the host's packet is told from the guest's.
void Grouping::arrive(Place place, Event event) {
  const auto& hops = drafts_[place].hops;
  const auto socket = std::find_if(hops.rbegin(), hops.rend(), [](const Event& hop) { return hop.point == Point::host_socket; });
  if (socket == hops.rend()) {
    const auto in_kernel = [&](const Event& hop) { return hop.network.inode == event.network.inode; };
    const auto at = std::find_if(hops.begin(), hops.end(), in_kernel) - hops.begin();
    put(place, std::move(event), static_cast<size_t>(at));
    return;
  }
  const Event from = *socket;  // NOLINT(performance-unnecessary-copy-initialization): append() makes hops elsewhere
  const Found kernel = by_headers(event, false);
  append(place, std::move(event));
  if (kernel && *kernel != place) merge(place, *kernel);
  lead_in(place, from);
}

/// A host's journey that the mapping speaks of, and that is nobody's yet.
Grouping::Found Grouping::tie_of(Place tied, const Event& socket, HostFlow::Way way) {
  if (!socket.mapping || !socket.packet) return std::nullopt;
  const auto found = by_host_flow_.find(host_flow(*socket.mapping, socket.packet->protocol, way));
  if (found == by_host_flow_.end()) return std::nullopt;
  const Matter matter = matter_of(socket);
  const uint64_t not_before_ns = way == HostFlow::Way::out ? drafts_[tied].began_ns : 0;  // what it causes comes after it
  Found best;
  for (const Place each : found->second) {
    const Place place = resolved(each);
    const Draft& draft = drafts_[place];
    const Event* host = at_socket(draft.hops, way);
    if (!host || draft.tied || place == tied || is_of_guest(draft.hops, drafts_[tied].hops) || draft.began_ns < not_before_ns ||
        draft.last_ns + kPatienceNs < socket.time_ns)
      continue;
    if (host_flow(*host->packet, way) != found->first || !is_of_socket(*host->packet, *socket.mapping, way)) continue;
    if (matter_of(*host) != matter || host->packet->icmp_sequence != socket.packet->icmp_sequence) continue;
    // Datagrams go one for one, the oldest first; of TCP the latest, for the stack may have taken several together.
    const bool same_length = host->packet->bytes == socket.packet->bytes;
    if (matter != Matter::datagram || !best || same_length) best = place;
    if (matter == Matter::datagram && same_length) break;
  }
  return best;
}

void Grouping::lead_out(Place place, const Event& socket) {
  if (!socket.mapping || !socket.packet || matter_of(socket) == Matter::acknowledgment) return;
  if (const Found host = tie_of(place, socket, HostFlow::Way::out)) {
    merge(place, *host);
    return;
  }
  const HostFlow flow = host_flow(*socket.mapping, socket.packet->protocol, HostFlow::Way::out);
  waiting_[flow].push_back({place, socket.time_ns, matter_of(socket), socket.packet->icmp_sequence, *socket.mapping});
}

void Grouping::lead_in(Place place, const Event& socket) {
  if (!socket.packet || matter_of(socket) == Matter::acknowledgment) return;
  if (const Found host = tie_of(place, socket, HostFlow::Way::in)) merge(*host, place);
}

Grouping::Found Grouping::by_waiting(const Event& event) {
  if (!event.packet) return std::nullopt;
  const auto found = waiting_.find(host_flow(*event.packet, HostFlow::Way::out));
  if (found == waiting_.end()) return std::nullopt;
  auto& queue = found->second;
  const Matter matter = matter_of(event);
  std::erase_if(queue, [&](const Waiting& each) { return each.since_ns + kPatienceNs < event.time_ns; });
  const auto wanted = [&](const Waiting& each) {
    return each.matter == matter && each.icmp_sequence == event.packet->icmp_sequence &&
           is_of_socket(*event.packet, each.mapping, HostFlow::Way::out) &&
           !is_guests_namespace(drafts_[resolved(each.place)].hops, event.network.inode);
  };
  const auto first = std::find_if(queue.begin(), queue.end(), wanted);
  if (first == queue.end()) return std::nullopt;
  const auto chosen = matter == Matter::datagram ? first : std::find_if(queue.rbegin(), queue.rend(), wanted).base() - 1;
  const Place place = resolved(chosen->place);
  drafts_[place].tied = true;
  queue.erase(matter == Matter::datagram ? first : queue.begin(), chosen + 1);
  return place;
}

void Grouping::merge(Place front, Place back) {
  Draft& into = drafts_[front];
  Draft& from = drafts_[back];
  into.hops.insert(into.hops.end(), std::make_move_iterator(from.hops.begin()), std::make_move_iterator(from.hops.end()));
  into.began_ns = std::min(into.began_ns, from.began_ns);
  into.last_ns = std::max(into.last_ns, from.last_ns);
  into.tied = true;
  from = Draft{};
  from.merged_into = front;
}

}  // namespace postern::journey
