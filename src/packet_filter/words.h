// words.h - a filter's text as words, and what is known of each: those that we have, those that pcap has and we do not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postern/packet_filter/filter.h"

namespace postern::packet_filter {

struct Word {
  std::string_view text;  // into the filter's text
  size_t offset = 0;
};

/// At blanks; (, ), !, && and || are words of their own.
std::vector<Word> words_of(std::string_view text);

/// Of a name that may stand alone or after "proto".
std::optional<uint8_t> protocol_named(std::string_view name);

/// Whether it is a word of the grammar, and so cannot be an address or a number.
bool is_known(std::string_view word);

/// Of a word that is not known: what it is in pcap and what is possible here, or a word that is near.
Complaint unknown(const Word& word);

/// In quotes, without what would move a terminal's cursor.
std::string quoted(std::string_view text);

}  // namespace postern::packet_filter
