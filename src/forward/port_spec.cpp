#include "postern/forward/port_spec.h"

#include <fmt/format.h>

#include <optional>

#include "postern/base/text.h"

namespace postern::forward {

namespace {

struct PortRange {
  Port first;
  Port last;
  size_t count() const { return static_cast<size_t>(last.number - first.number) + 1; }
};

std::optional<Port> parse_port(std::string_view text) {
  const auto number = whole_number<uint16_t>(text);
  return number && *number != 0 ? std::optional(Port{*number}) : std::nullopt;
}

std::optional<PortRange> parse_range(std::string_view text) {
  const size_t dash = text.find('-');
  const auto first = parse_port(text.substr(0, dash));
  const auto last = dash == text.npos ? first : parse_port(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return PortRange{*first, *last};
}

std::string port_text(Port first, Port last) {
  return first == last ? fmt::format("{}", first.number) : fmt::format("{}-{}", first.number, last.number);
}

Failure wrong(std::string_view text, std::string_view why) {
  return fail(fmt::format("{}: {} (it is [IP:]PORT[-END]:PORT[/tcp|udp], as 8080:80 or [::1]:5000:5000/udp)", text, why));
}

/// Cuts off the last colon-separated part; an IPv6 address in brackets is one part.
std::string_view take_last_part(std::string_view& rest) {
  const size_t colon = rest.empty() || rest.back() == ']' ? rest.npos : rest.rfind(':');
  const std::string_view part = colon == rest.npos ? rest : rest.substr(colon + 1);
  rest = colon == rest.npos ? std::string_view() : rest.substr(0, colon);
  return part;
}

std::optional<IpAddress> parse_host(std::string_view text) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') {
    const auto v4 = Ipv4::parse(text);
    return v4 ? std::optional<IpAddress>(*v4) : std::nullopt;
  }
  const auto v6 = Ipv6::parse(text.substr(1, text.size() - 2));
  return v6 ? std::optional<IpAddress>(*v6) : std::nullopt;
}

}  // namespace

Result<PortSpec> parse_port_spec(std::string_view text) {
  PortSpec spec;
  std::string_view rest = text;
  if (const size_t slash = rest.find('/'); slash != rest.npos) {
    const std::string_view protocol = rest.substr(slash + 1);
    if (protocol != "tcp" && protocol != "udp") return wrong(text, fmt::format("\"{}\" is neither tcp nor udp", protocol));
    spec.protocol = protocol == "udp" ? stack::Protocol::udp : stack::Protocol::tcp;
    rest = rest.substr(0, slash);
  }
  const std::string_view guest_text = take_last_part(rest);
  if (rest.empty()) return wrong(text, "the port inside is missing");
  const std::string_view host_text = take_last_part(rest);
  const auto guest = parse_range(guest_text), host = parse_range(host_text);
  if (!host) return wrong(text, fmt::format("\"{}\" is no port or range of ports from 1 to 65535", host_text));
  if (!guest) return wrong(text, fmt::format("\"{}\" is no port or range of ports from 1 to 65535", guest_text));
  if (guest->count() != 1 && guest->count() != host->count()) return wrong(text, "the ranges differ in length");
  if (guest->first.number + (host->count() - 1) > 65535) return wrong(text, "the range inside would pass port 65535");
  if (!rest.empty()) {
    const auto address = parse_host(rest);
    if (!address) return wrong(text, fmt::format("\"{}\" is no IP address", rest));
    spec.host_address = *address;
  }
  spec.first = host->first;
  spec.last = host->last;
  spec.guest_first = guest->first;
  return spec;
}

bool names_host_address(std::string_view text) {
  std::string_view rest = text.substr(0, text.find('/'));
  take_last_part(rest);
  take_last_part(rest);
  return !rest.empty();
}

std::string PortSpec::to_string() const {
  const bool is_ipv6 = std::holds_alternative<Ipv6>(host_address);
  const std::string host = postern::to_string(host_address);
  const Port guest_last{static_cast<uint16_t>(guest_first.number + (count() - 1))};
  return fmt::format("{}:{}:{}/{}", is_ipv6 ? "[" + host + "]" : host, port_text(first, last), port_text(guest_first, guest_last),
                     name(protocol));
}

std::string_view name(stack::Protocol protocol) { return protocol == stack::Protocol::tcp ? "tcp" : "udp"; }

}  // namespace postern::forward
