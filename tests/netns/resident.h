// resident.h - processes that only are somewhere, for tests that look at them.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>

#include "postern/base/unique_fd.h"

namespace postern {

/// A process that prepares itself, and then only is.
class Resident {
 public:
  explicit Resident(const std::function<bool()>& prepare) {
    int ready[2];
    if (::pipe2(ready, O_CLOEXEC) < 0) return;
    const UniqueFd read_end(ready[0]);
    UniqueFd write_end(ready[1]);
    pid_ = ::fork();
    if (pid_ == 0) {
      const char done = prepare() ? 'y' : 'n';
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::write(write_end.get(), &done, 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    write_end.reset();
    char done = 'n';
    good_ = ::read(read_end.get(), &done, 1) == 1 && done == 'y';
  }
  Resident(const Resident&) = delete;
  ~Resident() { end(); }
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  bool good() const { return good_; }
  std::string pid() const { return std::to_string(pid_); }

 private:
  pid_t pid_ = -1;
  bool good_ = false;
};

/// Becomes an ordinary user, who has no power here; for a child.
inline bool become_nobody() {
  constexpr unsigned kNobody = 65534;
  if (::getuid() != 0) return true;
  // Who changes his ids may not be looked at (dumpable) until he says so.
  return ::setgid(kNobody) == 0 && ::setuid(kNobody) == 0 && ::prctl(PR_SET_DUMPABLE, 1) == 0;
}

}  // namespace postern
