// capability.h - what the calling process may do, capabilities(7).
#pragma once

#include "postern/base/result.h"

namespace postern::process {

/// Whether `capability` (CAP_NET_ADMIN, linux/capability.h) is in effect.
bool has_capability(int capability);
/// The calling thread gives up all others for good, apart from what a program that it becomes may be given; this one stays if it
/// had it. Errors: those of capset(2).
Status keep_only_capability(int capability);

}  // namespace postern::process
