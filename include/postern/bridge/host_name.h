// host_name.h - what may stand in a file of names: nothing in it can be read as anything else.
#pragma once

#include <string_view>

namespace postern::bridge {

/// RFC 1123 2.1: labels of letters, digits and inner hyphens, at most 63 of them a label and 253 in all, none at its end. One
/// that is all digits and dots is an address and no name.
bool is_host_name(std::string_view text);

}  // namespace postern::bridge
