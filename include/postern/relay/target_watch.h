// target_watch.h - notices that the namespace we were given has ended for those who gave it.
//
// The TAP cannot tell: its own descriptor keeps the namespace alive. So a process is watched by pidfd, and a path by what it
// names: once that is unmounted, or another namespace, it has ended. A namespace has a place in the file system only by a mount
// (ip-netns(8)), so the table of mounts tells; inotify(7) would not see a mount come or go. The path's folder is held open, so
// that it can be looked at also from behind a sandbox, which shows no such path.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "postern/loop/event_loop.h"
#include "postern/netns/namespace.h"

namespace postern::relay {

/// A process, or the path of a network namespace.
using Target = std::variant<pid_t, std::string>;

class TargetWatch {
 public:
  /// `ended` is called once, from the loop. The loop must outlive the watch. Errors: ESRCH, ENOENT.
  static Result<std::unique_ptr<TargetWatch>> create(loop::EventLoop& loop, const Target& target, std::function<void()> ended);

 private:
  TargetWatch(loop::EventLoop& loop, std::function<void()> ended);
  Status watch_process(pid_t pid);
  Status watch_path(const std::string& path);
  bool path_has_ended() const;
  void look_at_path();
  void report();

  loop::EventLoop& loop_;
  std::function<void()> ended_;
  UniqueFd descriptor_;  // pidfd, or the table of mounts
  loop::EventLoop::Source source_;
  loop::EventLoop::Timer look_again_;
  UniqueFd folder_;  // and the name in it: the path, its links followed
  std::string name_;
  netns::FileIdentity identity_;
};

}  // namespace postern::relay
