// recording.h - reading what --record wrote.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "postern/base/result.h"
#include "postern/journey/event.h"
#include "postern/packet_filter/filter.h"

#include "anchor.h"

namespace postern::trace_cli {

struct Recording {
  std::vector<journey::Event> events;  // as they stand there
  uint64_t lost = 0;
  std::optional<Anchor> anchor = {};  // none: it is of the first Posterns, which kept none
};

/// The line that a record begins with. Without a newline.
std::string record_line(const Anchor& anchor);
/// Errors: open(2)'s; "FILE:LINE: why"; that there is no event in it; that a later Postern wrote it.
Result<Recording> read_recording(const std::string& path);

/// Pure. The events of the journeys in which a packet matches, and of those that answer them or that they answer.
std::vector<journey::Event> select(std::vector<journey::Event> events, const packet_filter::Filter& filter);

}  // namespace postern::trace_cli
