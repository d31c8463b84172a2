#include "init.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <paths.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <sstream>

#include "postern/base/file.h"
#include "postern/base/log.h"
#include "postern/netlink/link.h"

#include "covers.h"
#include "mounts.h"
#include "nested.h"

namespace postern::workload {

namespace {

constexpr int kOrphaned = 1;  // nobody is left to read this status

Status show_proc_folder(const process::MessageChannel& channel) {
  const UniqueFd folder(::open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return process::send_outcome(channel, fail_errno("open /proc/self (is /proc mounted?)"));
  const std::array descriptors{folder.get()};
  return process::send_outcome(channel, "", descriptors);
}

bool told(const process::MessageChannel& channel, std::string_view word) {
  const auto message = channel.receive();
  return message && *message && (*message)->text == word;
}

Status raise_loopback() {
  POSTERN_TRY(socket, netlink::Socket::open(), "lo");
  POSTERN_TRY(loopback, netlink::find_link(socket, "lo"), "lo");
  return netlink::set_up(socket, loopback.index);
}

/// ping(8) without privilege, icmp(7): the namespace's default is to nobody. Best effort: it is root's ping that must work.
void allow_ping_sockets() {
  const Status allowed = write_file("/proc/sys/net/ipv4/ping_group_range", fmt::format("{0} {0}", ::getegid()));
  if (!allowed) log::debug("{}", allowed.error().message());
}

Status hide_folders(const WorkloadPlan& plan) {
  if (!plan.hides_shared_folders) return plan.network == Network::own ? cover(resolver_covers()) : Status();
  const char* runtime_folder = std::getenv("XDG_RUNTIME_DIR");
  POSTERN_CHECK(cover(private_covers(runtime_folder ? runtime_folder : "")), "hide folders");
  return leave_covered_folder();
}

Status prepare(const WorkloadPlan& plan) {
  POSTERN_CHECK(keep_mounts_to_ourselves(), "prepare");
  POSTERN_CHECK(hide_folders(plan), "prepare");
  std::vector<FileText> files;
  if (plan.resolv_conf) files.push_back({"resolv.conf", *plan.resolv_conf});
  if (plan.hosts) files.push_back({"hosts", *plan.hosts});
  POSTERN_CHECK(show_in_etc(files), "prepare");
  if (const Status mounted = mount_proc(); !mounted) {
    log::debug("/proc shows the processes outside: {}", mounted.error().message());
  }
  const bool own_network = plan.network == Network::own;
  if (plan.hides_shared_folders) {  // here ends what the command cannot undo
    POSTERN_CHECK(enter_nested_namespaces(own_network ? CLONE_NEWNET : 0), "prepare");
  }
  if (own_network) {
    POSTERN_CHECK(raise_loopback(), "prepare");
    allow_ping_sockets();
  }
  return {};
}

/// execvp(3) says EACCES for a command that is nowhere, if one folder of PATH may not be read; a shell says that it is not found.
bool is_found(const std::string& command) {
  if (command.find('/') != command.npos) return ::access(command.c_str(), F_OK) == 0;
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : _PATH_DEFPATH);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (::access(((folder.empty() ? "." : folder) + "/" + command).c_str(), F_OK) == 0) return true;
  }
  return false;
}

int exec_command(const WorkloadPlan& plan, const process::Inheritance& inheritance) {
  ::prctl(PR_SET_PDEATHSIG, 0);  // the end of PID 1 is enough, and the command must find nothing of ours
  inheritance.restore_signals();
  inheritance.restore_file_limit();
  if (plan.working_directory && ::chdir(plan.working_directory->c_str()) < 0) {
    log::error("{}", fail_errno("change to", *plan.working_directory).value().message());
    return kOurFailure;
  }
  for (const std::string& variable : plan.environment) ::putenv(const_cast<char*>(variable.c_str()));
  std::vector<char*> arguments;
  arguments.reserve(plan.command.size() + 1);
  for (const std::string& argument : plan.command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  const int reason = errno;
  if (!is_found(plan.command[0])) {
    log::error("{}: command not found", plan.command[0]);
    return kNotFound;
  }
  errno = reason;
  log::error("{}", fail_errno("execute", plan.command[0]).value().message());
  return reason == ENOENT ? kNotFound : kCannotExecute;  // ENOENT: the script's interpreter
}

/// PID 1 must hold nothing open that the command closes, nor write where the command writes.
void let_go_of_everything() {
  const UniqueFd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (nothing) ::dup2(nothing.get(), standard);
  }
  ::close_range(STDERR_FILENO + 1, ~0U, 0);
}

/// Until no process has the other end of the pipe.
void wait_for_end_of(int pipe) {
  char nothing = 0;
  while (::read(pipe, &nothing, 1) < 0 && errno == EINTR) continue;
}

/// SIGCHLD's disposition while it lives is the default: a caller that ignores its children's ends would hide ours from us.
class ChildSignal {
 public:
  ChildSignal() {
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    ::sigaction(SIGCHLD, &standard, &callers_);
  }
  void restore() const { ::sigaction(SIGCHLD, &callers_, nullptr); }

 private:
  struct sigaction callers_ {};
};

std::optional<int> reap(pid_t command) {
  int status = 0;
  for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (ended == command) return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  return std::nullopt;
}

/// All signals are blocked. Those that postern sends for the command are passed on.
int reap_until_it_ends(pid_t command) {
  sigset_t all;
  sigfillset(&all);
  for (;;) {
    if (const auto status = reap(command)) return *status;
    siginfo_t info{};
    const int number = ::sigwaitinfo(&all, &info);
    const bool from_postern = info.si_code == kPassOn && info.si_pid == 0;  // the sender is outside of our PID namespace
    if (number > 0 && number != SIGCHLD && from_postern) ::kill(command, number);
  }
}

void block_all_signals() {
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

int run_init(const process::MessageChannel& channel, const WorkloadPlan& plan, const process::Inheritance& inheritance) {
  ::prctl(PR_SET_NAME, "postern-init");
  if (!show_proc_folder(channel)) return kOrphaned;
  if (!told(channel, kMapped)) return kOrphaned;
  const Status prepared = prepare(plan);
  if (!process::send_outcome(channel, prepared.map([] { return std::string(); })) || !prepared) return kOrphaned;
  if (!told(channel, kGo)) return kOrphaned;
  const ChildSignal child_signal;
  block_all_signals();
  std::array<int, 2> gate{};
  if (::pipe2(gate.data(), O_CLOEXEC) < 0) return process::send_outcome(channel, fail_errno("pipe")) ? kOurFailure : kOrphaned;
  auto command = process::Child::fork(0, [&] {
    ::close(gate[1]);
    wait_for_end_of(gate[0]);  // or the command could find in /proc/1/fd what is not its own
    child_signal.restore();
    return exec_command(plan, inheritance);
  });
  if (!command) return process::send_outcome(channel, Failure(command.error())) ? kOurFailure : kOrphaned;
  if (!process::send_outcome(channel, "")) return kOrphaned;
  let_go_of_everything();
  ::_exit(reap_until_it_ends(command->pid()));  // without destructors: what they would close is closed
}

}  // namespace postern::workload
