// keeper.h - pid 1 of a lab: makes its hosts, then starts, signals and reaps what is asked for at the door.
// When it ends, the kernel ends every process of its pid namespace, and with them the namespaces, links and mounts.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::lab {

enum class Families { both, ipv4_only };
enum class Privilege { root, ordinary };  // of the caller: an ordinary one needs a user namespace around everything

struct Plan {
  unsigned mtu_bytes = 1500;
  Families families = Families::both;
  Privilege privilege = Privilege::root;
  uid_t uid = 0;  // of the caller
  gid_t gid = 0;
  std::string tree = {};      // folders to show at kTree and
  std::string programs = {};  // at kPrograms; may be empty
};

/// What the keeper tells its maker once: an error, or what this lab could not be given.
struct Report {
  std::string error;
  std::vector<std::string> missing;  // "tun: ...", the name first
};

std::string pack(const Report& report);
Report unpack_report(std::string_view bytes);

/// Runs as pid 1 of namespaces just made; never returns. Ends when the other end of `lifeline` is closed.
[[noreturn]] void keep(const Plan& plan, UniqueFd lifeline);

}  // namespace postern::lab
