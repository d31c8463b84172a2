// process.h - one process in a lab, owned: it lives no longer than its object.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <thread>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::lab {

inline constexpr std::chrono::seconds kPatience{20};  // a limit, reached only when something is wrong

/// Whether `condition()` came true within `limit`; asks again every millisecond.
template <class Condition>
bool wait_until(Condition condition, std::chrono::milliseconds limit = kPatience) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

class [[nodiscard]] Process {
 public:
  /// `connection` is one of door.h whose process has started; the outputs are files that grow, and may be empty.
  Process(UniqueFd connection, pid_t pid, UniqueFd out, UniqueFd err)
      : connection_(std::move(connection)), out_(std::move(out)), err_(std::move(err)), pid_(pid) {}

  /// `started`, with files for its outputs.
  Process(Process started, UniqueFd out, UniqueFd err)
      : Process(std::move(started.connection_), started.pid_, std::move(out), std::move(err)) {}

  pid_t pid() const { return pid_; }  // in the lab's pid namespace
  bool running() { return !wait(std::chrono::milliseconds(0)); }
  /// To this process alone; what it started gets the signal only from it.
  void signal(int number);
  /// The status as a shell gives it (128 + n after signal n); nullopt when it still runs after `limit`.
  std::optional<int> wait(std::chrono::milliseconds limit = kPatience);
  /// What it has written so far.
  std::string out() const;
  std::string err() const;
  /// SIGKILL to the process and its process group. Done by the destructor too.
  void kill() { connection_.reset(); }
  int connection() const { return connection_.get(); }

 private:
  UniqueFd connection_;
  UniqueFd out_, err_;
  pid_t pid_;
  std::optional<int> status_;
};

}  // namespace postern::lab
