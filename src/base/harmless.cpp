#include "postern/base/harmless.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>

namespace postern {

namespace {

struct Character {
  uint32_t code = 0;
  size_t octets = 0;  // 0: it is no character of UTF-8
};

/// The character that `text`, which is not empty, begins with, RFC 3629: the shortest form only, and no surrogates.
Character first_of(std::string_view text) {
  const auto octet = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = octet(0);
  if (lead < 0x80) return {lead, 1};
  const size_t octets = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < octets) return {};
  uint32_t code = lead & (0x7Fu >> octets);
  for (size_t i = 1; i < octets; ++i) {
    if ((octet(i) & 0xC0) != 0x80) return {};
    code = code << 6 | (octet(i) & 0x3Fu);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[octets] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, octets};
}

bool is_between(uint32_t code, uint32_t first, uint32_t last) { return code >= first && code <= last; }

/// C0, DEL and C1; marks and overrides of direction; line and paragraph separators; what has no width.
bool is_harmful(uint32_t code) {
  return code < 0x20 || is_between(code, 0x7F, 0x9F) || code == 0x61C || is_between(code, 0x200B, 0x200F) ||
         is_between(code, 0x2028, 0x202E) || is_between(code, 0x2060, 0x206F) || code == 0xFEFF;
}

}  // namespace

std::string harmless(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const auto [code, octets] = first_of(text);
    const size_t taken = octets == 0 ? 1 : octets;
    if (octets != 0 && !is_harmful(code)) {
      shown += text.substr(0, taken);
    } else {
      for (const char octet : text.substr(0, taken)) shown += fmt::format("\\x{:02x}", static_cast<uint8_t>(octet));
    }
    text.remove_prefix(taken);
  }
  return shown;
}

std::string harmless_lines(std::string_view text) {
  std::string shown;
  for (size_t end = text.find('\n'); end != text.npos; end = text.find('\n')) {
    shown += harmless(text.substr(0, end)) + "\n";
    text.remove_prefix(end + 1);
  }
  return shown + harmless(text);
}

}  // namespace postern
