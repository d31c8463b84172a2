// socket_source.h - where a Splicer gets the sockets by which it connects: out of the namespace (inside_sockets.h), or its own.
#pragma once

#include <functional>
#include <string_view>

#include "postern/base/clock.h"
#include "postern/base/unique_fd.h"

namespace postern::forward {

class SocketSource {
 public:
  virtual ~SocketSource() = default;

  /// A stream socket, non-blocking. Empty: there will be more, of which is told, unless the source has ended.
  virtual UniqueFd take(int family) = 0;
  /// There will never be one again.
  virtual bool has_ended() const = 0;
  /// Nothing has come for `limit`, though something was asked for.
  virtual bool is_silent(Duration limit) const = 0;
  /// Ends it, and says `why` in a warning.
  virtual void give_up(std::string_view why) = 0;

  /// `came` is called from the loop when there are more, or when there will never be.
  void tell(std::function<void()> came) { came_ = std::move(came); }

 protected:
  void tell_that_more_came() const {
    if (came_) came_();
  }

 private:
  std::function<void()> came_;
};

}  // namespace postern::forward
