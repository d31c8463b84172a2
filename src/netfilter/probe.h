// probe.h - whether the kernel has a part of netfilter, and lets us use it.
#pragma once

#include <cstdint>
#include <string_view>

#include "postern/base/result.h"

namespace postern::netfilter {

/// Sends `message_type` (of nfnetlink: its subsystem, then its message), which must be a question without a body, and waits for
/// the answer, whatever it is. `part` is what the kernel lacks otherwise, for people. Errors: EPROTONOSUPPORT, EPERM.
Status probe(uint16_t message_type, std::string_view part);

}  // namespace postern::netfilter
