// testimony.h - what a running postern says of packets, as far as it can be believed: the name that it listens under is anybody's
// to take, and what comes over the connection may be any line. Pure.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "postern/journey/event.h"
#include "postern/trace/instance_stream.h"

namespace postern::trace {

/// `event` as `speaker` can have seen it: at a point of our own stack, in a namespace that it has to do with, between the trace's
/// beginning and `now_ns`; with nothing in it that others know better. Nothing: no postern sees that.
std::optional<journey::Event> testimony(journey::Event event, const InstanceStream::Speaker& speaker, uint64_t now_ns);

}  // namespace postern::trace
