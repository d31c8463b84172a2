// finding.h - what an examination of the host has found, in the words that `postern doctor` and `postern bridge doctor` share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern {

enum class Verdict {
  ok,
  limited,  // what is examined works, with less
  missing,  // it cannot work
  unknown,  // could not be tried, for something else is missing
};

struct Finding {
  std::string check;  // its stable name, in the report and in JSON
  Verdict verdict = Verdict::ok;
  std::string found;   // what is so, in a few words
  std::string breaks;  // what therefore does not work; empty if all does
  std::string remedy;  // the command, or the words, that mend it; may be empty where the user cannot
};

std::string_view name_of(Verdict verdict);
bool is_missing(const Finding& finding);

/// One line a finding; under a problem what it breaks, and the remedy.
std::string to_text(const std::vector<Finding>& findings);
/// What `subject` ("postern run") can do here by these findings, in one line, and how a sysctl among the remedies lasts.
std::string conclusion(std::string_view subject, const std::vector<Finding>& findings);

}  // namespace postern
