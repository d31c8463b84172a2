// nested.cpp - only a process of the outer user namespace may map all of its ids; so a helper stays there until that is done.
#include "nested.h"

#include <fcntl.h>
#include <sched.h>

#include <cstdlib>

#include "postern/base/file.h"
#include "postern/netns/id_map.h"
#include "postern/process/child.h"
#include "postern/process/message_channel.h"

namespace postern::workload {

namespace {

/// As /proc/PID/uid_map has it: each inside id, which for the namespace within is an outside one.
Status map_all_within(const std::string& proc_folder, const std::string& map_file) {
  POSTERN_TRY(text, read_file("/proc/self/" + map_file), "map ids within");
  return write_file(proc_folder + "/" + map_file, netns::to_map_file(netns::map_within(netns::parse_map_file(text))));
}

int map_when_told(const process::MessageChannel& channel, const std::string& proc_folder) {
  const auto entered = channel.receive();
  if (!entered || !*entered) return EXIT_FAILURE;
  Status mapped = map_all_within(proc_folder, "gid_map");
  if (mapped) mapped = map_all_within(proc_folder, "uid_map");
  return process::send_outcome(channel, mapped.map([] { return std::string(); })) ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

Status enter_nested_namespaces(uint64_t clone_flags) {
  const UniqueFd ourselves(::open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!ourselves) return fail_errno("open", "/proc/self");
  POSTERN_TRY(channels, process::MessageChannel::make_pair(), "hide folders");
  const process::MessageChannel ours = std::move(channels.first);
  process::MessageChannel helpers = std::move(channels.second);
  POSTERN_TRY(helper, process::Child::fork(0, [&] { return map_when_told(helpers, path_of(ourselves)); }), "hide folders");
  { const process::MessageChannel helpers_end = std::move(helpers); }
  if (::unshare(static_cast<int>(CLONE_NEWUSER | CLONE_NEWNS | clone_flags)) < 0)
    return fail_errno("make a user namespace within");
  POSTERN_CHECK(ours.send("entered"), "hide folders");
  POSTERN_CHECK(process::receive_outcome(ours), "hide folders");
  return {};
}

}  // namespace postern::workload
