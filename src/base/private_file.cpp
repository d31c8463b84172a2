#include "postern/base/private_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace postern {

namespace {

Status remove_own(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) < 0) return errno == ENOENT ? Status() : Status(fail_errno("look at", path));
  if (!S_ISREG(found.st_mode)) return fail(fmt::format("{} is no ordinary file", path));
  if (found.st_uid != ::geteuid()) return fail(fmt::format("{} belongs to another user ({})", path, found.st_uid));
  return ::unlink(path.c_str()) < 0 ? Status(fail_errno("replace", path)) : Status();
}

}  // namespace

Result<UniqueFd> replace_private_file(const std::string& path) {
  if (const Status removed = remove_own(path); !removed) return Failure(removed.error());
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail_errno("create", path);
  return fd;
}

}  // namespace postern
