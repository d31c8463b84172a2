// commands.h - does what the command line says; returns the exit status.
#pragma once

#include "options.h"

namespace postern::inspect_cli {

int run(const InspectOptions& options);

}  // namespace postern::inspect_cli
