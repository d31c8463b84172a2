// inheritance.h - what the caller handed us and a program we start must find unchanged: signals, terminal, descriptors.
#pragma once

#include <signal.h>
#include <sys/resource.h>

#include <initializer_list>
#include <vector>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::process {

/// First thing in main(): gives the numbers 0 to 2 that the caller left closed to something on which every call fails as on a
/// closed one (and for which poll(2) says POLLNVAL), so that nothing of ours gets them. A program that we start finds them
/// closed.
void occupy_closed_streams();

/// Taken once, before anything of ours is opened or changed.
class Inheritance {
 public:
  static Inheritance take();

  /// Gives the calling process back what the caller had, last thing before exec: the signal mask and what SIGPIPE does; the file
  /// limit.
  void restore_signals() const;
  void restore_file_limit() const;
  /// Closes the descriptors above 2 that the caller left open, except `kept`, and points standard input and output to /dev/null:
  /// the relay must not hold a pipe open that the command has closed.
  void let_go(std::initializer_list<int> kept) const;

 private:
  sigset_t signal_mask_{};
  struct sigaction broken_pipe_ {};
  rlimit file_limit_{};
  std::vector<int> descriptors_;
};

/// From now on a write to a pipe or a socket whose other end has gone fails with EPIPE and nothing more: neither who reads
/// --ready-fd or standard error ends a network by leaving, nor do the peers of libslirp's sockets.
void ignore_broken_pipes();

/// Raises RLIMIT_NOFILE's soft limit to the hard one; a relay spends a descriptor a flow. Returns the limit now in force.
size_t raise_file_limit();

/// The terminal's foreground process group when we started; gives it back when it goes, if a shell we ran had taken it.
class ForegroundGuard {
 public:
  ForegroundGuard();
  ForegroundGuard(const ForegroundGuard&) = delete;
  ForegroundGuard& operator=(const ForegroundGuard&) = delete;
  ~ForegroundGuard();

 private:
  UniqueFd terminal_;  // empty if there is none, or if we were in the background
};

}  // namespace postern::process
