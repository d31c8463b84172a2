// complaint.cpp - see complaint.h.
#include "complaint.h"

#include <cerrno>
#include <cstring>
#include <string>

#include "postern/base/text.h"

namespace postern::netfilter {
namespace {

constexpr std::string_view kMark = "Error: ";     // "netlink: Error: cache initialization failed: ..." has it in the middle
constexpr std::string_view kGuess = "; did you";  // "mean table 'postern' in family inet?"
constexpr std::string_view kNoElement = "element does not exist";  // libnftables', which deletes from intervals by its own list
constexpr int kLastErrno = 133;                                    // EHWPOISON, errno(3)

/// What a line says, without mark and guess; warnings come on lines of their own, before it.
std::string_view first_error(std::string_view text) {
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view line = take_line(rest);
    const size_t mark = line.find(kMark);
    if (mark == line.npos) continue;
    line.remove_prefix(mark + kMark.size());
    return trim(line.substr(0, line.find(kGuess)));
  }
  return trim(take_line(text));
}

}  // namespace

Error parse_complaint(std::string_view text) {
  const std::string_view line = first_error(text);
  for (int number = 1; number <= kLastErrno; ++number) {
    const char* description = ::strerrordesc_np(number);  // the words of strerror(3), in no language but English
    if (!description || !line.ends_with(description)) continue;
    std::string_view before = line.substr(0, line.size() - std::strlen(description));
    if (!before.empty() && !before.ends_with(": ")) continue;  // the end of a longer sentence
    if (!before.empty()) before.remove_suffix(2);
    return Error{{number, std::system_category()}, std::string(before)};
  }
  if (line == kNoElement) return Error{{ENOENT, std::system_category()}, std::string()};
  return Error{{}, line.empty() ? "libnftables failed without a word" : std::string(line)};
}

}  // namespace postern::netfilter
