#include "postern/base/pretend.h"

#include <cstdlib>

namespace postern {

bool pretended_missing(std::string_view feature) {
  const char* value = std::getenv("POSTERN_PRETEND_MISSING");
  for (std::string_view rest = value ? value : ""; !rest.empty();) {
    const size_t comma = rest.find(',');
    if (rest.substr(0, comma) == feature) return true;
    rest = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
  }
  return false;
}

}  // namespace postern
