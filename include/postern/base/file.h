// file.h - small text files, whole: /etc and /proc.
#pragma once

#include <string>
#include <string_view>

#include "postern/base/result.h"

namespace postern {

/// Errors: open(2)'s and read(2)'s. Never waits for a FIFO's writer.
Result<std::string> read_file(const std::string& path);
/// One write(2) to a file that exists, as the files under /proc want it. Nothing is truncated.
Status write_file(const std::string& path, std::string_view text);

}  // namespace postern
