// probe_command.h - `postern trace --probe`: which ways of seeing this host has, found out by trying each.
#pragma once

#include "options.h"

namespace postern::trace_cli {

/// The exit status: 0 where one of the ways that a trace uses works.
int run(const ProbeOptions& options);

}  // namespace postern::trace_cli
