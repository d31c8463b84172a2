// events.h - events as observers make them, for tests.
#pragma once

#include "postern/journey/event.h"

namespace postern::trace_cli {

inline journey::Packet echo(uint16_t sequence, const char* source = "10.0.0.2", const char* destination = "192.0.2.2") {
  journey::Packet packet;
  packet.source = *parse_ip(source);
  packet.destination = *parse_ip(destination);
  packet.protocol = 1;
  packet.has_transport = true;
  packet.icmp_type = 8;
  packet.icmp_id = 7;
  packet.icmp_sequence = sequence;
  packet.ip_id = 1000U + sequence;
  packet.hop_limit = 64;
  packet.bytes = 84;
  return packet;
}

inline journey::Event seen(uint64_t time_ns, journey::Point point, const journey::Packet& packet) {
  journey::Event event;
  event.time_ns = time_ns;
  event.point = point;
  event.packet = packet;
  event.network.inode = 1;
  event.identity = packet.ip_id;
  return event;
}

inline journey::Event told(uint64_t time_ns, journey::Point point, const journey::Packet& packet, const journey::Rule& rule) {
  journey::Event event = seen(time_ns, point, packet);
  event.clock = journey::Event::Clock::arrival;
  event.observer = journey::Observer::rule_trace;
  event.identity = 0;
  event.rule = rule;
  return event;
}

}  // namespace postern::trace_cli
