#include "ports.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include "postern/base/socket_address.h"
#include "postern/base/text.h"

namespace postern::bridge {

namespace {

std::string address_text(const Endpoint& endpoint, int family) {
  for (const Subnet& own : endpoint.addresses) {
    if (family_of(own.gateway) == family) return to_string(own.gateway);
  }
  return "-";
}

std::optional<Port> take_port(std::string_view& line) {
  const auto number = whole_number<uint16_t>(take_word(line));
  return number ? std::optional(Port{*number}) : std::nullopt;
}

/// `address` stays empty where the word is "-".
template <class Address>
bool take_container(std::string_view& line, std::optional<Address>& address) {
  const std::string_view word = take_word(line);
  if (word != "-") address = Address::parse(word);
  return address || word == "-";
}

/// "tcp * 8080 8089": protocol, host's address, first and last port.
std::optional<PortRange> take_host_end(std::string_view& line) {
  PortRange range;
  const std::string_view protocol = take_word(line);
  if (protocol != "tcp" && protocol != "udp") return std::nullopt;
  range.protocol = protocol == "tcp" ? Protocol::tcp : Protocol::udp;
  if (const std::string_view host = take_word(line); host != "*") {
    range.host_address = parse_ip(host);
    if (!range.host_address) return std::nullopt;
  }
  const auto first = take_port(line), last = take_port(line);
  if (!first || !last) return std::nullopt;
  range.first = *first;
  range.last = *last;
  return range;
}

std::string host_end(const PortRange& range) {
  return fmt::format("{} {} {} {}", range.protocol == Protocol::tcp ? "tcp" : "udp",
                     range.host_address ? to_string(*range.host_address) : "*", range.first.number, range.last.number);
}

std::optional<PublishedRange> parse_line(std::string_view line) {
  PublishedRange published;
  const auto range = take_host_end(line);
  if (!range || !take_container(line, published.container4) || !take_container(line, published.container6)) return std::nullopt;
  published.range = *range;
  const auto container_first = take_port(line);
  if (!container_first) return std::nullopt;
  published.range.container_first = *container_first;
  published.network = take_word(line);
  published.id = take_word(line);
  if (!is_range(published.range) || published.id.empty() || !trim(line).empty()) return std::nullopt;
  return published;
}

}  // namespace

bool is_any(const IpAddress& address) { return address == IpAddress(Ipv4{}) || address == IpAddress(Ipv6{}); }

bool is_range(const PortRange& range) {
  return range.first.number != 0 && range.container_first.number != 0 && range.first <= range.last &&
         range.container_first.number + range.count() - 1 <= UINT16_MAX;
}

bool serves_loopback(const PortRange& range, int family) {
  if (!range.host_address) return true;
  return family_of(*range.host_address) == family && (is_any(*range.host_address) || is_loopback(*range.host_address));
}

bool serves_network(const PortRange& range, int family) {
  if (!range.host_address) return true;
  return family_of(*range.host_address) == family && !is_loopback(*range.host_address);
}

bool conflict(const PortRange& one, const PortRange& other) {
  if (one.protocol != other.protocol || one.last < other.first || other.last < one.first) return false;
  if (!one.host_address || !other.host_address) return true;
  const IpAddress &first = *one.host_address, &second = *other.host_address;
  if (first.index() != second.index()) return false;
  return is_any(first) || is_any(second) || first == second;
}

Status check_ports(std::span<const PortRange> ports) {
  static const IpAddress kLoopback4 = Ipv4::of(127, 0, 0, 1);
  for (size_t i = 0; i < ports.size(); ++i) {
    const auto& at = ports[i].host_address;
    if (at && is_loopback(*at) && at->index() == kLoopback4.index() && *at != kLoopback4)
      return fail(fmt::format("{}: of the loopback, ports are published at 127.0.0.1 and ::1 alone", ports[i].to_string()));
    for (size_t j = 0; j < i; ++j) {
      if (conflict(ports[i], ports[j]))
        return fail(fmt::format("{} and {} want the same port", ports[j].to_string(), ports[i].to_string()));
    }
  }
  return {};
}

std::string range_words(const PortRange& range) { return fmt::format("{} {}", host_end(range), range.container_first.number); }

std::optional<PortRange> parse_range_words(std::string_view text) {
  auto range = take_host_end(text);
  const auto container_first = take_port(text);
  if (!range || !container_first || !trim(text).empty()) return std::nullopt;
  range->container_first = *container_first;
  return is_range(*range) ? range : std::nullopt;
}

std::string port_lines(const Endpoint& endpoint) {
  const std::string container = fmt::format("{} {}", address_text(endpoint, AF_INET), address_text(endpoint, AF_INET6));
  std::string lines;
  for (const PortRange& range : endpoint.ports) {
    lines +=
        fmt::format("{} {} {} {} {}\n", host_end(range), container, range.container_first.number, endpoint.network, endpoint.id);
  }
  return lines;
}

std::vector<PublishedRange> parse_port_lines(std::string_view text) {
  std::vector<PublishedRange> found;
  while (!text.empty()) {
    if (auto published = parse_line(take_line(text))) found.push_back(std::move(*published));
  }
  return found;
}

}  // namespace postern::bridge
