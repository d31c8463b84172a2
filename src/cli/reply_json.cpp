#include "reply_json.h"

#include <cstring>

namespace postern::cli {

std::error_code code_of(const std::string& name) {
  constexpr int kGreatest = 133;  // EHWPOISON
  for (int number = 1; number <= kGreatest; ++number) {
    const char* known = ::strerrorname_np(number);
    if (known && name == known) return {number, std::system_category()};
  }
  return {};
}

}  // namespace postern::cli
