// template.h - a page as embed.cmake made it, and the filling of its holes.
#pragma once

#include <string>
#include <string_view>

namespace postern::page {

std::string_view journey_page_template();
std::string_view host_page_template();

/// What stands for each {{HOLE}}. Nothing in it is looked into for further holes: it may come from anywhere.
struct Filling {
  std::string title;  // any text
  std::string plain;  // any text: what there is to read without JavaScript
  std::string data;   // JSON, from json_island.h
};
std::string fill(std::string_view page, const Filling& filling);

/// `text` for an element's content or a quoted attribute. Control characters but newline, and what is not UTF-8, become U+FFFD.
std::string escape_html(std::string_view text);

}  // namespace postern::page
