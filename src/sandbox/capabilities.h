// capabilities.h - which powers of root stay, capabilities(7).
#pragma once

#include <vector>

#include "postern/base/result.h"

namespace postern::sandbox {

/// Of what we have, `kept` stays permitted, effective and in the bounding set; the inheritable and the ambient set are emptied.
/// Errors: EPERM where the bounding set may not be changed (no CAP_SETPCAP) although it holds more.
Status keep_capabilities(const std::vector<int>& kept);

}  // namespace postern::sandbox
