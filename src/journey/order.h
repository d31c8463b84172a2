// order.h - the order of the way through one namespace, for events whose clock does not say where they belong.
//
//   tap_out ─ ingress ─ prerouting ─ [rules] ─ after_dnat ─ [rules] ─ input | forward ─┐
//                                                     output ─ [rules] ─ postrouting ─ [rules] ─ after_snat ─ egress ─ transmit ─
//                                                     tap_in
#pragma once

#include <vector>

#include "postern/journey/event.h"

namespace postern::journey {

/// Where in `hops` the event belongs, whose clock is not exact: before the hop of that number.
size_t place_of(const Event& event, const std::vector<Event>& hops);

}  // namespace postern::journey
