// event_json.h - an event as one line of JSON: what `postern trace --json` prints, `--record` writes, `--replay` reads and a
// running postern sends over its control socket. docs/tracing.md has the schema. JSON's exceptions end here.
#pragma once

#include <string>
#include <string_view>

#include "postern/base/result.h"
#include "postern/journey/event.h"

namespace postern::journey {

enum class Captured { kept, left_out };  // Event::captured, as hexadecimal digits

/// Without a newline. What is not known is left out.
std::string to_json(const Event& event, Captured captured);
/// Errors: no JSON; a field of another type, or with a value that cannot be; `point` or `observer` unknown. Fields that are not
/// known are passed over.
Result<Event> event_from_json(std::string_view line);

}  // namespace postern::journey
