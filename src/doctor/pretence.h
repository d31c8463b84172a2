// pretence.h - for tests: makes the facts look as if something were missing. Pure. POSTERN_PRETEND_MISSING=tun,ping chooses.
#pragma once

#include <string_view>
#include <vector>

#include "facts.h"

namespace postern::doctor {

/// Every check's name but "container", which only repeats others.
std::vector<std::string_view> pretences();
/// Afterwards the check of that name does not say "ok".
void spoil(Facts& facts, std::string_view name);

}  // namespace postern::doctor
