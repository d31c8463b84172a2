// lab.cpp - makes the namespaces and the keeper in them, and lets go of them again.
#include "lab.h"

#include <fmt/format.h>
#include <linux/sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>

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

std::string first_line_of(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string own_folder() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
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
            .uid = ::geteuid(),
            .gid = ::getegid(),
            .tree = config.tree,
            .programs = own_folder()};
  uint64_t namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
  if (plan.uid != 0) {
    plan.privilege = Privilege::ordinary;
    namespaces |= CLONE_NEWUSER;
  }
  const pid_t keeper = fork_into(namespaces);
  if (keeper < 0) return fail_errno("clone3", "namespaces for a lab");
  if (keeper == 0) keep(std::move(plan), std::move(keepers_end));
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
    if (std::from_chars(name.data(), name.data() + name.size(), process.pid).ptr != name.data() + name.size()) continue;
    struct stat status {};
    if (process.pid == 1 || ::stat(entry.path().c_str(), &status) < 0) continue;
    process.uid = status.st_uid;
    process.name = first_line_of(entry.path() / "comm");
    seen.push_back(std::move(process));
  }
  return seen;
}

}  // namespace postern::lab
