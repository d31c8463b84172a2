// identifiers.h - names that become names of links, chains and files: nothing that means something else to one of them.
#pragma once

#include <string_view>

namespace postern::bridge {

/// A network's, a link's: at most 15 bytes (IFNAMSIZ), of letters, digits, ".", "_", "-", the first a letter or a digit; not
/// "all" nor "default", which under /proc/sys/net stand for every link.
bool is_interface_name(std::string_view text);
/// An endpoint's: the same characters, at most 128.
bool is_identifier(std::string_view text);

}  // namespace postern::bridge
