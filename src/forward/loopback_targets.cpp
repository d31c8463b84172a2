#include "loopback_targets.h"

#include <fmt/format.h>

#include <set>

#include "postern/base/text.h"
#include "postern/wire/address_class.h"

namespace postern::forward {

namespace {

constexpr size_t kMostShown = 64;  // bytes of a wrong word

/// What somebody else wrote, fit for a log.
std::string shown(std::string_view word) {
  std::string text;
  for (const char each : word.substr(0, kMostShown)) text += each > ' ' && each < '\x7f' ? each : '?';
  return word.size() > kMostShown ? text + "..." : text;
}

Failure wrong(std::string_view what, std::string_view word) { return fail(fmt::format("{}: \"{}\"", what, shown(word))); }

std::optional<Port> take_port(std::string_view& line) {
  const auto number = whole_number<uint16_t>(take_word(line));
  return number && *number != 0 ? std::optional(Port{*number}) : std::nullopt;
}

/// No socket of the host itself is where a container is, and no group of them.
bool may_be_a_container(const IpAddress& address) {
  const auto* v6 = std::get_if<Ipv6>(&address);
  return !wire::is_martian(address) && !wire::is_group(address) && !wire::is_unspecified(address) &&
         !(v6 && wire::is_link_local(*v6));
}

/// `address` stays empty where `word` is "-".
template <class Address>
bool parse_container(std::string_view word, std::optional<Address>& address) {
  if (word == "-") return true;
  address = Address::parse(word);
  return address && may_be_a_container(*address);
}

IpAddress any_of_family(const IpAddress& address) {
  return std::holds_alternative<Ipv4>(address) ? IpAddress(Ipv4{}) : IpAddress(Ipv6{});
}

/// The addresses of the loopback that a line is for.
std::vector<IpAddress> loopbacks(const std::optional<IpAddress>& address) {
  static const IpAddress kLoopback4 = Ipv4::of(127, 0, 0, 1), kLoopback6 = Ipv6::from_wire(in6addr_loopback);
  if (!address) return {kLoopback4, kLoopback6};
  if (is_loopback(*address)) return {*address};
  if (!wire::is_unspecified(*address)) return {};
  return {std::holds_alternative<Ipv4>(*address) ? kLoopback4 : kLoopback6};
}

}  // namespace

stack::Endpoint LoopbackTarget::for_client(const IpAddress& client) const {
  const bool by_ipv4 = ipv4 && (std::holds_alternative<Ipv4>(client) || !ipv6);
  return by_ipv4 ? stack::Endpoint{*ipv4, port} : stack::Endpoint{ipv6.value_or(Ipv6{}), port};
}

Result<LoopbackTargets::Line> LoopbackTargets::parse_line(std::string_view text) {
  Line line{};
  const std::string_view protocol = take_word(text);
  if (protocol != "tcp" && protocol != "udp") return wrong("neither tcp nor udp", protocol);
  line.place.protocol = protocol == "udp" ? stack::Protocol::udp : stack::Protocol::tcp;
  const std::string_view host = take_word(text);
  if (host != "*") line.place.address = parse_ip(host);
  if (host != "*" && !line.place.address) return wrong("no address of the host", host);
  const auto first = take_port(text), last = take_port(text);
  if (!first || !last || *last < *first) return fail("no range of ports from 1 to 65535");
  line.place.first = *first;
  line.range.last = *last;
  LoopbackTarget& target = line.range.first_target;
  const std::string_view container4 = take_word(text), container6 = take_word(text);
  if (!parse_container(container4, target.ipv4)) return wrong("no IPv4 address of a container", container4);
  if (!parse_container(container6, target.ipv6)) return wrong("no IPv6 address of a container", container6);
  if (!target.ipv4 && !target.ipv6) return fail("a container without an address");
  const auto inside = take_port(text);
  if (!inside || inside->number + (last->number - first->number) > 65535) return fail("no range of ports of the container");
  target.port = *inside;
  const std::string_view network = take_word(text), id = take_word(text);
  if (network.empty() || id.empty()) return fail("no network, or no id of an endpoint");
  if (const std::string_view more = take_word(text); !more.empty()) return wrong("more than is known here", more);
  return line;
}

/// The range of its protocol and address in which `place` is.
const std::pair<const LoopbackTargets::Place, LoopbackTargets::Range>* LoopbackTargets::covering(const Place& place) const {
  auto next = ranges_.upper_bound(place);
  if (next == ranges_.begin()) return nullptr;
  const auto& found = *--next;
  const bool is_same = found.first.protocol == place.protocol && found.first.address == place.address;
  return is_same && place.first <= found.second.last ? &found : nullptr;
}

Status LoopbackTargets::add(const Line& line) {
  const Place last{line.place.protocol, line.place.address, line.range.last};
  // Whatever overlaps begins in between, or covers the first port.
  if (covering(line.place) || ranges_.upper_bound(line.place) != ranges_.upper_bound(last)) {
    return fail("ports that an earlier line has");
  }
  ranges_.emplace(line.place, line.range);
  return {};
}

LoopbackTargets::Reading LoopbackTargets::parse(std::string_view text) {
  Reading reading;
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = trim(take_line(text));
    if (line.empty()) continue;
    const auto parsed = parse_line(line);
    const Status added = parsed ? reading.targets.add(*parsed) : Failure(parsed.error());
    if (added || ++reading.wrong_lines > kMostComplaints) continue;
    reading.complaints.push_back({number, added.error().context});
  }
  return reading;
}

std::optional<LoopbackTarget> LoopbackTargets::find(stack::Protocol protocol, const stack::Endpoint& at) const {
  const std::optional<IpAddress> kinds[] = {at.address, any_of_family(at.address), std::nullopt};
  for (const auto& address : kinds) {
    const auto* found = covering({protocol, address, at.port});
    if (!found) continue;
    const auto& [place, range] = *found;
    LoopbackTarget target = range.first_target;
    target.port = shifted(target.port, static_cast<size_t>(at.port.number - place.first.number));
    return target;
  }
  return std::nullopt;
}

std::vector<stack::Endpoint> LoopbackTargets::datagram_ports(size_t most) const {
  std::vector<stack::Endpoint> ports;
  std::set<std::pair<IpAddress, Port>> seen;
  for (const auto& [place, range] : ranges_) {
    if (place.protocol != stack::Protocol::udp) continue;
    for (const IpAddress& address : loopbacks(place.address)) {
      for (unsigned port = place.first.number; port <= range.last.number; ++port) {
        if (ports.size() == most) return ports;
        const Port at{static_cast<uint16_t>(port)};
        if (seen.emplace(address, at).second) ports.push_back({address, at});
      }
    }
  }
  return ports;
}

}  // namespace postern::forward
