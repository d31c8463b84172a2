// pretend.h - lets a test force a fallback: POSTERN_PRETEND_MISSING=overlay,proc makes Postern behave as if the kernel lacked
// them.
#pragma once

#include <string_view>

namespace postern {

/// Whether `feature` stands in the comma-separated environment variable POSTERN_PRETEND_MISSING. Read at each call: start-up
/// only.
bool pretended_missing(std::string_view feature);

}  // namespace postern
