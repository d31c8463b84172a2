// harmless.h - a text of somebody else's, made fit for a terminal. Who makes a device, a process or a rule names it as he likes:
// with escape sequences, for example, that would clear our reader's screen or type for him.
#pragma once

#include <string>
#include <string_view>

namespace postern {

/// Printable ASCII and whole characters of UTF-8 stay as they are, apart from control characters of either kind and those that
/// turn the direction of writing; each octet of what does not is written \xNN. A backslash stays: the result is for eyes.
std::string harmless(std::string_view text);
/// The same of a text that is several lines, which it stays.
std::string harmless_lines(std::string_view text);

}  // namespace postern
