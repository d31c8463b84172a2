#include "postern/journey/text.h"

#include <fmt/format.h>

#include "postern/base/harmless.h"

namespace postern::journey {

namespace {

enum class Ink { plain, faint, bold, red, green, yellow, cyan };

constexpr size_t kNetworkColumn = 26, kPointColumn = 11, kDeviceColumn = 10;

std::string inked(std::string text, Ink ink, Colour colour) {
  if (colour == Colour::none || ink == Ink::plain || text.empty()) return text;
  constexpr std::string_view kCodes[] = {"0", "2", "1", "31", "32", "33", "36"};
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<size_t>(ink)], text);
}

std::string padded(const std::string& text, size_t width) { return fmt::format("{:<{}}", text, width); }

std::string network_text(const NetworkNamespace& network) {
  if (network.inode == 0) return network.name.empty() ? "-" : harmless(network.name);
  return network.name.empty() ? fmt::format("{}", network.inode) : fmt::format("{} {}", harmless(network.name), network.inode);
}

std::string device_text(const Device& device) {
  if (!device.name.empty()) return harmless(device.name);
  return device.index > 0 ? fmt::format("#{}", device.index) : "-";
}

std::string endpoint_text(const Endpoint& endpoint) {
  std::string address = to_string(endpoint.address);
  if (endpoint.port.number == 0) return address;
  const bool v4 = std::holds_alternative<Ipv4>(endpoint.address);
  return fmt::format("{}{}{}:{}", v4 ? "" : "[", address, v4 ? "" : "]", endpoint.port.number);
}

std::string packet_text(const Packet& packet) {
  return fmt::format("{} > {}  {}  ttl {}", to_string(packet.source), to_string(packet.destination), transport_text(packet),
                     packet.hop_limit);
}

std::string rule_text(const Rule& rule) {
  std::string text = harmless(rule.chain);
  if (!rule.text.empty()) text += fmt::format(": {}", harmless(rule.text));
  if (!rule.verdict.empty()) text += fmt::format(" -> {}", harmless(rule.verdict));
  if (rule.handle != 0) text += fmt::format(" (handle {})", rule.handle);
  return text;
}

std::string drop_text(const Drop& drop) {
  return drop.where.empty() ? harmless(drop.reason) : fmt::format("{} in {}", harmless(drop.reason), harmless(drop.where));
}

std::string conntrack_text(const Conntrack& conntrack) {
  std::string text = "ct";
  if (!conntrack.state.empty()) text += " " + harmless(conntrack.state);
  if (conntrack.snat) text += " snat";
  return conntrack.dnat ? text + " dnat" : text;
}

std::string process_text(const Event& event) {
  const std::string who = fmt::format("{}({})", harmless(event.process->name), event.process->pid);
  return event.process_is_bystander ? fmt::format("on {}'s time", who) : who;
}

/// What is particular to the point, each part with two blanks before it.
std::string particulars(const Event& event, Colour colour) {
  std::string text;
  const auto add = [&](const std::string& part, Ink ink = Ink::plain) { text += "  " + inked(part, ink, colour); };
  if (event.drop) add(drop_text(*event.drop), Ink::red);
  if (event.rule) add(rule_text(*event.rule), Ink::cyan);
  if (!event.engine.empty()) add("engine " + harmless(event.engine));
  if (event.mapping) {
    add(fmt::format("local {} remote {}", endpoint_text(event.mapping->local), endpoint_text(event.mapping->remote)),
        Ink::yellow);
  }
  if (event.conntrack) add(conntrack_text(*event.conntrack));
  if (event.process) add(process_text(event), event.process_is_bystander ? Ink::faint : Ink::plain);
  if (event.macs) add(fmt::format("{} > {}", event.macs->source.to_string(), event.macs->destination.to_string()), Ink::faint);
  return text;
}

Ink ink_of(Point point) { return point == Point::drop ? Ink::red : point == Point::rule ? Ink::cyan : Ink::bold; }

