#include "connection_text.h"

#include "postern/base/text.h"

namespace postern::stack {

namespace {

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto whole = whole_number<Number>(text);
  number = whole.value_or(number);
  return whole.has_value();
}

std::optional<Flow::Protocol> read_protocol(std::string_view text) {
  if (text == "TCP") return Flow::Protocol::tcp;
  if (text == "UDP") return Flow::Protocol::udp;
  if (text == "ICMP") return Flow::Protocol::icmp;
  return std::nullopt;
}

/// "-" stands for the port of ICMP.
bool read_port(std::string_view text, Port& port) { return text == "-" || read_number(text, port.number); }

std::optional<IpAddress> read_address(std::string_view text) {
  const auto address = Ipv4::parse(text);
  return address ? std::optional<IpAddress>(*address) : std::nullopt;
}

bool is_ipv6(const std::optional<Endpoint>& end) { return end && std::holds_alternative<Ipv6>(end->address); }

/// Inbound flows name the host's socket as the source. libslirp leaves it at that: no word says which is which.
bool is_inbound(const ConnectionLine& line, const SocketEnds& ends) {
  if (!ends.local || line.protocol != Flow::Protocol::tcp || line.source_port != ends.local->port) return false;
  if (!is_ipv6(ends.local)) return read_address(line.source) == ends.local->address;
  return !ends.peer || ends.peer->port != line.destination_port;  // the addresses of the line mean nothing
}

}  // namespace

std::optional<ConnectionLine> parse_connection_line(std::string_view line) {
  ConnectionLine parsed;
  line = trim(line);
  const auto protocol = read_protocol(take_until(line, '['));
  if (!protocol) return std::nullopt;
  parsed.protocol = *protocol;
  parsed.state = take_until(line, ']');
  if (!read_number(take_word(line), parsed.fd)) return std::nullopt;
  parsed.source = take_word(line);
  if (!read_port(take_word(line), parsed.source_port)) return std::nullopt;
  parsed.destination = take_word(line);
  if (!read_port(take_word(line), parsed.destination_port)) return std::nullopt;
  const bool queues = read_number(take_word(line), parsed.receive_queue) && read_number(take_word(line), parsed.send_queue);
  return queues ? std::optional(parsed) : std::nullopt;
}

std::optional<Flow> to_flow(const ConnectionLine& line, const SocketEnds& ends) {
  if (line.state == "HOST_FORWARD") return std::nullopt;
  Flow flow;
  flow.protocol = line.protocol;
  flow.host = ends.local;
  flow.bytes_to_guest = line.send_queue;
  flow.bytes_to_remote = line.receive_queue;
  if (line.protocol == Flow::Protocol::tcp) {
    flow.state = line.state;
  } else if (int seconds = 0; read_number(line.state.substr(0, line.state.find(' ')), seconds)) {
    flow.expires = std::chrono::seconds(seconds);
  }
  const bool ipv6 = is_ipv6(ends.local);
  if (is_inbound(line, ends)) {
    flow.direction = Flow::Direction::inbound;
    flow.guest_port = line.destination_port;
    if (!ipv6) flow.guest_address = read_address(line.destination);
    flow.remote = ends.peer;
    return flow;
  }
  flow.guest_port = line.source_port;
  if (ipv6) {
    flow.remote = ends.peer;
    return flow;
  }
  flow.guest_address = read_address(line.source);
  if (const auto remote = read_address(line.destination)) flow.remote = Endpoint{*remote, line.destination_port};
  return flow;
}

}  // namespace postern::stack
