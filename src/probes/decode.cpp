#include "decode.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "record.h"

namespace postern::probes {
namespace {

using journey::Event;
using journey::Observer;
using journey::Point;

constexpr std::array<Point, PROBE_POINTS> kPoints = {Point::ingress, Point::prerouting, Point::after_dnat,  Point::input,
                                                     Point::forward, Point::output,     Point::postrouting, Point::after_snat,
                                                     Point::egress,  Point::transmit,   Point::drop};

/// include/uapi/linux/netfilter/nf_conntrack_common.h
constexpr uint32_t kSourceTranslated = 1u << 4, kDestinationTranslated = 1u << 5;
constexpr uint8_t kUntracked = 7;
std::string_view state_of(uint8_t conntrack_info) {
  constexpr std::array<std::string_view, 5> kStates = {"established", "related", "new", "reply", "related"};
  return conntrack_info < kStates.size() ? kStates[conntrack_info] : "";
}

bool is_tracepoint(uint8_t point) {
  return point == PROBE_INGRESS || point == PROBE_EGRESS || point == PROBE_TRANSMIT || point == PROBE_DROP;
}

/// Up to its 0, or all of it.
std::string text_of(std::span<const char> field) { return {field.begin(), std::find(field.begin(), field.end(), '\0')}; }

Mac mac_at(const __u8* octets) {
  Mac mac;
  std::copy_n(octets, mac.octets.size(), mac.octets.begin());
  return mac;
}

/// Hidden, for it would be taken for the end of a packet that has arrived: an answer to ping(8) by a raw socket is a copy that
/// the socket gets; what it was copied from then finds no socket of the other kind (ping_rcv in net/ipv4/ping.c).
bool misleads(const Event& event) {
  if (event.point != Point::drop || event.drop->reason != "NO_SOCKET" || !event.packet) return false;
  const journey::Packet& packet = *event.packet;
  constexpr uint8_t kEchoReply4 = 0, kEchoReply6 = 129;
  return packet.has_transport && ((packet.protocol == IPPROTO_ICMP && packet.icmp_type == kEchoReply4) ||
                                  (packet.protocol == IPPROTO_ICMPV6 && packet.icmp_type == kEchoReply6));
}

void add_conntrack(Event& event, const probe_record& record) {
  if (record.conntrack == 0 || record.conntrack_info == kUntracked) return;
  event.conntrack = {.identity = record.conntrack,
                     .state = std::string(state_of(record.conntrack_info)),
                     .snat = (record.conntrack_status & kSourceTranslated) != 0,
                     .dnat = (record.conntrack_status & kDestinationTranslated) != 0};
}

void add_process(Event& event, const probe_record& record) {
  if ((record.flags & PROBE_HAS_PROCESS) == 0) return;
  event.process = {.pid = static_cast<int>(record.pid), .name = text_of(record.process_name)};
  event.process_is_bystander = (record.flags & PROBE_OWN_PROCESS) == 0;
}

}  // namespace

std::optional<Event> decode(std::span<const uint8_t> bytes, const KernelNames& names) {
  probe_record record;
  if (bytes.size() < sizeof record) return std::nullopt;
  std::memcpy(&record, bytes.data(), sizeof record);
  if (record.point >= PROBE_POINTS || record.captured > PROBE_CAPTURED) return std::nullopt;
  Event event;
  event.time_ns = record.time_ns;
  event.observer = is_tracepoint(record.point) ? Observer::tracepoint : Observer::netfilter_probe;
  event.point = kPoints[record.point];
  event.network.inode = record.netns;
  event.device = {.index = static_cast<int>(record.device), .name = text_of(record.device_name), .kind = ""};
  event.ethertype = record.ethertype;
  event.identity = record.identity;
  if (record.flags & PROBE_HAS_MACS) event.macs = {.source = mac_at(record.macs + 6), .destination = mac_at(record.macs)};
  add_conntrack(event, record);
  add_process(event, record);
  if (event.point == Point::drop) event.drop = {names.drop_reason(record.reason), names.function(record.location)};
  event.captured.assign(record.packet, record.packet + record.captured);
  event.packet = journey::parse_packet(event.captured);
  if (misleads(event)) return std::nullopt;
  return event;
}

}  // namespace postern::probes
