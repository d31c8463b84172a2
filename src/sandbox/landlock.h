// landlock.h - what may be done with files, by the kernel's landlock(7): read below some directories, removed below others.
#pragma once

#include <string>
#include <vector>

#include "postern/base/result.h"

namespace postern::sandbox {

/// Files are read below `directories` and removed below `removal_folders` (descriptors). no_new_privs must be set. Signals are
/// left alone: run passes them on. Errors: ENOSYS, EOPNOTSUPP (the kernel has none, or it is off).
Status allow_files(const std::vector<std::string>& directories, const std::vector<int>& removal_folders);

}  // namespace postern::sandbox
