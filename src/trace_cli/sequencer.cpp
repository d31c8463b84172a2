#include "sequencer.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace postern::trace_cli {

namespace {

using journey::Event, journey::Observer, journey::Packet, journey::Point;

/// The same for a packet wherever one namespace sees it, between two translations of its addresses.
using PacketKey = std::tuple<uint64_t, IpAddress, IpAddress, uint8_t, uint16_t, uint16_t, uint32_t, uint32_t, uint32_t, uint16_t>;

std::optional<PacketKey> key_of(const Event& event) {
  if (!event.packet) return std::nullopt;
  const Packet& packet = *event.packet;
  const uint32_t echo = uint32_t{packet.icmp_id} << 16 | packet.icmp_sequence;
  return PacketKey{event.network.inode,
                   packet.source,
                   packet.destination,
                   packet.protocol,
                   packet.source_port.number,
                   packet.destination_port.number,
                   echo ^ packet.tcp_sequence,
                   packet.ip_id,
                   uint32_t{packet.icmp_type} << 8 | packet.tcp_flags,
                   packet.fragment_offset};
}

bool tells_of_rules(const Event& event) { return event.observer == Observer::rule_trace; }

/// The last point that is seen before the chains of a hook.
std::optional<Point> point_before(std::string_view hook) {
  if (hook == "ingress") return Point::ingress;
  if (hook == "prerouting") return Point::prerouting;
  if (hook == "input" || hook == "forward") return Point::after_dnat;
  if (hook == "output") return Point::output;
  if (hook == "postrouting") return Point::postrouting;
  return std::nullopt;
}

/// What was seen of one packet.
struct Seen {
  std::vector<Event*> exact;       // by those who saw it happen
  std::vector<const Event*> ends;  // by those who know the rule
};

/// Of what differs from packet to packet; the rest is the same for most that are looked at together.
struct HashPacket {
  size_t operator()(const PacketKey& key) const {
    const uint64_t numbers = uint64_t{std::get<6>(key)} << 32 | std::get<7>(key);
    const uint64_t ports = uint64_t{std::get<4>(key)} << 16 | std::get<5>(key);
    return std::hash<uint64_t>()((numbers ^ std::get<0>(key)) * 0x9e3779b97f4a7c15 ^ ports << 24 ^ std::get<8>(key));
  }
};
using SeenPackets = std::unordered_map<PacketKey, Seen, HashPacket>;

/// Whether the rule's event says nothing more than another that stays.
bool join_drop(const Event& told, const Seen& seen) {
  if (told.point == Point::rule) {  // "drop", and then what is dropped
    return told.rule && std::any_of(seen.ends.begin(), seen.ends.end(), [&](const Event* end) {
             return end->rule && end->rule->handle == told.rule->handle && end->rule->chain == told.rule->chain &&
                    end->rule->verdict == told.rule->verdict;
           });
  }
  if (told.point != Point::drop) return false;
  const auto same =
      std::find_if(seen.exact.begin(), seen.exact.end(), [](const Event* one) { return one->point == Point::drop; });
  if (same == seen.exact.end()) return false;
  if (!(*same)->rule) (*same)->rule = told.rule;
  return true;
}

/// When it happened, if somebody saw the packet before the chain.
std::optional<uint64_t> true_time(const Event& told, const Seen& seen) {
  const auto before = told.rule ? point_before(told.rule->hook) : std::nullopt;
  if (!before) return std::nullopt;
  const auto anchor =
      std::find_if(seen.exact.rbegin(), seen.exact.rend(), [&](const Event* one) { return one->point == *before; });
  if (anchor == seen.exact.rend() || (*anchor)->time_ns + 1 >= told.time_ns) return std::nullopt;
  return (*anchor)->time_ns + 1;
}

}  // namespace

std::vector<Event> Sequencer::take(uint64_t until_ns) {
  settle_rules();
  std::vector<Event> taken;
  const auto end = until_ns == UINT64_MAX ? waiting_.end() : waiting_.lower_bound(until_ns);
  for (auto it = waiting_.begin(); it != end; ++it) taken.push_back(std::move(it->second));
  waiting_.erase(waiting_.begin(), end);
  return taken;
}

void Sequencer::settle_rules() {
  const auto is_told = [](const Waiting::value_type& one) { return tells_of_rules(one.second); };
  if (std::none_of(waiting_.begin(), waiting_.end(), is_told)) return;
  SeenPackets packets;
  for (auto& [time_ns, event] : waiting_) {
    const auto key = key_of(event);
    if (!key || event.observer == Observer::relay) continue;
    if (!tells_of_rules(event)) packets[*key].exact.push_back(&event);
    if (tells_of_rules(event) && event.point == Point::drop) packets[*key].ends.push_back(&event);
  }
  std::vector<Waiting::iterator> needless, early;
  for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
    const auto key = tells_of_rules(it->second) ? key_of(it->second) : std::nullopt;
    if (!key || !packets.contains(*key)) continue;
    if (join_drop(it->second, packets[*key])) {
      needless.push_back(it);
    } else if (true_time(it->second, packets[*key])) {
      early.push_back(it);
    }
  }
  for (const auto it : early) {
    auto moved = waiting_.extract(it);
    moved.key() = moved.mapped().time_ns = *true_time(moved.mapped(), packets[*key_of(moved.mapped())]);
    waiting_.insert(std::move(moved));
  }
  for (const auto it : needless) waiting_.erase(it);
}

}  // namespace postern::trace_cli
