// json_line.h - writes one line of JSON from its beginning to its end, without a tree of it first: of a flood there are a hundred
// thousand a second.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <concepts>
#include <iterator>
#include <string>
#include <string_view>

namespace postern::journey {

/// As a text of JSON, with its quotes. What is no UTF-8 is replaced by U+FFFD, and what a terminal obeys is written \u00NN.
std::string quoted(std::string_view text);

/// Keys are ours: letters and underscores.
class JsonLine {
 public:
  void open() { text_ += '{'; }
  void open(std::string_view key) {
    begin(key);
    open();
  }
  void close() { text_ += '}'; }

  void put(std::string_view key, std::string_view text) {
    begin(key);
    if (std::ranges::all_of(text, is_plain)) {
      ((text_ += '"') += text) += '"';
    } else {
      text_ += quoted(text);
    }
  }
  void put(std::string_view key, std::unsigned_integral auto number) requires(!std::same_as<decltype(number), bool>) {
    begin(key);
    fmt::format_to(std::back_inserter(text_), "{}", number);
  }
  void put(std::string_view key, std::same_as<bool> auto truth) {
    begin(key);
    text_ += truth ? "true" : "false";
  }

  std::string take() { return std::move(text_); }

 private:
  static bool is_plain(char each) { return each >= ' ' && each <= '~' && each != '"' && each != '\\'; }

  void begin(std::string_view key) {
    if (text_.back() != '{') text_ += ',';
    ((text_ += '"') += key) += "\":";
  }

  std::string text_;
};

}  // namespace postern::journey
