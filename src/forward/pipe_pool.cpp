#include "pipe_pool.h"

#include <fcntl.h>

#include "pump.h"

namespace postern::forward {

/// A user who has many pipes is refused a larger one (fs.pipe-user-pages-soft): then it is as small as all are at first.
std::unique_ptr<PipePool::Pipe> PipePool::make() {
  int ends[2];
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) return nullptr;
  auto pipe = std::make_unique<Pipe>();
  pipe->read_end = UniqueFd(ends[0]);
  pipe->write_end = UniqueFd(ends[1]);
  (void)::fcntl(pipe->write_end.get(), F_SETPIPE_SZ, Pump::kMostInPipe);
  return pipe;
}

PipePool::Lease PipePool::lend() {
  if (lent_ == most_) return {};
  std::unique_ptr<Pipe> pipe;
  if (idle_.empty()) {
    pipe = make();
  } else {
    pipe = std::move(idle_.back());
    idle_.pop_back();
  }
  if (!pipe) return {};
  ++lent_;
  return {pipe.release(), Return{this}};
}

void PipePool::take_back(std::unique_ptr<Pipe> pipe) {
  --lent_;
  if (pipe->bytes == 0) idle_.push_back(std::move(pipe));
}

}  // namespace postern::forward
