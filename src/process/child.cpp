// child.cpp - clone(2) without a new stack, that is fork(2) with flags and a pidfd.
#include "postern/process/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace postern::process {

namespace {

// The raw call: container runtimes' seccomp profiles answer ENOSYS to clone3(2), and glibc's clone() wants a stack.
// The last two arguments differ in order between architectures; both are unused here.
long raw_clone(uint64_t flags, int* pidfd) {
  return ::syscall(SYS_clone, flags | CLONE_PIDFD | SIGCHLD, nullptr, pidfd, nullptr, nullptr);
}

ExitStatus exit_status_of(const siginfo_t& info) { return {info.si_status, info.si_code != CLD_EXITED}; }

}  // namespace

Result<Child> Child::clone_process(uint64_t clone_flags) {
  const pid_t parent = ::getpid();
  int pidfd = -1;
  const long pid = raw_clone(clone_flags, &pidfd);
  if (pid < 0) return fail_errno("clone");
  Child child;
  child.pid_ = static_cast<pid_t>(pid);
  child.pidfd_ = UniqueFd(pid == 0 ? -1 : pidfd);
  if (pid > 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const bool own_pid_namespace = ::getppid() == 0;
  if (!own_pid_namespace && ::getppid() != parent) ::_exit(1);  // the parent died before we could ask to be told
  return child;
}

void Child::leave(int status) { ::_exit(status); }

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    end();
    pid_ = std::exchange(other.pid_, -1);
    pidfd_ = std::move(other.pidfd_);
  }
  return *this;
}

void Child::end() noexcept {
  if (pid_ <= 0) return;
  (void)signal(SIGKILL);
  (void)wait();
}

Status Child::signal(int number) const {
  if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0) < 0) return fail_errno("pidfd_send_signal");
  return {};
}

Result<ExitStatus> Child::wait() {
  siginfo_t info{};
  int rc = 0;
  do {
    rc = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED);
  } while (rc < 0 && errno == EINTR);
  pid_ = -1;
  pidfd_.reset();
  if (rc < 0) return fail_errno("waitid");
  return exit_status_of(info);
}

Result<std::optional<ExitStatus>> Child::wait_at_most(std::chrono::milliseconds most) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point deadline = Clock::now() + most;
  pollfd ended{pidfd_.get(), POLLIN, 0};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    const int ready = ::poll(&ended, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (ready < 0 && errno != EINTR) return fail_errno("poll a process");
    if (ready == 0) return std::nullopt;
    if (ready > 0) break;
  }
  POSTERN_TRY(status, wait(), "wait");
  return status;
}

void Child::abandon() noexcept {
  if (pid_ <= 0) return;
  (void)signal(SIGKILL);
  pid_ = -1;
  pidfd_.reset();
}

Result<ExitStatus> run_program(const std::vector<std::string>& argv) {
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  POSTERN_TRY(child,
              Child::fork(0,
                          [&] {
                            ::execvp(arguments[0], arguments.data());
                            return errno == ENOENT ? 127 : 126;
                          }),
              argv.front());
  return child.wait();
}

}  // namespace postern::process
