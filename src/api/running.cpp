#include "postern/api/running.h"

#include <fmt/format.h>
#include <unistd.h>

#include "postern/api/control_client.h"
#include "postern/base/file.h"
#include "postern/base/text.h"

namespace postern::api {

namespace {

/// Anybody may bind a name with any number in it, but what the process of that number is called is its own choice: nobody leads
/// who asks for process 1 elsewhere.
bool is_called_postern(pid_t pid) {
  const auto name = read_file(fmt::format("/proc/{}/comm", pid));
  return name && name->starts_with("postern");
}

/// The child of a postern that does not live where it does, which is where we do: whom it serves.
RunningPostern with_guest(RunningPostern running) {
  const auto own = netns::identity_of("/proc/thread-self/ns/net");
  const auto children = read_file(fmt::format("/proc/{0}/task/{0}/children", running.pid));
  if (!own || !children) return running;
  std::string_view rest = *children;
  for (std::string_view word = take_word(rest); !word.empty(); word = take_word(rest)) {
    const auto network = netns::identity_of(fmt::format("/proc/{}/ns/net", word));
    if (!network || *network == *own) continue;
    running.guest = whole_number<pid_t>(word).value_or(0);
    running.guest_inode = network->inode;
    break;
  }
  return running;
}

}  // namespace

std::vector<RunningPostern> running_posterns() {
  const auto text = read_file("/proc/net/unix");
  if (!text) return {};
  std::vector<RunningPostern> running;
  std::vector<uid_t> users = {::geteuid()};
  if (::geteuid() == 0) users = find_instance_users(*text);
  for (const uid_t uid : users) {
    for (const pid_t pid : find_instances(*text, uid)) {
      if (is_called_postern(pid)) running.push_back(with_guest({.uid = uid, .pid = pid}));
    }
  }
  return running;
}

std::vector<netns::GivenName> guest_names() {
  std::vector<netns::GivenName> names;
  for (const RunningPostern& running : running_posterns()) {
    if (running.guest_inode != 0) names.push_back({running.guest_inode, fmt::format("postern {}", running.pid)});
  }
  return names;
}

std::string whom_it_serves(std::string_view text) {
  const auto pid = whole_number<pid_t>(text);
  if (!pid) return std::string(text);
  for (const RunningPostern& running : running_posterns()) {
    if (running.pid == *pid && running.guest != 0) return std::to_string(running.guest);
  }
  return std::string(text);
}

}  // namespace postern::api
