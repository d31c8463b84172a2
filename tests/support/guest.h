// guest.h - a namespace that `postern run` connects for as long as the object lives; programs run inside one after another.
//
//   host of the lab                    | the guest: user, network and mount namespaces of postern's making
//   postern run ... -- sleep infinity  |   sleep, and beside it whatever run() and spawn() start
#pragma once

#include <string>
#include <vector>

#include "machine.h"
#include "process.h"

namespace postern::lab {

struct GuestConfig {
  std::vector<std::string> options = {};  // of `postern run`
  Role role = Role::user;                 // who types it
  std::string before = {};                // shell commands before it: "ulimit -n 100"
};

class Guest {
 public:
  /// Returns when the command inside runs, which is when the network works.
  static Result<Guest> start(const Machine& host, const GuestConfig& config = {});

  Outcome run(Command command) const { return host_.run(inside(std::move(command))); }
  Outcome run(std::vector<std::string> argv) const { return run(Command{.argv = std::move(argv)}); }
  Outcome sh(std::string script) const { return run({"sh", "-c", std::move(script)}); }
  Result<Process> spawn(Command command) const { return host_.spawn(inside(std::move(command))); }

  const Process& postern() const { return postern_; }
  /// For how long postern has run or waited for its turn to: on a busy machine too, one that spins does so all the time.
  std::chrono::nanoseconds time_not_asleep() const;
  size_t resident_bytes() const;
  size_t open_sockets() const;

 private:
  Guest(const Machine& host, Process postern, Role role, std::string target)
      : host_(host), postern_(std::move(postern)), role_(role), target_(std::move(target)) {}
  Command inside(Command command) const;
  std::string proc(std::string_view file) const;

  Machine host_;
  Process postern_;
  Role role_;
  std::string target_;  // a process of the guest, as nsenter(1) wants it
};

}  // namespace postern::lab
