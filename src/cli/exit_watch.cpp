#include "exit_watch.h"

#include <poll.h>

#include <utility>

namespace postern::cli {

bool ExitWatch::is_open(int fd) {
  pollfd asked{.fd = fd, .events = 0, .revents = 0};
  return ::poll(&asked, 1, 0) == 0 || !(asked.revents & POLLNVAL);
}

Status ExitWatch::begin(loop::EventLoop& loop, int fd, std::function<void()> over) {
  source_ = loop.make_source([this, fd, over = std::move(over)](uint32_t, uint32_t) {
    source_.unwatch(fd);  // it stays closed, and would be reported in every turn
    over();
  });
  Status watched = source_.watch(fd, 0);
  if (!watched && watched.error().is(std::errc::operation_not_permitted)) return {};  // a regular file never hangs up
  return watched;
}

}  // namespace postern::cli
