#include "identity.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include "postern/base/file.h"
#include "postern/netns/id_map.h"

namespace postern::workload {

namespace {

/// The number under which the process stands in the /proc that is mounted here: where that is a container's, not what fork said.
Result<std::string> number_in_proc(const UniqueFd& proc_folder) {
  const auto path = read_link(path_of(proc_folder));
  if (!path) return fail("the init is not found in /proc");
  return path->substr(path->rfind('/') + 1);
}

std::string user_name() {
  const passwd* entry = ::getpwuid(::getuid());
  return entry ? entry->pw_name : "";
}

struct Kind {
  const char* program;
  const char* subordinate_file;
  uint32_t caller;
};

Status map_by_program(const std::string& pid, const Kind& kind, Identity identity) {
  const auto ranges = netns::subordinate_ranges(read_file(kind.subordinate_file).value_or(""), user_name(), ::getuid());
  if (ranges.empty()) {
    return fail(fmt::format("{0} has no line for {1} (sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {1})",
                            kind.subordinate_file, user_name()));
  }
  const uint32_t inside = identity == Identity::root ? 0 : kind.caller;
  std::vector<std::string> argv = {kind.program, pid};
  for (const netns::IdRange& range : netns::map_all(kind.caller, inside, ranges)) {
    for (const uint32_t number : {range.inside, range.outside, range.count}) argv.push_back(std::to_string(number));
  }
  POSTERN_TRY(status, process::run_program(argv), "map subordinate ids");
  if (status.as_shell() == kNotFound) return fail(fmt::format("{} not found (sudo apt install uidmap)", kind.program));
  return status.success() ? Status() : fail(fmt::format("{} failed with status {}", kind.program, status.as_shell()));
}

}  // namespace

Status give_ids(const UniqueFd& proc_folder, Identity identity, IdRanges ranges) {
  if (ranges == IdRanges::subordinate) {
    POSTERN_TRY(pid, number_in_proc(proc_folder), "--map-auto");
    POSTERN_CHECK(map_by_program(pid, {"newuidmap", "/etc/subuid", ::geteuid()}, identity), "--map-auto");
    return map_by_program(pid, {"newgidmap", "/etc/subgid", ::getegid()}, identity);
  }
  const auto map_file = [identity](uint32_t caller) {
    return netns::to_map_file(netns::map_caller(caller, identity == Identity::root ? 0 : caller));
  };
  const std::string folder = path_of(proc_folder);
  POSTERN_CHECK(write_file(folder + "/uid_map", map_file(::geteuid())), "map the user id");
  if (::geteuid() != 0) POSTERN_CHECK(write_file(folder + "/setgroups", "deny"), "map the group id");
  return write_file(folder + "/gid_map", map_file(::getegid()));
}

}  // namespace postern::workload
