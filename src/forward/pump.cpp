#include "pump.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

namespace postern::forward {

void SplicedEnd::take(uint32_t events) {
  const bool ended = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  can_read |= ended || (events & EPOLLIN) != 0;
  can_write |= (events & EPOLLOUT) != 0;
  reads_stop_short |= ended || (events & EPOLLPRI) != 0;  // before an urgent mark too, tcp(7)
  has_failed |= (events & EPOLLERR) != 0;
}

Pump::Step Pump::send_kept(SplicedEnd& to) {
  if (pipe_) return empty_pipe(to);
  if (kept_.empty()) return Step::go_on;
  if (!to.can_write) return Step::waits;
  const ssize_t sent = ::send(to.socket.get(), kept_.data() + sent_, kept_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) return Step::broken;
  if (sent > 0) sent_ += static_cast<size_t>(sent);
  to.can_write = sent_ == kept_.size();
  if (!to.can_write) return Step::waits;
  kept_ = {};
  sent_ = 0;
  return Step::go_on;
}

Pump::Step Pump::empty_pipe(SplicedEnd& to) {
  if (!to.can_write) return Step::waits;
  while (pipe_->bytes != 0) {
    const ssize_t moved =
        ::splice(pipe_->read_end.get(), nullptr, to.socket.get(), nullptr, pipe_->bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (moved < 0 && errno != EAGAIN) return Step::broken;
    to.can_write = moved > 0;
    if (!to.can_write) return Step::waits;
    pipe_->bytes -= static_cast<size_t>(moved);
  }
  pipe_.reset();
  return Step::go_on;
}

/// Before an urgent mark splice(2) seems to have come to the end: so what it does not give is asked for by copying.
Pump::Step Pump::move_pages(SplicedEnd& from, SplicedEnd& to, const Tools& tools) {
  pipe_ = tools.pipes.lend();
  if (!pipe_) return copy(from, to, tools.scratch);
  const ssize_t moved = ::splice(from.socket.get(), nullptr, pipe_->write_end.get(), nullptr, size_t{kMostInPipe},
                                 SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  is_bulk_ = moved > static_cast<ssize_t>(kLittle);
  if (moved <= 0) {
    pipe_.reset();
    return copy(from, to, tools.scratch);
  }
  pipe_->bytes = static_cast<size_t>(moved);
  bytes_ += pipe_->bytes;
  return empty_pipe(to);
}

Pump::Step Pump::copy(SplicedEnd& from, SplicedEnd& to, wire::MutableBytes scratch) {
  const ssize_t received = ::recv(from.socket.get(), scratch.data(), scratch.size(), MSG_DONTWAIT);
  if (received < 0) {
    from.can_read = false;
    return errno == EAGAIN ? Step::waits : Step::broken;
  }
  has_read_all_ = received == 0;
  if (has_read_all_) return Step::go_on;
  const auto bytes = static_cast<size_t>(received);
  from.can_read = bytes == scratch.size() || from.reads_stop_short;
  is_bulk_ = bytes >= kMuch;
  bytes_ += bytes;
  const ssize_t result = ::send(to.socket.get(), scratch.data(), bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (result < 0 && errno != EAGAIN) return Step::broken;
  const size_t sent = result > 0 ? static_cast<size_t>(result) : 0;
  if (sent == bytes) return Step::go_on;
  to.can_write = false;
  kept_.assign(scratch.begin() + static_cast<ptrdiff_t>(sent), scratch.begin() + static_cast<ptrdiff_t>(bytes));
  return Step::waits;
}

Pump::Outcome Pump::run(SplicedEnd& from, SplicedEnd& to, const Tools& tools) {
  if (is_shut_) return Outcome::ended;
  Step step = send_kept(to);
  for (const uint64_t begin = bytes_; step == Step::go_on && !has_read_all_;) {
    if (!from.can_read || !to.can_write) return Outcome::waits;
    if (bytes_ - begin >= kShare) return Outcome::more;
    step = is_bulk_ && !from.reads_stop_short ? move_pages(from, to, tools) : copy(from, to, tools.scratch);
  }
  if (step == Step::broken) return Outcome::broken;
  if (step == Step::waits) return Outcome::waits;
  ::shutdown(to.socket.get(), SHUT_WR);
  is_shut_ = true;
  return Outcome::ended;
}

}  // namespace postern::forward
