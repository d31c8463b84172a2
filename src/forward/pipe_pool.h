// pipe_pool.h - pipes through which splice(2) moves bulk from socket to socket, pipe(7). A connection has one for as long as
// bytes are in it: so few serve many, and who gets none copies.
#pragma once

#include <memory>
#include <vector>

#include "postern/base/unique_fd.h"

namespace postern::forward {

class PipePool {
 public:
  explicit PipePool(size_t most) : most_(most) {}

  struct Pipe {
    UniqueFd read_end, write_end;
    size_t bytes = 0;  // that are in it
  };
  /// Gives back what is empty, and closes what is not. The pool must outlive what it has lent.
  struct Return {
    PipePool* pool = nullptr;
    void operator()(Pipe* pipe) const { pool->take_back(std::unique_ptr<Pipe>(pipe)); }
  };
  using Lease = std::unique_ptr<Pipe, Return>;

  /// An empty one, non-blocking at both ends. None: `most` are lent, or there is no descriptor left.
  Lease lend();
  /// Closes those that nobody has.
  void trim() { idle_.clear(); }

 private:
  void take_back(std::unique_ptr<Pipe> pipe);
  static std::unique_ptr<Pipe> make();

  size_t most_, lent_ = 0;
  std::vector<std::unique_ptr<Pipe>> idle_;
};

}  // namespace postern::forward
