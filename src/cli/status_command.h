// status_command.h - `postern status`.
#pragma once

#include "options.h"

namespace postern::cli {

/// Returns the exit status.
int status_command(const StatusOptions& options);

}  // namespace postern::cli
