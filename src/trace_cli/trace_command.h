// trace_command.h - `postern trace`: from what is watched, or was recorded, to what is shown.
#pragma once

#include "options.h"

namespace postern::trace_cli {

/// The exit status.
int run(const TraceOptions& options);

}  // namespace postern::trace_cli
