// live_rules.h - whether the kernel's table is the one that it should be.
#pragma once

#include <optional>
#include <string>

#include "postern/base/result.h"

namespace postern::bridge {

/// Loads `expected` in a network namespace of its own and compares what the kernel lists there with what it lists here: both have
/// gone through the same kernel and the same library, so that no form of writing makes a difference. Nothing: there is none.
/// Errors: EPERM.
Result<std::optional<std::string>> compare_rules(const std::string& expected);

}  // namespace postern::bridge
