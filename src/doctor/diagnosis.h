// diagnosis.h - what the facts mean for `postern run`. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "postern/base/result.h"

#include "facts.h"

namespace postern::doctor {

enum class Verdict {
  ok,
  limited,  // `run` works, with less
  missing,  // `run` cannot work
  unknown,  // could not be tried, for something else is missing
};

struct Finding {
  std::string check;  // its stable name: in the report, in JSON, in POSTERN_PRETEND_MISSING
  Verdict verdict = Verdict::ok;
  std::string found;   // what is so, in a few words
  std::string breaks;  // what therefore does not work; empty if all does
  std::string remedy;  // the command, or the words, that mend it; may be empty where the user cannot
};

/// One finding a check, always the same checks in the same order: first what `run` cannot do without.
std::vector<Finding> diagnose(const Facts& facts);
bool run_works(const std::vector<Finding>& findings);
/// The remedy for `error`, if one of the findings explains it; see doctor.h.
std::string explain(const Error& error, const std::vector<Finding>& findings);

}  // namespace postern::doctor
