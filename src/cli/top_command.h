// top_command.h - `postern top`: the flows of a running postern, live.
#pragma once

#include "options.h"

namespace postern::cli {

/// Returns the exit status: 0 where the one that is watched has ended too.
int top_command(const TopOptions& options);

}  // namespace postern::cli
