#include "identity.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <array>

#include "postern/base/unique_fd.h"
#include "postern/netns/id_map.h"

namespace postern::workload {

namespace {

Status write_proc_file(pid_t pid, std::string_view name, std::string_view text) {
  const std::string path = fmt::format("/proc/{}/{}", pid, name);
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return fail_errno("open", path);
  if (::write(file.get(), text.data(), text.size()) < 0) return fail_errno("write", path);
  return {};
}

std::string read_file(const char* path) {
  const UniqueFd file(::open(path, O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 4096> chunk;
  while (file) {
    const ssize_t size = ::read(file.get(), chunk.data(), chunk.size());
    if (size <= 0) break;
    text.append(chunk.data(), static_cast<size_t>(size));
  }
  return text;
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

Status map_by_program(pid_t pid, const Kind& kind, Identity identity) {
  const auto ranges = netns::subordinate_ranges(read_file(kind.subordinate_file), user_name(), ::getuid());
  if (ranges.empty()) {
    return fail(fmt::format("{0} has no line for {1} (sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {1})",
                            kind.subordinate_file, user_name()));
  }
  const uint32_t inside = identity == Identity::root ? 0 : kind.caller;
  std::vector<std::string> argv = {kind.program, std::to_string(pid)};
  for (const netns::IdRange& range : netns::map_all(kind.caller, inside, ranges)) {
    for (const uint32_t number : {range.inside, range.outside, range.count}) argv.push_back(std::to_string(number));
  }
  POSTERN_TRY(status, process::run_program(argv), "map subordinate ids");
  if (status.as_shell() == kNotFound) return fail(fmt::format("{} not found (sudo apt install uidmap)", kind.program));
  return status.success() ? Status() : fail(fmt::format("{} failed with status {}", kind.program, status.as_shell()));
}

}  // namespace

Status give_ids(pid_t pid, Identity identity, IdRanges ranges) {
  if (ranges == IdRanges::subordinate) {
    POSTERN_CHECK(map_by_program(pid, {"newuidmap", "/etc/subuid", ::geteuid()}, identity), "--map-auto");
    return map_by_program(pid, {"newgidmap", "/etc/subgid", ::getegid()}, identity);
  }
  const auto map_file = [identity](uint32_t caller) {
    return netns::to_map_file(netns::map_caller(caller, identity == Identity::root ? 0 : caller));
  };
  POSTERN_CHECK(write_proc_file(pid, "uid_map", map_file(::geteuid())), "map the user id");
  if (::geteuid() != 0) POSTERN_CHECK(write_proc_file(pid, "setgroups", "deny"), "map the group id");
  return write_proc_file(pid, "gid_map", map_file(::getegid()));
}

}  // namespace postern::workload
