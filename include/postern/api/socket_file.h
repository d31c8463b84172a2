// socket_file.h - the file of an AF_UNIX socket that is ours to remove.
//
// The folder is held by descriptor, for by the end its path may lead elsewhere or nowhere: the sandbox changes the root.
#pragma once

#include <sys/types.h>

#include <string>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::api {

class [[nodiscard]] SocketFile {
 public:
  SocketFile() = default;
  /// The place for one. Errors: `path` names no file; open(2)'s for its folder.
  static Result<SocketFile> at(const std::string& path);
  /// What bind(2) has just made there goes with the object, unless it is another file by then.
  Status claim();

  SocketFile(SocketFile&&) = default;
  SocketFile& operator=(SocketFile&&) = delete;
  ~SocketFile();
  /// By which it is removed, by unlinkat(2): what a sandbox has to let pass. -1: there is no file.
  int folder() const { return folder_.get(); }

 private:
  SocketFile(UniqueFd folder, std::string name) : folder_(std::move(folder)), name_(std::move(name)) {}

  UniqueFd folder_;
  std::string name_;
  dev_t device_ = 0;
  ino_t inode_ = 0;  // 0: none is ours
};

}  // namespace postern::api