std::string milliseconds(uint64_t ns) { return fmt::format("{}.{:06}", ns / 1'000'000, ns % 1'000'000); }

/// Before the beginning, too: a clock that is not exact, or an event that came late.
std::string relative(uint64_t time_ns, uint64_t began_ns) {
  return time_ns >= began_ns ? milliseconds(time_ns - began_ns) : "-" + milliseconds(began_ns - time_ns);
}

std::string point_and_device(const Event& event, Colour colour) {
  return fmt::format("{} {}", inked(padded(std::string(name(event.point)), kPointColumn), ink_of(event.point), colour),
                     padded(device_text(event.device), kDeviceColumn));
}

std::string_view end_text(Journey::End end) {
  if (end == Journey::End::unknown) return "end not seen";
  return end == Journey::End::to_host_socket ? "to a socket of the host" : name(end);
}

Ink ink_of(Journey::End end) {
  if (end == Journey::End::dropped) return Ink::red;
  return end == Journey::End::unknown ? Ink::plain : Ink::green;
}

std::string translation_text(const Translation& translation, Colour colour) {
  std::string text;
  const auto add = [&](std::string_view what, const Endpoint& before, const Endpoint& after) {
    const std::string change = fmt::format("{} {} -> {}", what, endpoint_text(before), endpoint_text(after));
    text += "  " + inked(change, Ink::yellow, colour);
  };
  if (translation.source_changed) add("source", translation.source_before, translation.source_after);
  if (translation.destination_changed) add("destination", translation.destination_before, translation.destination_after);
  return text;
}

const Packet* first_packet(const Journey& journey) {
  for (const Hop& hop : journey.hops) {
    if (hop.event.packet) return &*hop.event.packet;
  }
  return nullptr;
}

std::string title(const Journey& journey, size_t number, Colour colour) {
  const Packet* packet = first_packet(journey);
  std::string text = fmt::format("journey {}", number + 1);
  if (journey.answers) text += fmt::format(" (answers {})", *journey.answers + 1);
  text = inked(text + ":", Ink::bold, colour);
  if (packet) {
    text += fmt::format(" {} > {}  {}", to_string(packet->source), to_string(packet->destination), transport_text(*packet));
  }
  return text + fmt::format("  {}, {} hops, {} ms\n", inked(std::string(end_text(journey.end)), ink_of(journey.end), colour),
                            journey.hops.size(), milliseconds(journey.duration_ns));
}

std::string hop_line(const Hop& hop, Colour colour) {
  const bool timed = hop.event.clock == Event::Clock::exact;
  std::string line =
      fmt::format("    {:>12}  {}", timed ? "+" + milliseconds(hop.since_previous_ns) : "", point_and_device(hop.event, colour));
  if (hop.translation) line += translation_text(*hop.translation, colour);
  line += particulars(hop.event, colour);
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

}  // namespace

std::string header_line() {
  return fmt::format("{:>12}  {} {} {}  PACKET", "TIME ms", padded("NAMESPACE", kNetworkColumn), padded("POINT", kPointColumn),
                     padded("DEVICE", kDeviceColumn));
}

std::string event_line(const Event& event, uint64_t began_ns, Colour colour) {
  std::string line = fmt::format("{:>12}  {} {}", relative(event.time_ns, began_ns),
                                 padded(network_text(event.network), kNetworkColumn), point_and_device(event, colour));
  if (event.packet) line += "  " + packet_text(*event.packet);
  line += particulars(event, colour);
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string journeys_text(std::span<const Journey> journeys, Colour colour, size_t before) {
  std::string text;
  size_t number = before;
  for (const Journey& journey : journeys) {
    if (number > 0) text += "\n";
    text += title(journey, number++, colour);
    std::optional<std::string> lane;
    for (const Hop& hop : journey.hops) {
      const std::string network = network_text(hop.event.network);
      if (lane != network) text += "  " + inked(network, Ink::bold, colour) + "\n";
      lane = network;
      text += hop_line(hop, colour);
    }
  }
  return text;
}

}  // namespace postern::journey
