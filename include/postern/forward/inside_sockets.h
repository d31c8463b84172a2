// inside_sockets.h - sockets that are in the namespace, while we are not: a helper makes them there and hands them out.
//
//   our process: host's namespaces          helper: entered the namespace before the sandbox, has no power over it any more
//     take() ◄─ 32 of a family wait ◄══ SCM_RIGHTS ══ socket(2), eight at a time
//
// Why a helper: entering is for good. It holds one end of a socket pair and nothing else, may make stream sockets, send them and
// wait, and ends when we do, however we end.
#pragma once

#include <sys/socket.h>

#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "postern/forward/socket_source.h"
#include "postern/loop/event_loop.h"
#include "postern/netns/namespace.h"
#include "postern/process/child.h"

namespace postern::forward {

class InsideSockets final : public SocketSource {
 public:
  static constexpr size_t kKept = 32;  // of each family, once one of it was asked for
  static constexpr size_t kMostKept = 2 * kKept;
  static constexpr Duration kRest = std::chrono::milliseconds(100);  // where one of us had no descriptors left, or no memory

  /// Starts the helper. The loop must outlive this. To be called before the sandbox; errors: socketpair(2)'s, clone(2)'s.
  static Result<std::unique_ptr<InsideSockets>> create(loop::EventLoop& loop, const netns::NamespaceHandle& target);
  InsideSockets(const InsideSockets&) = delete;
  InsideSockets& operator=(const InsideSockets&) = delete;

  UniqueFd take(int family) override;
  /// The helper could not enter the namespace, has ended, or was given up.
  bool has_ended() const override { return !helper_; }
  /// It is stopped, or busy with what is not its business.
  bool is_silent(Duration limit) const override { return asked_at_ && loop_.now() - *asked_at_ >= limit; }
  /// Kills it: from now on there are no sockets but those that wait here.
  void give_up(std::string_view why) override;

 private:
  struct Pool {
    std::vector<UniqueFd> sockets;
    size_t asked_for = 0;
    bool is_used = false;
  };
  InsideSockets(loop::EventLoop& loop, process::Child helper, UniqueFd channel);
  Pool& pool(int family) { return pools_[family == AF_INET ? 0 : 1]; }
  void ask(int family);
  void receive();
  bool receive_once();
  void rest();
  void wake();

  loop::EventLoop& loop_;
  process::Child helper_;
  UniqueFd channel_;
  loop::EventLoop::Source source_;
  std::array<Pool, 2> pools_;
  loop::EventLoop::Timer alarm_;
  bool rests_ = false;
  std::optional<TimePoint> asked_at_;  // or heard of since; nothing: nothing is asked for
};

}  // namespace postern::forward
