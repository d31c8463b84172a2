// report.h - the findings for a person, and for a program. Pure.
#pragma once

#include <string>
#include <vector>

#include "diagnosis.h"

namespace postern::doctor {

/// One line a check; under a problem what it breaks, and the remedy.
std::string to_text(const Facts& facts, const std::vector<Finding>& findings);
/// The shape is a promise: README.md of this room. Ends with a newline.
std::string to_json(const Facts& facts, const std::vector<Finding>& findings);

}  // namespace postern::doctor
