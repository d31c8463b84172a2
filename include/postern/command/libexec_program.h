// libexec_program.h - the programs behind `postern bridge`, `postern trace` and the like. They are programs of their own because
// of the libraries that they need, which would cost every start of a relay time and memory.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "postern/base/result.h"
#include "postern/process/inheritance.h"

namespace postern::command {

/// Where `name` ("postern-bridge") is: as installed, and as in the build tree, seen from the folder of our own program.
Result<std::string> find_libexec_program(std::string_view name);

/// Becomes it. Returns only where that cannot be: kFailure, and why was told.
int become_libexec_program(const std::string& name, const std::vector<std::string>& arguments,
                           const process::Inheritance& inheritance);

}  // namespace postern::command
