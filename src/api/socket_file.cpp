#include "postern/api/socket_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace postern::api {

Result<SocketFile> SocketFile::at(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string name = slash == path.npos ? path : path.substr(slash + 1);
  const std::string folder = slash == path.npos ? "." : path.substr(0, slash + 1);
  if (name.empty()) return fail(std::errc::invalid_argument, fmt::format("socket path \"{}\" names no file", path));
  UniqueFd folder_fd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder_fd) return fail_errno("open the folder of", path);
  return SocketFile(std::move(folder_fd), name);
}

Status SocketFile::claim() {
  struct stat made {};
  if (::fstatat(folder_.get(), name_.c_str(), &made, AT_SYMLINK_NOFOLLOW) < 0) return fail_errno("look at", name_);
  device_ = made.st_dev;
  inode_ = made.st_ino;
  return {};
}

SocketFile::~SocketFile() {
  struct stat found {};
  if (!folder_ || ::fstatat(folder_.get(), name_.c_str(), &found, AT_SYMLINK_NOFOLLOW) < 0) return;
  if (found.st_dev == device_ && found.st_ino == inode_) ::unlinkat(folder_.get(), name_.c_str(), 0);
}

}  // namespace postern::api
