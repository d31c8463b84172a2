#include "template.h"

#include <array>
#include <utility>

#include "json_island.h"

namespace postern::page {
namespace {

std::string_view entity(char c) {
  switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return {};
  }
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : valid_utf8(text)) {
    const std::string_view name = entity(c);
    const auto byte = static_cast<unsigned char>(c);
    if (!name.empty()) {
      escaped += name;
    } else if ((byte < 0x20 && c != '\n') || byte == 0x7f) {
      escaped += kReplacement;
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string fill(std::string_view page, const Filling& filling) {
  const std::array<std::pair<std::string_view, std::string>, 3> holes = {{
      {"{{TITLE}}", escape_html(filling.title)},
      {"{{PLAIN}}", escape_html(filling.plain)},
      {"{{DATA}}", filling.data},
  }};
  std::string whole;
  while (!page.empty()) {
    size_t end = page.size();  // of what is copied as it is
    const std::pair<std::string_view, std::string>* next = nullptr;
    for (const auto& hole : holes) {
      const size_t at = page.find(hole.first);
      if (at < end) end = at, next = &hole;
    }
    whole += page.substr(0, end);
    page.remove_prefix(end);
    if (next == nullptr) break;
    whole += next->second;
    page.remove_prefix(next->first.size());
  }
  return whole;
}

}  // namespace postern::page
