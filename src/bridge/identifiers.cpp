#include "identifiers.h"

#include <net/if.h>

#include <algorithm>

namespace postern::bridge {

namespace {

constexpr size_t kLongestIdentifier = 128;

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool is_word(std::string_view text) {
  return !text.empty() && is_letter_or_digit(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-'; });
}

}  // namespace

bool is_interface_name(std::string_view text) {
  return text.size() < IFNAMSIZ && is_word(text) && text != "all" && text != "default";
}
bool is_identifier(std::string_view text) { return text.size() <= kLongestIdentifier && is_word(text); }

}  // namespace postern::bridge
