// lab.cpp - makes the namespaces and the keeper in them, and lets go of them again.
#include "lab.h"

#include <fmt/format.h>
#include <linux/sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>

#include "topology.h"

namespace postern::lab {

namespace {

// clone3(2) used as fork(2): pid 1 of the new pid namespace is then our own child, and ordinary users get their user namespace
// and what it owns in one step.
pid_t fork_into(uint64_t namespaces) {
  clone_args arguments{};
  arguments.flags = namespaces;
  arguments.exit_signal = SIGCHLD;
  return static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
}

std::string own_folder() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
}

// user_namespaces(7): lines of "first id inside, first id outside, how many".
bool is_mapped(uid_t id) {
  std::ifstream map("/proc/self/uid_map");
  for (uint64_t inside = 0, outside = 0, count = 0; map >> inside >> outside >> count;) {
    if (id >= inside && id < inside + count) return true;
  }
  return false;
}

// Root of a user namespace that lacks the spare uid is served like an ordinary user.
Privilege privilege_of_caller() {
  return ::geteuid() == 0 && is_mapped(kUserId) && is_mapped(kFirstSubordinate) ? Privilege::root : Privilege::ordinary;
}

}  // namespace

std::string build_tree() {
  if (own_folder() == kPrograms) return std::string(kTree);  // a lab in a lab
  const std::filesystem::path tree = std::filesystem::path(own_folder()) / "../..";
  return std::filesystem::is_directory(tree / "bin") ? tree.lexically_normal().string() : std::string();
}

Lab::Lab(pid_t keeper, UniqueFd lifeline, std::vector<std::string> missing)
    : keeper_(keeper),
      lifeline_(std::move(lifeline)),
      host_(fmt::format("/proc/{}/root", keeper), Place::host),
      remote_(fmt::format("/proc/{}/root", keeper), Place::remote),
      missing_(std::move(missing)) {}

Lab::~Lab() {
  if (!lifeline_) return;  // moved from
  lifeline_.reset();
  ::waitpid(keeper_, nullptr, 0);  // returns when all the processes are gone, pid_namespaces(7)
}

Result<Lab> Lab::make(const Config& config) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return fail_errno("socketpair");
  UniqueFd lifeline(ends[0]);
  UniqueFd keepers_end(ends[1]);
  Plan plan{.mtu_bytes = config.mtu_bytes,
            .families = config.families,
            .privilege = privilege_of_caller(),
            .uid = ::geteuid(),
            .gid = ::getegid(),
            .tree = config.tree,
            .programs = own_folder()};
  uint64_t namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
  if (plan.privilege == Privilege::ordinary) namespaces |= CLONE_NEWUSER;
  const pid_t keeper = fork_into(namespaces);
  if (keeper < 0) return fail_errno("clone3", "namespaces for a lab");
  if (keeper == 0) keep(plan, std::move(keepers_end));
  keepers_end.reset();
  auto message = receive_message(lifeline.get());
  Report report = unpack_report(message ? message->bytes : "the keeper died");
  if (message && message->bytes.empty()) report.error = "the keeper died";
  Lab lab(keeper, std::move(lifeline), std::move(report.missing));
  if (!report.error.empty()) return fail(std::move(report.error));
  return lab;
}

const std::string* Lab::missing(std::string_view feature) const {
  for (const std::string& item : missing_) {
    if (std::string_view(item).substr(0, item.find(':')) == feature) return &item;
  }
  return nullptr;
}

std::vector<ProcessSeen> Lab::processes() const {
  std::vector<ProcessSeen> seen;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(host_.path("/proc"), error)) {
    const std::string name = entry.path().filename();
    ProcessSeen process;
    const bool number = std::from_chars(name.data(), name.data() + name.size(), process.pid).ptr == name.data() + name.size();
    if (!number || process.pid == 1) continue;
    std::ifstream status(entry.path() / "status");  // proc(5): "Name:\tsh" first, "Uid:\treal ..." further on
    std::string key;
    status >> key;
    std::getline(status >> std::ws, process.name);
    while (status >> key && key != "Uid:") status.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    if (status >> process.uid) seen.push_back(std::move(process));  // it may have gone meanwhile
  }
  return seen;
}

}  // namespace postern::lab
