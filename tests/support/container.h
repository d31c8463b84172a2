// container.h - a network namespace with one process in it, on the host of a lab: what an engine of containers has made before
// it asks for a network. It has nothing but a loopback that is down.
//
//   host of the lab                                | the container: a network namespace, everything else the host's
//   what looks for it finds path()                 |   sleep, and beside it whatever run() and spawn() start
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "machine.h"
#include "process.h"

namespace postern::lab {

class [[nodiscard]] Container : public Machine {
 public:
  static Result<Container> start(const Machine& host);

  pid_t pid() const { return process_.pid(); }         // in the lab
  const std::string& path() const { return netns(); }  // "/proc/PID/ns/net", in the lab
  std::string pid_text() const { return std::to_string(pid()); }
  /// Its process ends, and its namespace with it unless something else is in there; what is here stays but answers nothing.
  void end();

 private:
  Container(Machine inside, Process process) : Machine(std::move(inside)), process_(std::move(process)) {}

  Process process_;
};

}  // namespace postern::lab
