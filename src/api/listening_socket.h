// listening_socket.h - an AF_UNIX listener and its name in the world: made here, taken away with the object.
#pragma once

#include <sys/types.h>

#include <string>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::api {

/// A file that is ours to remove. The folder is held by descriptor, for by the end its path may lead elsewhere or nowhere:
/// the sandbox changes the root.
class [[nodiscard]] SocketFile {
 public:
  SocketFile() = default;
  SocketFile(UniqueFd folder, std::string name, dev_t device, ino_t inode)
      : folder_(std::move(folder)), name_(std::move(name)), device_(device), inode_(inode) {}
  SocketFile(SocketFile&&) = default;
  SocketFile& operator=(SocketFile&&) = delete;
  ~SocketFile();

  int folder() const { return folder_.get(); }

 private:
  UniqueFd folder_;
  std::string name_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

struct ListeningSocket {
  UniqueFd fd;
  SocketFile file;
};

/// Both non-blocking and close-on-exec.
Result<ListeningSocket> listen_at(const std::string& path);
Result<ListeningSocket> listen_abstract(const std::string& name);

}  // namespace postern::api
