// text.h - events and journeys for a person's eyes. Names from devices and processes are shown without control characters.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "postern/journey/event.h"
#include "postern/journey/journey.h"

namespace postern::journey {

enum class Colour { none, terminal };

/// The line above them all.
std::string header_line();
/// One event a line: time, namespace, point, device, addresses, what is particular to the point. `began_ns`: what counts as 0.
std::string event_line(const Event& event, uint64_t began_ns, Colour colour);
/// A journey a block: a lane where the namespace changes, a hop a line with the time that it took, translations before -> after.
/// `before`: how many stand above these already, which `answers` counts too.
std::string journeys_text(std::span<const Journey> journeys, Colour colour, size_t before = 0);

}  // namespace postern::journey
