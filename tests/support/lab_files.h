// lab_files.h - what the lab's processes see as /proc, /run, /etc and /dev/net/tun.
#pragma once

#include <string>
#include <vector>

#include "postern/base/result.h"

#include "keeper.h"

namespace postern::lab {

/// In a mount and pid namespace just made: mounts the lab's own view. What cannot be given is named in `missing`.
Status make_files(const Plan& plan, std::vector<std::string>& missing);

Status write_file(const std::string& path, std::string_view text);

}  // namespace postern::lab
