// inheritance.cpp - reads /proc/self/fd for what is open; without /proc nothing is known and nothing is closed.
#include "postern/process/inheritance.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace postern::process {

void occupy_closed_streams() {
  for (int fd = 0; fd >= 0 && fd <= STDERR_FILENO;) {
    fd = ::open("/dev/null", O_PATH | O_CLOEXEC);  // the lowest number that is free
    if (fd > STDERR_FILENO) UniqueFd(fd).reset();
  }
}

Inheritance Inheritance::take() {
  Inheritance inheritance;
  ::sigprocmask(SIG_SETMASK, nullptr, &inheritance.signal_mask_);
  ::sigaction(SIGPIPE, nullptr, &inheritance.broken_pipe_);
  ::getrlimit(RLIMIT_NOFILE, &inheritance.file_limit_);
  const auto close_directory = [](DIR* directory) { ::closedir(directory); };
  const std::unique_ptr<DIR, decltype(close_directory)> open_files(::opendir("/proc/self/fd"), close_directory);
  if (!open_files) return inheritance;
  while (const dirent* entry = ::readdir(open_files.get())) {
    const int fd = std::atoi(entry->d_name);
    if (fd > STDERR_FILENO && fd != ::dirfd(open_files.get())) inheritance.descriptors_.push_back(fd);
  }
  return inheritance;
}

void Inheritance::restore_signals() const {
  ::sigaction(SIGPIPE, &broken_pipe_, nullptr);
  ::sigprocmask(SIG_SETMASK, &signal_mask_, nullptr);
}

void Inheritance::restore_file_limit() const { ::setrlimit(RLIMIT_NOFILE, &file_limit_); }

void Inheritance::let_go(std::initializer_list<int> kept) const {
  for (const int fd : descriptors_) {
    if (std::find(kept.begin(), kept.end(), fd) == kept.end()) UniqueFd(fd).reset();
  }
  const UniqueFd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!nothing) return;
  ::dup2(nothing.get(), STDIN_FILENO);
  ::dup2(nothing.get(), STDOUT_FILENO);
}

void ignore_broken_pipes() {
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, nullptr);
}

size_t raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) < 0) return 1024;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<size_t>(limit.rlim_cur);
}

ForegroundGuard::ForegroundGuard() {
  UniqueFd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (terminal && ::tcgetpgrp(terminal.get()) == ::getpgrp()) terminal_ = std::move(terminal);
}

ForegroundGuard::~ForegroundGuard() {
  if (!terminal_ || ::tcgetpgrp(terminal_.get()) == ::getpgrp()) return;
  sigset_t background_write;
  sigemptyset(&background_write);
  sigaddset(&background_write, SIGTTOU);  // tcsetpgrp(3) from the background would stop us
  ::sigprocmask(SIG_BLOCK, &background_write, nullptr);
  ::tcsetpgrp(terminal_.get(), ::getpgrp());
}

}  // namespace postern::process
