// capability.h - what the calling process may do, capabilities(7).
#pragma once

namespace postern::process {

/// Whether `capability` (CAP_NET_ADMIN, linux/capability.h) is in effect.
bool has_capability(int capability);

}  // namespace postern::process
