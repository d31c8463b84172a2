#include "kernel_text.h"

#include <charconv>

#include "postern/base/text.h"

namespace postern::doctor {

namespace {

template <class Number>
std::optional<Number> number(std::string_view text, int base = 10) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<int64_t> integer(std::string_view text) { return number<int64_t>(trim(text)); }

std::string_view status_value(std::string_view status_text, std::string_view name) {
  while (!status_text.empty()) {
    const std::string_view line = take_line(status_text);
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) return trim(line.substr(name.size() + 1));
  }
  return {};
}

bool has_capability(std::string_view status_text, unsigned capability) {
  const auto set = number<uint64_t>(status_value(status_text, "CapEff"), 16);
  return set && (*set >> capability & 1) != 0;
}

bool map_covers(std::string_view map_text, uint32_t id) {
  while (!map_text.empty()) {
    std::string_view line = take_line(map_text);
    const auto inside = number<uint32_t>(take_word(line));
    take_word(line);  // the id outside
    const auto count = number<uint32_t>(take_word(line));
    if (inside && count && id >= *inside && id - *inside < *count) return true;
  }
  return false;
}

}  // namespace postern::doctor
