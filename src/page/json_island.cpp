#include "json_island.h"

#include <fmt/format.h>

namespace postern::page {
namespace {

/// How many bytes the character at the beginning of `text` has; 0: it is none.
size_t character_length(std::string_view text) {
  const auto byte = [text](size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xc2 && lead <= 0xdf   ? 2
                        : lead >= 0xe0 && lead <= 0xef ? 3
                        : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                       : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t at = 1; at < length; ++at) {
    if ((byte(at) & 0xc0) != 0x80) return 0;
  }
  // Too long for what it says; surrogates; beyond U+10FFFF.
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f)) return 0;
  if ((lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f)) return 0;
  return length;
}

/// Of what HTML could take for its own, and of what JavaScript once took for an end of line.
std::string_view escape_for_html(std::string_view character) {
  if (character == "<") return "\\u003c";
  if (character == ">") return "\\u003e";
  if (character == "&") return "\\u0026";
  if (character == "\xe2\x80\xa8") return "\\u2028";
  if (character == "\xe2\x80\xa9") return "\\u2029";
  return {};
}

std::string quoted(std::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      json += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      json += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      json += c;
    }
  }
  return fit_for_island(json + '"');
}

/// Calls `take` with each character of `text`, or with U+FFFD for a byte that is none's.
template <class Take>
void each_character(std::string_view text, Take take) {
  while (!text.empty()) {
    const size_t length = character_length(text);
    take(length == 0 ? kReplacement : text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  each_character(text, [&valid](std::string_view character) { valid += character; });
  return valid;
}

std::string fit_for_island(std::string_view json) {
  std::string fit;
  fit.reserve(json.size());
  each_character(json, [&fit](std::string_view character) {
    const std::string_view escape = escape_for_html(character);
    fit += escape.empty() ? character : escape;
  });
  return fit;
}

void JsonIsland::place(std::string_view name) {
  if (!first_) text_ += ',';
  first_ = false;
  if (!name.empty()) text_ += quoted(name) + ':';
}

void JsonIsland::open(std::string_view name, char bracket) {
  place(name);
  text_ += bracket;
  first_ = true;
}

void JsonIsland::end(char bracket) {
  text_ += bracket;
  first_ = false;
}

void JsonIsland::field(std::string_view name, std::string_view text) { raw(name, quoted(text)); }

void JsonIsland::item(std::string_view text) { raw({}, quoted(text)); }

void JsonIsland::raw(std::string_view name, std::string_view json) {
  place(name);
  text_ += json;
}

void JsonIsland::known(std::string_view name, std::string_view text) {
  if (!text.empty()) field(name, text);
}

}  // namespace postern::page
