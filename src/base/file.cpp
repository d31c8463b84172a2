#include "postern/base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

namespace postern {

Result<std::string> read_file(const std::string& path, size_t most) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return fail_errno("open", path);
  std::string text;
  std::array<char, 4096> chunk;
  while (text.size() < most) {
    const ssize_t size = ::read(file.get(), chunk.data(), std::min(chunk.size(), most - text.size()));
    if (size == 0) break;
    if (size < 0) return fail_errno("read", path);
    text.append(chunk.data(), static_cast<size_t>(size));
  }
  return text;
}

Status write_file(const std::string& path, std::string_view text) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return fail_errno("open", path);
  if (::write(file.get(), text.data(), text.size()) < 0) return fail_errno("write", path);
  return {};
}

Status write_all(int fd, std::string_view& rest, const std::string& name) {
  while (!rest.empty()) {
    const ssize_t written = ::write(fd, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno("write to", name);
    rest.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

std::optional<std::string> read_link(const std::string& path) {
  std::array<char, PATH_MAX> target;
  const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  if (size < 0) return std::nullopt;
  return std::string(target.data(), static_cast<size_t>(size));
}

std::string path_of(const UniqueFd& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

}  // namespace postern
