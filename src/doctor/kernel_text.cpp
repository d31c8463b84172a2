#include "kernel_text.h"

#include "postern/base/text.h"

namespace postern::doctor {

std::optional<int64_t> integer(std::string_view text) { return whole_number<int64_t>(trim(text)); }

std::string_view status_value(std::string_view status_text, std::string_view name) {
  while (!status_text.empty()) {
    const std::string_view line = take_line(status_text);
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) return trim(line.substr(name.size() + 1));
  }
  return {};
}

bool has_capability(std::string_view status_text, unsigned capability) {
  const auto set = whole_number<uint64_t>(status_value(status_text, "CapEff"), 16);
  return set && (*set >> capability & 1) != 0;
}

bool map_covers(std::string_view map_text, uint32_t id) {
  while (!map_text.empty()) {
    std::string_view line = take_line(map_text);
    const auto inside = whole_number<uint32_t>(take_word(line));
    take_word(line);  // the id outside
    const auto count = whole_number<uint32_t>(take_word(line));
    if (inside && count && id >= *inside && id - *inside < *count) return true;
  }
  return false;
}

}  // namespace postern::doctor
