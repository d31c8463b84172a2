// signals.h - signals as events of the loop, signalfd(2).
#pragma once

#include <signal.h>

#include <functional>
#include <initializer_list>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::process {

struct Signal {
  int number;
  /// A key at the terminal: the kernel told the whole foreground process group, not us alone. A hang-up is not meant: of that it
  /// tells the session's leader, and we may be that.
  bool from_terminal;
};

/// No signal blocked, none ignored: what a program that has nothing to do with our caller is started with. Before exec.
void restore_default_signals();

class SignalSource {
 public:
  /// From now on `numbers` no longer interrupt the process; they wait to be read. A child inherits that: see
  /// Inheritance::restore_signals.
  static Result<SignalSource> open(std::initializer_list<int> numbers);

  int fd() const { return fd_.get(); }
  /// Hands over each signal that waits; never blocks.
  void drain(const std::function<void(const Signal&)>& handle) const;

 private:
  explicit SignalSource(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace postern::process
