#include "sighting_events.h"

#include <algorithm>
#include <chrono>

#include "postern/wire/ethernet.h"

namespace postern::api {

namespace {

using journey::Event, journey::Point;
using relay::Carrier, relay::Sighting;

constexpr size_t kMostCaptured = 128;
constexpr size_t kEtherTypeAt = 12;

std::string_view name_of(Carrier carrier) {
  switch (carrier) {
    case Carrier::none: return "";
    case Carrier::fast: return "fast";
    case Carrier::libslirp: return "libslirp";
    case Carrier::dns: return "dns";
  }
  return "";
}

Mac mac_at(wire::Bytes bytes, size_t at) {
  Mac mac;
  std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(at), mac.octets.size(), mac.octets.begin());
  return mac;
}

/// Makes the events of one sighting, each a nanosecond behind the one before: their order is known, and who sorts them by time
/// shall keep it. What the host's kernel does with a frame comes later, for the times are of the frame's arrival.
class Teller {
 public:
  Teller(const Sighting& sighting, const ShownFrame& frame, const Places& places, uint64_t identity)
      : sighting_(sighting), frame_(frame), places_(places), identity_(identity) {}

  Event& tap(Point point) {
    Event& event = next(point);
    event.network = places_.guest;
    event.device = places_.tap;
    event.macs = frame_.macs;
    return event;
  }
  Event& relay(Point point) {
    Event& event = next(point);
    event.network = places_.host;
    event.process = places_.self;
    return event;
  }
  void host_socket(const std::optional<journey::Mapping>& mapping) {
    if (mapping) relay(Point::host_socket).mapping = mapping;
  }
  void drop() {
    const std::string_view where =
        sighting_.fate == Sighting::Fate::refused ? "postern's relay, which answers with an ICMP error" : "postern's relay";
    relay(Point::drop).drop = journey::Drop{std::string(relay::name(*sighting_.drop)), std::string(where)};
  }
  std::vector<Event> take() { return std::move(events_); }

 private:
  Event& next(Point point) {
    const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(sighting_.when.time_since_epoch());
    Event& event = events_.emplace_back();
    event.time_ns = static_cast<uint64_t>(since.count()) + events_.size() - 1;
    event.observer = journey::Observer::relay;
    event.point = point;
    event.ethertype = frame_.ethertype;
    event.packet = frame_.packet;
    event.identity = identity_;
    const wire::Bytes kept = frame_.ip.first(std::min(frame_.ip.size(), kMostCaptured));
    event.captured.assign(kept.begin(), kept.end());
    return event;
  }

  const Sighting& sighting_;
  const ShownFrame& frame_;
  const Places& places_;
  uint64_t identity_;
  std::vector<Event> events_;
};

}  // namespace

ShownFrame ShownFrame::read(wire::Bytes start) {
  ShownFrame frame;
  if (start.size() < wire::EthernetFrame::kHeaderBytes) return frame;
  constexpr size_t kSourceAt = 6;
  frame.macs = journey::Macs{.source = mac_at(start, kSourceAt), .destination = mac_at(start, 0)};
  frame.ethertype = wire::load16(start, kEtherTypeAt);
  const bool is_ip = frame.ethertype == static_cast<uint16_t>(wire::EtherType::ipv4) ||
                     frame.ethertype == static_cast<uint16_t>(wire::EtherType::ipv6);
  if (!is_ip) return frame;
  frame.ip = start.subspan(wire::EthernetFrame::kHeaderBytes);
  frame.packet = journey::parse_packet(frame.ip);
  return frame;
}

std::optional<relay::FlowName> flow_of(const journey::Packet& packet, Sighting::Way way) {
  const auto protocol = static_cast<wire::Protocol>(packet.protocol);
  const bool is_icmp = protocol == wire::Protocol::icmp || protocol == wire::Protocol::icmpv6;
  const bool has_ports = packet.has_transport && (protocol == wire::Protocol::tcp || protocol == wire::Protocol::udp);
  if (!has_ports && !journey::is_echo(packet)) return std::nullopt;
  flow::FlowKey key{packet.source, packet.source_port, packet.destination, packet.destination_port};
  if (way == Sighting::Way::to_guest) {
    std::swap(key.guest, key.remote);
    std::swap(key.guest_port, key.remote_port);
  }
  if (is_icmp) {
    key.guest_port = Port{packet.icmp_id};
    key.remote_port = {};
  }
  return relay::FlowName{protocol, key};
}

std::vector<Event> events_of(const Sighting& sighting, const ShownFrame& frame, const std::optional<journey::Mapping>& mapping,
                             const Places& places, uint64_t identity) {
  Teller tell(sighting, frame, places, identity);
  if (sighting.way == Sighting::Way::to_guest) {
    tell.host_socket(mapping);
    tell.tap(Point::tap_out);
    return tell.take();
  }
  tell.tap(Point::tap_in);
  switch (sighting.fate) {
    case Sighting::Fate::absorbed: break;
    case Sighting::Fate::refused:
    case Sighting::Fate::dropped: tell.drop(); break;
    case Sighting::Fate::carried: tell.relay(Point::engine).engine = name_of(sighting.carrier); tell.host_socket(mapping);
  }
  return tell.take();
}

}  // namespace postern::api
