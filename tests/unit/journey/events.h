// events.h - made-up events: packets of the sizes and names that the documentation uses, seen where a test says.
#pragma once

#include <string>

#include "postern/journey/journey.h"

namespace postern::journey::test {

inline IpAddress ip(const std::string& text) { return *parse_ip(text); }

inline Packet ping(const std::string& source, const std::string& destination, uint8_t type, uint16_t sequence = 1) {
  Packet packet;
  packet.source = ip(source);
  packet.destination = ip(destination);
  packet.protocol = IPPROTO_ICMP;
  packet.has_transport = true;
  packet.icmp_type = type;
  packet.icmp_id = 7;
  packet.icmp_sequence = sequence;
  packet.ip_id = static_cast<uint32_t>(type == 8 ? 1000 + sequence : 2000 + sequence);
  packet.hop_limit = 64;
  packet.bytes = 84;
  return packet;
}
inline constexpr uint8_t kRequest = 8, kReply = 0;

inline Packet with_ports(uint8_t protocol, const Endpoint& source, const Endpoint& destination) {
  Packet packet;
  packet.source = source.address;
  packet.destination = destination.address;
  packet.protocol = protocol;
  packet.has_transport = true;
  packet.source_port = source.port;
  packet.destination_port = destination.port;
  packet.hop_limit = 64;
  packet.bytes = 60;
  return packet;
}
inline Packet udp(const Endpoint& source, const Endpoint& destination) { return with_ports(IPPROTO_UDP, source, destination); }

inline Packet tcp(const Endpoint& source, const Endpoint& destination, uint8_t flags, uint32_t sequence,
                  uint32_t acknowledged = 0) {
  Packet packet = with_ports(IPPROTO_TCP, source, destination);
  packet.tcp_flags = flags;
  packet.tcp_sequence = sequence;
  packet.tcp_acknowledgment = acknowledged;
  return packet;
}
inline constexpr uint8_t kFin = 1, kSyn = 2, kPsh = 8, kAck = 16;

/// Each a microsecond after the one before.
class Scene {
 public:
  static constexpr uint64_t kStep = 1000;

  Event& see(uint64_t inode, Point point, const std::string& device, const Packet& packet) {
    Event event;
    event.time_ns = now_ += kStep;
    event.observer = Observer::netfilter_probe;
    event.network.inode = inode;
    event.point = point;
    event.device.name = device;
    event.packet = packet;
    event.identity = identity;
    events.push_back(event);
    return events.back();
  }
  void wait(uint64_t ns) { now_ += ns; }
  uint64_t now() const { return now_; }

  std::vector<Journey> journeys() const {
    Journeys journeys;
    for (const Event& event : events) journeys.add(event);
    return journeys.take();
  }

  uint64_t identity = 0;
  std::vector<Event> events;

 private:
  uint64_t now_ = 1'000'000;
};

inline constexpr uint64_t kContainer = 1, kHost = 2, kOutside = 3;

inline Packet forwarded(Packet packet) {
  --packet.hop_limit;
  return packet;
}

inline Event& drop(Scene& scene, uint64_t inode, const std::string& reason, const Packet& packet) {
  Event& event = scene.see(inode, Point::drop, "", packet);
  event.drop = Drop{reason, "somewhere"};
  return event;
}

inline Event& rule(Scene& scene, uint64_t inode, const std::string& hook, const Packet& packet) {
  Event& event = scene.see(inode, Point::rule, "", packet);
  event.observer = Observer::rule_trace;
  event.clock = Event::Clock::arrival;
  event.identity = 0x99;
  event.rule = Rule{"inet filter chain_" + hook, "counter accept", "accept", 4, hook};
  return event;
}

/// "1:output eth0, 1:transmit eth0"
inline std::string way(const Journey& journey) {
  std::string text;
  for (const Hop& hop : journey.hops) {
    if (!text.empty()) text += ", ";
    text += std::to_string(hop.event.network.inode) + ":" + std::string(name(hop.event.point));
    if (!hop.event.device.name.empty()) text += " " + hop.event.device.name;
  }
  return text;
}

}  // namespace postern::journey::test
