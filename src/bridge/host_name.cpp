#include "postern/bridge/host_name.h"

#include <algorithm>

#include "postern/base/text.h"

namespace postern::bridge {

namespace {

constexpr size_t kLongestName = 253, kLongestLabel = 63;  // RFC 1035 2.3.4, as text

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
// Not isalnum(3): the locale has no say.
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kLongestLabel && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), [](char c) { return is_digit(c) || is_letter(c) || c == '-'; });
}

}  // namespace

bool is_host_name(std::string_view text) {
  if (text.size() > kLongestName || text.ends_with('.')) return false;
  if (std::none_of(text.begin(), text.end(), [](char c) { return is_letter(c) || c == '-'; }))
    return text.find('.') == text.npos && is_label(text);
  for (std::string_view rest = text; !rest.empty();) {
    if (!is_label(take_until(rest, '.'))) return false;
  }
  return !text.empty();
}

}  // namespace postern::bridge
