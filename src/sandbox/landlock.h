// landlock.h - what may be done with files, by the kernel's landlock(7): read below some directories, nothing else anywhere.
#pragma once

#include <string>
#include <vector>

#include "postern/base/result.h"

namespace postern::sandbox {

/// no_new_privs must be set. Signals are left alone: run passes them on. Errors: ENOSYS, EOPNOTSUPP (the kernel has none, or it
/// is off).
Status allow_reading_below(const std::vector<std::string>& directories);

}  // namespace postern::sandbox
