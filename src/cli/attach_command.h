// attach_command.h - `postern attach`.
#pragma once

#include "options.h"

namespace postern::cli {

/// Returns the exit status: 0 when the namespace ended or a signal came, kFailure otherwise.
int attach_command(const AttachOptions& options);

}  // namespace postern::cli
