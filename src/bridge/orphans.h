// orphans.h - helpers that nobody knows any more: a dnsmasq, a loopback proxy, whose record went with the state folder. They are
// told by their command lines, which name that folder, and only in the network namespace that we are in.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postern/process/detached.h"

namespace postern::bridge {

/// What a process is by its command line, as /proc/PID/cmdline has it.
struct Helper {
  enum class Kind { name_server, proxy } kind = Kind::name_server;
  std::string network;  // of a name server
  bool operator==(const Helper&) const = default;
};
/// Nothing: it is no helper of the state in `folder`, to the letter. `proxy_program`: argv[0] of a proxy; its folder does not
/// matter.
std::optional<Helper> helper_of_command(std::string_view command_line, const std::string& folder,
                                        const std::string& proxy_program);

struct RunningHelper {
  Helper helper;
  process::ProcessIdentity process;
};
/// Those of the network namespace that we are in, recorded or not.
std::vector<RunningHelper> running_helpers(const std::string& folder, const std::string& proxy_program);

}  // namespace postern::bridge
