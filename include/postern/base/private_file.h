// private_file.h - files that nobody else shall read: what packets said, what a host looks like.
#pragma once

#include <string>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern {

/// A new file of mode 0600, open to be written, in the place of one of our own that is there: who has that one open already shall
/// not read what is coming. A link is not followed. Errors: what is there is no ordinary file, or another user's; unlink(2)'s;
/// open(2)'s.
Result<UniqueFd> replace_private_file(const std::string& path);

}  // namespace postern
