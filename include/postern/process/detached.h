// detached.h - processes that outlive us, and how one is spoken to later: a pid alone may be another's by then.
//
//   we ── fork ── fork ── exec: a session of its own, no descriptor of ours, init's child
//   ▲                      │
//   └── what it says ◄─────┘  descriptor 3, until it closes it: then it is ready
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "postern/base/clock.h"
#include "postern/base/result.h"

namespace postern::process {

/// A process for good: no other one ever has both the number and the moment.
struct ProcessIdentity {
  pid_t pid = 0;            // in our own pid namespace
  uint64_t start_time = 0;  // clock ticks since boot, proc_pid_stat(5) field 22
  bool operator==(const ProcessIdentity&) const = default;
};

/// Errors: ESRCH: there is none of that number.
Result<ProcessIdentity> identity_of_process(pid_t pid);

/// A zombie does not run.
bool is_running(const ProcessIdentity& process);

/// SIGTERM, and SIGKILL after `patience`; returns when it has ended. One that is gone is no error, and never is another of that
/// number told anything. Errors: EPERM; ETIMEDOUT: not even SIGKILL ended it.
Status end_process(const ProcessIdentity& process, Duration patience);

/// Errors: ESRCH: it is gone; EPERM.
Status signal_process(const ProcessIdentity& process, int signal);

struct Detached {
  ProcessIdentity identity;
  std::string said;  // what it wrote to its descriptor 3 before it closed it; never empty
};

/// Starts a program, looked for in PATH, that is not our child: init's or the next subreaper's, prctl(2). Its folder is /, its
/// standard streams are /dev/null, no signal is blocked or ignored, and it has nothing else that we had open: who reads our
/// standard output to its end does not wait for it. It is ready when it has written to descriptor 3 and closed it.
/// Errors: execvp(3)'s; that it ended, or closed descriptor 3 without a word; ETIMEDOUT. It is killed then.
Result<Detached> start_detached(const std::vector<std::string>& argv, Duration patience);

}  // namespace postern::process
