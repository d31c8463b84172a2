#include "postern/api/running.h"

#include <fmt/format.h>
#include <unistd.h>

#include "postern/base/file.h"
#include "postern/base/text.h"
#include "postern/process/detached.h"

namespace postern::api {

namespace {

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

bool is_of_user(std::string_view status, uid_t uid) {
  while (!status.empty()) {
    std::string_view line = take_line(status);
    if (take_word(line) != "Uid:") continue;
    (void)take_word(line);  // the real one; the effective one is what listens
    return whole_number<uid_t>(take_word(line)) == uid;
  }
  return false;
}

std::vector<InstanceName> choose_names(std::span<const InstanceName> names,
                                       const std::function<bool(const InstanceName&)>& is_real) {
  constexpr size_t kMostLookedAt = 256, kMostLookedAtInAll = 4096;  // a name costs nothing, to look behind it does
  std::vector<InstanceName> chosen;
  size_t of_user = 0, looked_at = 0, in_all = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i == 0 || names[i].uid != names[i - 1].uid) of_user = looked_at = 0;
    if (of_user >= kMostOfAUser || ++looked_at > kMostLookedAt) continue;
    if (chosen.size() >= kMostPosterns || ++in_all > kMostLookedAtInAll) break;
    if (!is_real(names[i])) continue;
    chosen.push_back(names[i]);
    ++of_user;
  }
  return chosen;
}

std::vector<RunningPostern> running_posterns() {
  const auto text = read_file("/proc/net/unix");
  if (!text) return {};
  std::vector<InstanceName> names = find_instance_names(*text);
  const uid_t own = ::geteuid();
  if (own != 0) std::erase_if(names, [own](const InstanceName& name) { return name.uid != own; });
  const auto is_real = [](const InstanceName& name) {
    const auto status = read_file(fmt::format("/proc/{}/status", name.pid));
    return status && is_of_user(*status, name.uid);
  };
  std::vector<RunningPostern> running;
  for (const InstanceName& name : choose_names(names, is_real)) {
    const auto process = process::identity_of_process(name.pid);
    if (process) running.push_back(with_guest({.uid = name.uid, .pid = name.pid, .start_time = process->start_time}));
  }
  return running;
}

bool serves_itself(const RunningPostern& running) {
  const auto client = ControlClient::find({.pid = running.pid, .path = std::nullopt, .uid = running.uid});
  const auto server = client ? client->server() : Result<pid_t>(Failure(client.error()));
  return server && *server == running.pid;
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
    if (running.pid == *pid && running.guest != 0 && serves_itself(running)) return std::to_string(running.guest);
  }
  return std::string(text);
}

}  // namespace postern::api
