// output.h - what another program of ours answers on its standard output.
#pragma once

#include <string>
#include <vector>

#include "postern/base/result.h"

namespace postern::process {

/// Runs the program at argv[0], a path, to its end, and returns what it has written to its standard output. Its standard error is
/// ours; its standard input is empty, and it inherits no descriptor beside these. It has our signal mask: what waits for us does
/// not end it. Errors: it cannot be executed; it ended otherwise than with status 0 (std::errc::state_not_recoverable: by then it
/// has said why, on standard error).
Result<std::string> output_of_program(const std::vector<std::string>& argv);

}  // namespace postern::process
