// rules_watch.h - the loopback proxy sees when somebody takes away the rules that lead clients to it, and tells the system's log:
// it has the power to see it, and not to mend it.
#pragma once

#include <memory>

#include "postern/base/unique_fd.h"
#include "postern/loop/event_loop.h"
#include "postern/netfilter/table_watch.h"

namespace postern::forward {

class RulesWatch {
 public:
  /// Before the sandbox. Nothing: we may not watch, and say so at the level of debugging. The loop must outlive it.
  static std::unique_ptr<RulesWatch> open(loop::EventLoop& loop);

 private:
  /// A table that is replaced is away for less than that.
  static constexpr Duration kReplaced = std::chrono::seconds(1);

  RulesWatch(loop::EventLoop& loop, netfilter::TableWatch table, UniqueFd log);
  void look();
  void tell();

  loop::EventLoop& loop_;
  netfilter::TableWatch table_;
  UniqueFd log_;  // /dev/log, connected; empty: there is none
  loop::EventLoop::Source source_;
  loop::EventLoop::Timer bell_;
  bool is_there_ = true;
};

}  // namespace postern::forward
