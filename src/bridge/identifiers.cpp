#include "identifiers.h"

#include <net/if.h>

#include "postern/base/text.h"

namespace postern::bridge {

namespace {

constexpr size_t kLongestIdentifier = 128;

}  // namespace

bool is_interface_name(std::string_view text) {
  return text.size() < IFNAMSIZ && is_plain_name(text) && text != "all" && text != "default";
}
bool is_identifier(std::string_view text) { return text.size() <= kLongestIdentifier && is_plain_name(text); }

}  // namespace postern::bridge
