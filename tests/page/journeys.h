// journeys.h - what the pages of the tests show.
#pragma once

#include <string>
#include <vector>

#include "postern/inspect/host_view.h"
#include "postern/journey/journey.h"

namespace postern::page {

/// A name that would be an element, had a page made markup of it; it calls `hostile()`.
inline constexpr const char* kHostile = "</script><img src=x onerror='window.hostile=1'>";

/// The namespaces that long_journey() crosses, in order.
inline const std::vector<std::string> kWay = {"c1", "host", "router", "edge", "remote"};
/// 40 points in five namespaces, translated in "host" from 10.77.0.2 to 192.0.2.1; and its answer, of 5 points, back.
std::vector<journey::Journey> long_journey();
/// Ends at a rule of hostile text, in a namespace of hostile name.
journey::Journey dropped_journey();
/// From a TAP through our stack to a socket of the host.
journey::Journey own_stack_journey();
/// `count` journeys of `hops` each.
std::vector<journey::Journey> many_journeys(size_t count, size_t hops);

/// "host" with a bridge of two ports wired to "web0" and "web1", and a "run" whose TAP process 4711 of the host holds.
inspect::HostView small_host();

}  // namespace postern::page
