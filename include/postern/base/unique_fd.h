// unique_fd.h - the owner of one file descriptor: there is no bare close() in Postern.
#pragma once

#include <unistd.h>

#include <utility>

namespace postern {

/// Owns one descriptor and closes it when it goes; -1 is empty. close(2) is never retried: Linux frees the number even on EINTR.
class [[nodiscard]] UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd() {
    if (fd_ >= 0) ::close(fd_);
  }

  explicit operator bool() const noexcept { return fd_ >= 0; }
  int get() const noexcept { return fd_; }
  /// Gives the descriptor up to the caller, who closes it.
  int release() noexcept { return std::exchange(fd_, -1); }
  void reset() noexcept { *this = UniqueFd(); }

 private:
  int fd_ = -1;
};

}  // namespace postern
