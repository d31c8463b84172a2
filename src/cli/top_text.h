// top_text.h - a sample as lines for a person: a head, and a table that fits the width there is. Pure.
#pragma once

#include "top_sample.h"

namespace postern::cli {

/// What may be filled; 0: without a bound.
struct Room {
  size_t columns = 0;
  size_t lines = 0;
};

/// Flows stand in `order`. Where the width is too small for all columns, the less important ones are left out, and what is
/// still too long is cut, "~" at its end.
std::vector<std::string> top_lines(const Watched& watched, const Sample& now, const Change& change,
                                   const std::vector<size_t>& order, const Room& room);

/// "12.3 MB": three digits at least, units of 1000.
std::string bytes_text(double bytes);
/// "0.21 ms".
std::string time_text(std::chrono::microseconds time);
/// "1:02:03", "3 d 1:02:03".
std::string duration_text(std::chrono::seconds time);

}  // namespace postern::cli
