// child.h - a child process that its owner cannot forget: held by pidfd, killed and reaped when the owner goes.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::process {

/// How a process ended, wait(2).
struct ExitStatus {
  int code = 0;  // exit status, or the signal's number
  bool signalled = false;

  /// The status a shell would show: the code, or 128 + the signal.
  int as_shell() const { return signalled ? 128 + code : code; }
  bool success() const { return !signalled && code == 0; }
};

class [[nodiscard]] Child {
 public:
  Child() = default;
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  /// SIGKILLs the child if it still runs, and reaps it.
  ~Child() { end(); }

  /// Forks; `body` runs in the child and its return value is the exit status. `clone_flags`: CLONE_NEWUSER and so on, clone(2).
  /// The child is told SIGKILL when this process dies (PR_SET_PDEATHSIG) unless it changes credentials later.
  /// Errors: EPERM, ENOSPC (user.max_user_namespaces), EAGAIN (RLIMIT_NPROC), EUSERS.
  template <class Body>
  static Result<Child> fork(uint64_t clone_flags, Body&& body) {
    Result<Child> child = clone_process(clone_flags);
    if (child && child->pid_ == 0) leave(body());
    return child;
  }

  explicit operator bool() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  /// Readable once the child has ended; for epoll.
  int pidfd() const { return pidfd_.get(); }
  Status signal(int number) const;
  /// Waits until the child has ended. After this the object is empty.
  Result<ExitStatus> wait();
  /// Waits no longer than `most`; nothing: it still runs, and is still ours.
  Result<std::optional<ExitStatus>> wait_at_most(std::chrono::milliseconds most);
  /// Kills it and does not wait, for one that may hang in the kernel where not even SIGKILL reaches it. After this the object is
  /// empty; what is left of it goes at the latest after this process.
  void abandon() noexcept;

 private:
  static Result<Child> clone_process(uint64_t clone_flags);
  [[noreturn]] static void leave(int status);
  void end() noexcept;
  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

/// Runs a program of the host to its end, its standard error passed through: newuidmap(1) and its like.
Result<ExitStatus> run_program(const std::vector<std::string>& argv);

}  // namespace postern::process
