// json_island.h - JSON that may stand inside <script type="application/json">: no byte of it can end the element or begin a
// comment, whatever the names and texts in it are. A writer of our own, for it knows one thing that JSON libraries do not: HTML.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::page {

inline constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

/// `text` with each byte that is not part of a character (RFC 3629) replaced by U+FFFD.
std::string valid_utf8(std::string_view text);

/// JSON that somebody else wrote, made fit for the island: <, >, & and U+2028, U+2029, which occur only inside its strings,
/// become \u escapes; it means the same.
std::string fit_for_island(std::string_view json);

/// Objects and lists are begun and ended; commas are its business.
///     JsonIsland json; json.begin('{'); json.field("name", text); json.begin("hops", '['); ... json.end(']'); json.end('}');
class JsonIsland {
 public:
  void begin(char bracket) { open({}, bracket); }
  void begin(std::string_view name, char bracket) { open(name, bracket); }
  void end(char bracket);
  void field(std::string_view name, std::string_view text);
  void field(std::string_view name, const char* text) { field(name, std::string_view(text)); }
  void field(std::string_view name, std::unsigned_integral auto number) { raw(name, std::to_string(number)); }
  void field(std::string_view name, std::signed_integral auto number) { raw(name, std::to_string(number)); }
  void flag(std::string_view name) { raw(name, "true"); }  // false is told by its absence
  void item(std::string_view text);
  /// JSON as it is: see fit_for_island().
  void raw(std::string_view name, std::string_view json);
  /// The field, unless `text` is empty.
  void known(std::string_view name, std::string_view text);
  std::string take() { return std::move(text_); }

 private:
  void open(std::string_view name, char bracket);
  void place(std::string_view name);

  std::string text_;
  bool first_ = true;  // in the object or list that is open
};

}  // namespace postern::page
