// ports_file.h - the file `ports` of the state folder, as it is now: read again whenever it was replaced.
//
// Who publishes a port renames a new file over the old one before he leads clients here. So a look at it with every client sees
// the port in time; and inotify(7) wakes us for what has to be ready before a client comes.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <memory>
#include <string>

#include "postern/base/unique_fd.h"
#include "postern/loop/event_loop.h"

#include "loopback_targets.h"

namespace postern::forward {

class PortsFile {
 public:
  static constexpr size_t kMostBytes = size_t{16} << 20;

  /// `path` is absolute; its folder must exist, the file need not. `changed` is called whenever it was read again, but for the
  /// first time. Before the sandbox. Errors: inotify_init1(2)'s, inotify_add_watch(2)'s.
  static Result<std::unique_ptr<PortsFile>> open(loop::EventLoop& loop, std::string path, std::function<void()> changed);
  PortsFile(const PortsFile&) = delete;
  PortsFile& operator=(const PortsFile&) = delete;

  /// Reads it again if it is another one.
  void refresh();
  const LoopbackTargets& targets() const { return targets_; }

 private:
  PortsFile(loop::EventLoop& loop, std::string path);
  void read(const struct stat& seen);
  void complain(const LoopbackTargets::Reading& reading);
  void drain();

  std::string path_;
  std::function<void()> changed_;
  UniqueFd watch_;
  loop::EventLoop::Source source_;
  struct stat seen_ {};  // all zero: there is no file
  LoopbackTargets targets_;
  std::string told_;
};

}  // namespace postern::forward
