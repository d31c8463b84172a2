#include "journeys.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <array>

namespace postern::page {

using namespace journey;

namespace {

constexpr uint64_t kStep = 900;  // ns from point to point
const Ipv4 kClient = Ipv4::of(10, 77, 0, 2), kTranslated = Ipv4::of(192, 0, 2, 1), kServer = Ipv4::of(192, 0, 2, 3);

Packet echo(Ipv4 source, Ipv4 destination, uint8_t type) {
  Packet packet;
  packet.source = source;
  packet.destination = destination;
  packet.protocol = IPPROTO_ICMP;
  packet.has_transport = true;
  packet.icmp_type = type;
  packet.icmp_id = 7;
  packet.bytes = 84;
  return packet;
}

/// Adds a point to the journey's end.
Hop& add(Journey& journey, Point point, const std::string& network, const std::string& device) {
  const uint64_t before = journey.hops.empty() ? 1'000'000 : journey.hops.back().event.time_ns;
  Hop& hop = journey.hops.emplace_back();
  hop.since_previous_ns = journey.hops.size() == 1 ? 0 : kStep;
  hop.event.time_ns = before + kStep;
  hop.event.point = point;
  uint64_t inode = 4026532000;
  for (const char c : network) inode += static_cast<unsigned char>(c);
  hop.event.network = {inode, network};
  if (!device.empty()) hop.event.device = {2, device, "veth"};
  hop.event.packet = echo(kClient, kServer, 8);
  journey.duration_ns = hop.event.time_ns - journey.hops.front().event.time_ns;
  return hop;
}

void translate_source(Hop& hop, Endpoint before, Endpoint after) {
  Translation& change = hop.translation.emplace();
  change.source_changed = true;
  change.source_before = before;
  change.source_after = after;
}

}  // namespace

std::vector<Journey> long_journey() {
  constexpr std::array<Point, 8> points = {Point::ingress,     Point::prerouting, Point::after_dnat, Point::forward,
                                           Point::postrouting, Point::after_snat, Point::egress,     Point::transmit};
  Journey request;
  for (const std::string& network : kWay) {
    for (const Point point : points) {
      Hop& hop = add(request, point, network, point < Point::forward ? "in0" : "out0");
      if (network != "c1") hop.event.packet->source = kTranslated;
      if (network == "host" && point == Point::after_snat) translate_source(hop, {kClient, {}}, {kTranslated, {}});
    }
  }
  request.end = Journey::End::delivered;
  Journey answer;
  answer.answers = 0;
  answer.end = Journey::End::delivered;
  for (auto network = kWay.rbegin(); network != kWay.rend(); ++network) {
    add(answer, Point::ingress, *network, "in0").event.packet = echo(kServer, kClient, 0);
  }
  return {request, answer};
}

Journey dropped_journey() {
  Journey journey;
  add(journey, Point::output, kHostile, kHostile).event.process = Process{99, kHostile};
  Hop& rule = add(journey, Point::rule, kHostile, "");
  rule.event.observer = Observer::rule_trace;
  rule.event.rule = Rule{"inet filter output", fmt::format("log prefix \"{}\" drop", kHostile), "drop", 31, "output"};
  add(journey, Point::drop, kHostile, "").event.drop = Drop{"NETFILTER_DROP", "nft_do_chain"};
  journey.end = Journey::End::dropped;
  return journey;
}

Journey own_stack_journey() {
  Journey journey;
  add(journey, Point::transmit, "postern run 4711", "tap0");
  add(journey, Point::tap_in, "postern run 4711", "tap0").event.observer = Observer::relay;
  Hop& engine = add(journey, Point::engine, "host", "");
  engine.event.observer = Observer::relay;
  engine.event.engine = "fast";
  Hop& socket = add(journey, Point::host_socket, "host", "");
  socket.event.observer = Observer::relay;
  socket.event.mapping = Mapping{{kTranslated, Port{41822}}, {kServer, Port{443}}};
  translate_source(socket, {kClient, Port{51112}}, {kTranslated, Port{41822}});
  journey.end = Journey::End::to_host_socket;
  return journey;
}

std::vector<Journey> many_journeys(size_t count, size_t hops) {
  std::vector<Journey> journeys(count);
  for (size_t number = 0; number < count; ++number) {
    for (size_t at = 0; at < hops; ++at) {
      add(journeys[number], at % 2 ? Point::transmit : Point::ingress, kWay[at % kWay.size()], fmt::format("eth{}", number));
    }
  }
  return journeys;
}

inspect::HostView small_host() {
  using namespace inspect;
  HostView host;
  host.host = "lab";
  const auto device = [](int index, std::string name, std::string kind, std::string master = {}) {
    DeviceView view;
    view.index = index;
    view.name = std::move(name);
    view.kind = std::move(kind);
    view.master = std::move(master);
    view.up = true;
    return view;
  };
  const auto add_namespace = [&host](ino_t inode, std::string name, std::vector<DeviceView> devices) {
    NamespaceView& view = host.namespaces.emplace_back();
    view.inode = inode;
    view.name = std::move(name);
    view.devices = std::move(devices);
  };
  add_namespace(1, "host",
                {device(1, "lo", "loopback"), device(5, "vc0", "veth", "br0"), device(6, "vc1", "veth", "br0"),
                 device(7, "br0", "bridge")});
  host.namespaces[0].is_host = true;
  host.namespaces[0].devices[3].addresses.push_back({.address = "10.77.0.1/24", .scope = "global"});
  host.namespaces[0].listeners.push_back({.protocol = "tcp", .address = "0.0.0.0", .port = 22, .programs = {{811, kHostile}}});
  add_namespace(10, "web0", {device(2, "eth0", "veth")});
  add_namespace(11, kHostile, {device(2, kHostile, "veth")});
  add_namespace(12, "run", {device(2, "tap0", "tap")});
  add_namespace(13, "alone", {device(1, "lo", "loopback")});
  const auto add_wire = [&host](Wire::Kind kind, WireEnd one, std::optional<WireEnd> other) {
    Wire& wire = host.wires.emplace_back();
    wire.kind = kind;
    wire.one = one;
    wire.other = other;
  };
  add_wire(Wire::Kind::veth, {1, 5}, WireEnd{10, 2});
  add_wire(Wire::Kind::veth, {1, 6}, WireEnd{11, 2});
  add_wire(Wire::Kind::port, {1, 5}, WireEnd{1, 7});
  add_wire(Wire::Kind::port, {1, 6}, WireEnd{1, 7});
  add_wire(Wire::Kind::tap, {12, 2}, std::nullopt);
  host.wires.back().program = Program{4711, "postern"};
  host.wires.back().program_netns = 1;
  return host;
}

}  // namespace postern::page
