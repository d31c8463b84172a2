#include "nft_conditions.h"

#include <algorithm>
#include <array>

#include "postern/base/text.h"

namespace postern::trace {
namespace {

struct Pair {
  std::string_view one, other;
};
constexpr std::array kSides = {Pair{"saddr", "daddr"}, Pair{"sport", "dport"}};

std::string_view exchanged(std::string_view word) {
  for (const Pair& pair : kSides) {
    if (word == pair.one) return pair.other;
    if (word == pair.other) return pair.one;
  }
  return word;
}

}  // namespace

std::string with_sides_exchanged(std::string_view condition) {
  std::string text;
  for (std::string_view word = take_word(condition); !word.empty(); word = take_word(condition)) {
    if (!text.empty()) text += ' ';
    text += exchanged(word);
  }
  return text;
}

std::vector<std::string> conditions_to_mark(const packet_filter::Filter& filter, journey::Following::Extent extent) {
  std::vector<std::string> conditions;
  const auto add = [&](std::string condition) {
    if (std::find(conditions.begin(), conditions.end(), condition) == conditions.end())
      conditions.push_back(std::move(condition));
  };
  const std::string text = filter.as_nft_conditions();
  std::string_view rest = text;
  do {
    const std::string_view line = trim(take_line(rest));
    if (line.empty()) return {};
    add(std::string(line));
    if (extent == journey::Following::Extent::connection) add(with_sides_exchanged(line));
  } while (!rest.empty());
  return conditions;
}

}  // namespace postern::trace
