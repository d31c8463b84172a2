// machine.h - one host of a lab: run programs on it, open sockets on it.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "postern/base/result.h"

#include "door.h"
#include "process.h"

namespace postern::lab {

struct Command {
  std::vector<std::string> argv = {};
  Role role = Role::root;
  std::string input = {};                     // its standard input; empty is /dev/null
  std::vector<std::string> environment = {};  // "NAME=value", over that of the lab
  std::chrono::milliseconds limit = kPatience;
};

struct Outcome {
  int status = -1;  // as a shell gives it; kNotStarted and kTimedOut beside
  std::string out;
  std::string err;

  static constexpr int kNotStarted = -1;
  static constexpr int kTimedOut = -2;
  bool ok() const { return status == 0; }
};

class Machine {
 public:
  /// `netns`, where given, is a file of the lab that is a network namespace, instead of the place's own: container.h.
  Machine(std::string root, Place place, std::string netns = {})
      : root_(std::move(root)), place_(place), netns_(std::move(netns)) {}

  /// Runs it to its end, or kills it at its limit.
  Outcome run(const Command& command) const;
  Outcome run(std::vector<std::string> argv) const { return run(Command{.argv = std::move(argv)}); }
  Outcome run_as_user(std::vector<std::string> argv) const { return run(Command{.argv = std::move(argv), .role = Role::user}); }
  Outcome sh(std::string script, Role role = Role::root) const;
  Outcome sh_as_user(std::string script) const { return sh(std::move(script), Role::user); }
  /// Starts it and goes on; it is killed with the object. `limit` has no meaning here.
  Result<Process> spawn(const Command& command) const;
  /// The same with given descriptors as standard input, output and error, in the caller's session and folder.
  Result<Process> spawn_on(const Command& command, std::span<const int, 3> stdio) const;
  /// A socket that belongs to this machine's network namespace; binding below 1024 needs what it needs there.
  Result<UniqueFd> open_socket(int domain, int type, int protocol = 0) const;
  /// Where a path of the lab ("/run/lab/www/x") is found from outside. A symlink on the way that is absolute leads astray.
  std::string path(std::string_view inside) const { return root_ + std::string(inside); }
  Place place() const { return place_; }
  const std::string& netns() const { return netns_; }

 private:
  Result<Process> start(const RunRequest& request, std::span<const int, 3> stdio) const;

  std::string root_;  // "/proc/PID/root" from outside the lab, "" from within
  Place place_;
  std::string netns_;
};

/// The environment of a command: the caller's, with the lab's addresses (LAB_*), its HOME, USER, TMPDIR, PATH and `extra`.
std::vector<std::string> environment_for(Role role, std::span<const std::string> extra = {});

}  // namespace postern::lab
