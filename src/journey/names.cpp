// names.cpp - the words for points, observers and ends, in lines, in JSON and on pages. They stay.
#include <algorithm>
#include <array>

#include "postern/journey/event.h"
#include "postern/journey/journey.h"

namespace postern::journey {

namespace {

constexpr std::array<std::string_view, 16> kPoints{
    "tap_in",  "engine", "host_socket", "tap_out",    "ingress", "prerouting", "after_dnat", "input",
    "forward", "output", "postrouting", "after_snat", "egress",  "transmit",   "rule",       "drop"};
static_assert(static_cast<size_t>(Point::drop) + 1 == kPoints.size());

constexpr std::array<std::string_view, 5> kObservers{"netfilter_probe", "tracepoint", "rule_trace", "packet_socket", "relay"};
static_assert(static_cast<size_t>(Observer::relay) + 1 == kObservers.size());

constexpr std::array<std::string_view, 4> kEnds{"delivered", "dropped", "to_host_socket", "unknown"};
static_assert(static_cast<size_t>(Journey::End::unknown) + 1 == kEnds.size());

/// The value that stands at the place of its name.
template <class Enum, size_t N>
std::optional<Enum> value_named(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

}  // namespace

std::string_view name(Point point) { return kPoints.at(static_cast<size_t>(point)); }
std::string_view name(Observer observer) { return kObservers.at(static_cast<size_t>(observer)); }
std::string_view name(Journey::End end) { return kEnds.at(static_cast<size_t>(end)); }
std::optional<Point> point_named(std::string_view name) { return value_named<Point>(kPoints, name); }
std::optional<Observer> observer_named(std::string_view name) { return value_named<Observer>(kObservers, name); }

}  // namespace postern::journey
