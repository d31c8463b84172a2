// file.h - small text files, whole: /etc and /proc. And what their paths lead to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern {

/// As many bytes as `most`. Errors: open(2)'s and read(2)'s. Never waits for a FIFO's writer.
Result<std::string> read_file(const std::string& path, size_t most = SIZE_MAX);
/// One write(2) to a file that exists, as the files under /proc want it. Nothing is truncated.
Status write_file(const std::string& path, std::string_view text);
/// Until all of `rest` is written, or an error comes: then `rest` is what was not. `name`: whose error it is.
Status write_all(int fd, std::string_view& rest, const std::string& name);
/// Where a symbolic link leads; nothing: there is none at `path`.
std::optional<std::string> read_link(const std::string& path);
/// A path to what an open descriptor shows, whatever has been mounted over it since.
std::string path_of(const UniqueFd& fd);

}  // namespace postern
