#include "postern/netns/id_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "postern/base/text.h"

namespace postern::netns {

IdMap map_caller(uint32_t caller, uint32_t inside) { return {{inside, caller, 1}}; }

IdMap map_all(uint32_t caller, uint32_t inside, const std::vector<SubordinateRange>& subordinate) {
  IdMap map = map_caller(caller, inside);
  uint32_t next = 0;
  for (SubordinateRange range : subordinate) {
    while (range.count > 0) {
      if (next == inside) ++next;  // the caller's own place
      const uint32_t room = next < inside ? inside - next : std::numeric_limits<uint32_t>::max() - next;
      const uint32_t count = std::min(range.count, room);
      if (count == 0) return map;
      map.push_back({next, range.first, count});
      next += count;
      range.first += count;
      range.count -= count;
    }
  }
  return map;
}

std::vector<SubordinateRange> subordinate_ranges(std::string_view text, std::string_view name, uint32_t id) {
  std::vector<SubordinateRange> ranges;
  const std::string id_text = std::to_string(id);
  while (!text.empty()) {
    std::string_view line = take_line(text);
    const std::string_view owner = take_until(line, ':');
    const auto first = whole_number<uint32_t>(take_until(line, ':'));
    const auto count = whole_number<uint32_t>(line);
    if ((owner != name && owner != id_text) || !first || !count || *count == 0) continue;
    if (*count > std::numeric_limits<uint32_t>::max() - *first) continue;
    ranges.push_back({*first, *count});
  }
  return ranges;
}

IdMap map_within(const IdMap& map) {
  IdMap within;
  for (const IdRange& range : map) within.push_back({range.inside, range.inside, range.count});
  return within;
}

std::string to_map_file(const IdMap& map) {
  std::string text;
  for (const IdRange& range : map) text += fmt::format("{} {} {}\n", range.inside, range.outside, range.count);
  return text;
}

IdMap parse_map_file(std::string_view text) {
  IdMap map;
  while (!text.empty()) {
    std::string_view line = take_line(text);
    const auto inside = whole_number<uint32_t>(take_word(line)), outside = whole_number<uint32_t>(take_word(line)),
               count = whole_number<uint32_t>(take_word(line));
    if (inside && outside && count) map.push_back({*inside, *outside, *count});
  }
  return map;
}

}  // namespace postern::netns
