// ports_command.h - `postern ports`.
#pragma once

#include "options.h"

namespace postern::cli {

/// Returns the exit status.
int ports_command(const PortsOptions& options);

}  // namespace postern::cli
