// errand.h - what a child of ours does for us where strangers may get in its way: it takes no more memory and time than it may,
// and where not even SIGKILL ends it, it is left behind.
//
// What it goes near is somebody else's: a ruleset of any size, a process table in which he may stop it, a file whose close(2)
// waits in the kernel for a file system of his.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "postern/base/clock.h"
#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::inspect {

struct Limits {
  std::chrono::milliseconds time{5000};
  size_t memory_bytes = size_t{512} << 20;  // beyond what we have ourselves
};

/// For many errands, one after the other: each may take a quarter of what is left, so that neither one nor many that hang can
/// make them last longer than `whole`. A time of 0 or less: it is used up.
class Patience {
 public:
  explicit Patience(Duration whole) : end_(Clock::now() + whole) {}
  Limits next() const {
    Limits limits;
    limits.time = std::min(limits.time, std::chrono::duration_cast<std::chrono::milliseconds>((end_ - Clock::now()) / 4));
    return limits;
  }

 private:
  TimePoint end_;
};

struct Errand {
  std::string brought;  // what it had written until it ended
  enum class Ending { done, died, late } ending = Ending::done;
};

/// Runs `body` in a child; it is done if `body` returns 0. Errors: those of fork(2) and memfd_create(2).
Result<Errand> run_errand(const Limits& limits, const std::function<int(const UniqueFd& memory)>& body);

/// For `body`. All of the bytes.
Status write_all(const UniqueFd& memory, std::string_view bytes);
/// For a `body` that may hang in the kernel: it may outlive us, and must then hold nobody's pipe open.
void close_all_but(const UniqueFd& memory);

}  // namespace postern::inspect
