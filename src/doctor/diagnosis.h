// diagnosis.h - what the facts mean for `postern run`. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "postern/base/finding.h"
#include "postern/base/result.h"

#include "facts.h"

namespace postern::doctor {

/// One finding a check, always the same checks in the same order: first what `run` cannot do without.
std::vector<Finding> diagnose(const Facts& facts);
bool run_works(const std::vector<Finding>& findings);
/// The remedy for `error`, if one of the findings explains it; see doctor.h.
std::string explain(const Error& error, const std::vector<Finding>& findings);

}  // namespace postern::doctor
