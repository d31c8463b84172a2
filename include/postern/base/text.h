// text.h - taking a text apart from its front, reading numbers, telling a name. Nothing is copied.
#pragma once

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace postern {

/// Takes off `rest` what stands before the first `separator`, and the separator; all of it if there is none.
constexpr std::string_view take_until(std::string_view& rest, char separator) {
  const size_t end = rest.find(separator);
  const std::string_view taken = rest.substr(0, end);
  rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
  return taken;
}

constexpr std::string_view take_line(std::string_view& rest) { return take_until(rest, '\n'); }

inline constexpr std::string_view kBlank = " \t\r\n\v\f";

constexpr std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) + 1 - first);
}

/// Takes the first word off `line`, and the blanks around it; empty if there is none.
constexpr std::string_view take_word(std::string_view& line) {
  line = trim(line);
  const std::string_view word = line.substr(0, line.find_first_of(kBlank));
  line.remove_prefix(word.size());
  return word;
}

constexpr bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
constexpr bool is_name_character(char c) { return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-'; }

/// What is safe as a file, a link and an option's value, and in a rule of nftables: ASCII letters, digits, ". _ -", and not one
/// of the three first.
constexpr bool is_plain_name(std::string_view text) {
  return !text.empty() && is_letter_or_digit(text.front()) && std::all_of(text.begin(), text.end(), is_name_character);
}

/// The number that the whole of `text` is, as from_chars(3) reads it: digits, and for a signed T a "-" before them. Nothing: it
/// is something else, or more than T holds.
template <class T>
std::optional<T> whole_number(std::string_view text, int base = 10) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional<T>(number) : std::nullopt;
}

}  // namespace postern
