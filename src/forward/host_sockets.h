// host_sockets.h - sockets of the network namespace that we are in ourselves: what is behind them can be reached from here.
#pragma once

#include "postern/forward/socket_source.h"
#include "postern/loop/event_loop.h"

namespace postern::forward {

class HostSockets final : public SocketSource {
 public:
  static constexpr Duration kRest = std::chrono::milliseconds(100);  // where there were no descriptors left, or no memory

  /// The loop must outlive this.
  explicit HostSockets(loop::EventLoop& loop) : loop_(loop), alarm_(loop, [this] { tell_that_more_came(); }) {}

  UniqueFd take(int family) override;
  bool has_ended() const override { return false; }
  bool is_silent(Duration) const override { return false; }
  void give_up(std::string_view) override {}

 private:
  loop::EventLoop& loop_;
  loop::EventLoop::Timer alarm_;
};

}  // namespace postern::forward
