// run_command.h - `postern run`.
#pragma once

#include "postern/process/inheritance.h"

#include "options.h"

namespace postern::cli {

/// Returns the exit status: the command's, or workload::kOurFailure.
int run_command(RunOptions options, const process::Inheritance& inheritance);

}  // namespace postern::cli
