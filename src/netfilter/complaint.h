// complaint.h - what libnftables says went wrong: it has no error codes, only the text that nft(8) prints.
#pragma once

#include <string_view>

#include "postern/base/result.h"

namespace postern::netfilter {

/// The first error of `text`, without the source that is echoed behind it (which is always the first line of a transaction, and
/// so seldom the one at fault). Its code is the errno whose description ends it, if one does. Pure.
///
///   Error: Could not process rule: File exists          ->  "Could not process rule", EEXIST
///   add element inet postern publish4 { tcp . 80 : ...
///                                       ^^^^^^^^
Error parse_complaint(std::string_view text);

}  // namespace postern::netfilter
