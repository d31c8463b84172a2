// visit.h - being in another network namespace for a while, and coming back. setns(2).
#pragma once

#include <utility>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::netns {

/// The calling thread is in the other network namespace as long as this lives; its user namespace, mounts and descriptors stay
/// what they are. What it opens there (sockets, files under /proc/sys/net) stays tied to that namespace.
class [[nodiscard]] Visit {
 public:
  /// Errors: EPERM without CAP_SYS_ADMIN, in our user namespace and in the one that owns `network`; EINVAL, it is none.
  static Result<Visit> begin(const UniqueFd& network);
  Visit(Visit&& other) noexcept : home_(std::move(other.home_)) {}
  Visit& operator=(Visit&&) = delete;
  /// Ends the process where the way back is closed: to go on in a stranger's namespace would be worse.
  ~Visit();

 private:
  explicit Visit(UniqueFd home) : home_(std::move(home)) {}
  UniqueFd home_;
};

}  // namespace postern::netns
