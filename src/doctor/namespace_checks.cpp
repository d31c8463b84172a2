// namespace_checks.cpp - namespaces and mounts, as the trial met them.
#include <fmt/format.h>

#include <array>
#include <cerrno>

#include "checks.h"
#include "remedy.h"

namespace postern::doctor {

namespace {

constexpr std::string_view kNoRun = "run cannot start a command";
constexpr int64_t kFairLimit = 15000;  // namespaces a user; about what a small machine has by default

struct Kind {
  const char* check;
  const char* what;
  const char* limit_name;
  int NamespaceTrial::*tried;
  std::optional<int64_t> Sysctls::*limit;
};
constexpr std::array<Kind, 4> kKinds{{
    {"userns", "user namespaces", "user.max_user_namespaces", &NamespaceTrial::user, &Sysctls::max_user},
    {"netns", "network namespaces", "user.max_net_namespaces", &NamespaceTrial::network, &Sysctls::max_net},
    {"mntns", "mount namespaces", "user.max_mnt_namespaces", &NamespaceTrial::mount, &Sysctls::max_mnt},
    {"pidns", "PID namespaces", "user.max_pid_namespaces", &NamespaceTrial::pid, &Sysctls::max_pid},
}};

Finding unknown(std::string check, std::string_view needed) {
  return {std::move(check), Verdict::unknown, fmt::format("not tried: no {}", needed), "", ""};
}

Finding missing(std::string check, Cause cause, std::string_view breaks) {
  return {std::move(check), Verdict::missing, std::move(cause.found), std::string(breaks), std::move(cause.remedy)};
}

Finding limited(std::string check, Cause cause, std::string_view breaks) {
  return {std::move(check), Verdict::limited, std::move(cause.found), std::string(breaks), std::move(cause.remedy)};
}

Cause why_no_clone(const Facts& facts, const Kind& kind, int error) {
  if (error == EINVAL || error == ENOSYS) {
    return {fmt::format("the kernel has no {}", kind.what), "boot a kernel with CONFIG_USER_NS, CONFIG_NET_NS and CONFIG_PID_NS"};
  }
  if (error != ENOSPC && error != EUSERS) return why_refused(facts, error);
  const int64_t limit = (facts.sysctls.*kind.limit).value_or(0);
  const Container container = facts.around.container;
  if (limit == 0) {
    return {fmt::format("{} are off", kind.what), set_sysctl(container, kind.limit_name, std::to_string(kFairLimit))};
  }
  return {fmt::format("all {} {} are in use, or they are nested 32 deep", limit, kind.what),
          set_sysctl(container, kind.limit_name, std::to_string(2 * limit))};
}

/// clone(2)'s errno for one kind; kUntried if user namespaces cannot even be had.
int clone_error(const NamespaceTrial& trial, const Kind& kind) {
  if (trial.all == 0) return 0;
  const bool each_works_alone = trial.user == 0 && trial.network == 0 && trial.mount == 0 && trial.pid == 0;
  if (kind.tried == &NamespaceTrial::user && each_works_alone) return trial.all;
  return trial.*kind.tried;
}

Finding check_kind(const Facts& facts, const Kind& kind) {
  const int error = clone_error(facts.trial, kind);
  if (error == kUntried && kind.tried != &NamespaceTrial::user) return unknown(kind.check, "user namespace");
  if (error != 0) return missing(kind.check, why_no_clone(facts, kind, error), kNoRun);
  return {kind.check, Verdict::ok, fmt::format("{} can be made", kind.what), "", ""};
}

/// clone(2) is half of it: the id maps can be refused, and AppArmor takes the capabilities inside.
Finding check_user_namespace(const Facts& facts) {
  const NamespaceTrial& trial = facts.trial;
  Finding cloned = check_kind(facts, kKinds[0]);
  if (cloned.verdict != Verdict::ok || trial.all != 0) return cloned;
  if (trial.id_maps == ENOENT) return missing("userns", {"there is no /proc", "sudo mount -t proc proc /proc"}, kNoRun);
  if (trial.id_maps != 0) return missing("userns", why_refused(facts, trial.id_maps), kNoRun);
  if (trial.died) {
    return missing("userns", {"what runs in new namespaces is killed", "run it outside of the seccomp filter around us"}, kNoRun);
  }
  const bool powerless = trial.private_mounts == EPERM && trial.tap == EPERM;
  if (powerless) return missing("userns", why_refused(facts, EPERM), kNoRun);
  return cloned;
}

Finding check_mounts(const Facts& facts) {
  const NamespaceTrial& trial = facts.trial;
  if (trial.private_mounts == kUntried) return unknown("mounts", "namespaces");
  const int error = trial.private_mounts != 0 ? trial.private_mounts : trial.tmpfs;
  if (error == kUntried) {
    return missing("mounts", {"none of /tmp, /run, /var, /mnt exists", "sudo mkdir -m 1777 /tmp"}, kNoRun);
  }
  if (error != 0) return missing("mounts", why_refused(facts, error), kNoRun);
  return {"mounts", Verdict::ok, "file systems can be mounted inside", "", ""};
}

Finding check_proc(const Facts& facts) {
  constexpr std::string_view breaks = "commands inside see the processes outside, and ps shows those";
  if (facts.trial.proc == kUntried) return unknown("proc", "namespaces");
  if (facts.trial.proc == 0) return {"proc", Verdict::ok, "a fresh /proc can be mounted inside", "", ""};
  if (facts.around.container != Container::none) {
    return limited("proc", {"the container's /proc is masked", container_option(facts.around, Need::whole_proc)}, breaks);
  }
  const std::string found = fmt::format("a fresh /proc is refused: {}", words(facts.trial.proc));
  return limited("proc", {found, "unmount what covers parts of /proc: grep ' /proc/' /proc/self/mountinfo"}, breaks);
}

Finding check_sysctl(const Facts& facts) {
  constexpr std::string_view breaks = "IPv6 inside waits for duplicate address detection; sysctls inside cannot be set";
  const int error = facts.trial.sysctl;
  if (error == kUntried) return unknown("sysctl", "namespaces");
  if (error == 0) return {"sysctl", Verdict::ok, "the network's sysctls can be set inside", "", ""};
  const std::string found = fmt::format("/proc/sys cannot be written: {}", words(error));
  if (facts.around.container == Container::none) return limited("sysctl", {found, "sudo mount -o remount,rw /proc/sys"}, breaks);
  return limited("sysctl", {found, container_option(facts.around, Need::whole_proc)}, breaks);
}

Finding check_overlay(const Facts& facts) {
  constexpr std::string_view breaks = "run refuses to start where /etc/resolv.conf or /etc/hosts does not exist";
  const int error = facts.trial.overlay;
  if (error == kUntried) return unknown("overlay", "mounts");
  if (error == 0) return {"overlay", Verdict::ok, "overlays can be mounted inside", "", ""};
  const std::string found = fmt::format("overlay mounts are refused: {}", words(error));
  const bool no_module = error == ENODEV || !facts.around.overlay_is_known;
  return limited("overlay", {found, no_module ? "sudo modprobe overlay" : "use Linux 5.11 or newer"}, breaks);
}

}  // namespace

std::vector<Finding> check_namespaces(const Facts& facts) {
  return {check_user_namespace(facts),  check_kind(facts, kKinds[1]), check_kind(facts, kKinds[2]),
          check_kind(facts, kKinds[3]), check_mounts(facts),          check_proc(facts),
          check_sysctl(facts),          check_overlay(facts)};
}

}  // namespace postern::doctor
