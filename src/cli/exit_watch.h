// exit_watch.h - the descriptor by whose other end's closing a caller ends us: slirp4netns's --exit-fd.
//
// The contract is poll(2)'s without any event asked for: a hang-up, an error, or a number that is not open; never data. epoll(7)
// reports the first two alike; a number that is not open it refuses, which is the event, and a regular file too, which never has
// one.
#pragma once

#include <functional>

#include "postern/loop/event_loop.h"

namespace postern::cli {

class ExitWatch {
 public:
  /// As poll(2) sees it. Asked before anything of ours is opened, which could take a number that the caller left closed.
  static bool is_open(int fd);

  /// `over` is called from the loop, once. `fd` is open. The loop must outlive the watch.
  Status begin(loop::EventLoop& loop, int fd, std::function<void()> over);

 private:
  loop::EventLoop::Source source_;
};

}  // namespace postern::cli
