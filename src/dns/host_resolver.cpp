#include "postern/dns/host_resolver.h"

#include <net/if.h>

#include <cerrno>

#include "postern/base/file.h"

namespace postern::dns {

namespace {

constexpr size_t kMostBytes = 65'536;  // a C library reads on; three lines are all it takes

bool is_same_time(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

/// The time of the last change of the inode too: that of the text can be put back, utimensat(2). A text of the same length that
/// is written over the old one within the same tick of the kernel's clock, 4 ms, looks the same all the same.
bool is_same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size && is_same_time(a.st_mtim, b.st_mtim) &&
         is_same_time(a.st_ctim, b.st_ctim);
}

/// What is no regular file says nothing, as /dev/null does. Of one that is too long the line that is cut is left out: half an
/// address would be another's. Errors: open(2)'s and read(2)'s.
Result<std::string> read_lines(const std::string& path, const struct stat& file) {
  if (!S_ISREG(file.st_mode)) return std::string();
  POSTERN_TRY(text, read_file(path, kMostBytes), "nameservers");
  if (text.size() == kMostBytes) text.erase(text.rfind('\n') + 1);
  return text;
}

uint32_t index_of_link(const std::string& name) { return ::if_nametoindex(name.c_str()); }

}  // namespace

HostResolver::HostResolver(const std::vector<NameServer>& chosen, std::string path)
    : path_(std::move(path)), follows_file_(chosen.empty()) {
  choice_.replace(chosen);
}

ServerChoice& HostResolver::look() {
  if (!follows_file_) return choice_;
  struct stat file {};
  const bool is_there = ::stat(path_.c_str(), &file) == 0;
  if (!is_there && errno != ENOENT && errno != ENOTDIR) return choice_;
  if (!is_there) file = {};
  if (is_same_file(file, seen_)) return choice_;
  const auto text = is_there ? read_lines(path_, file) : std::string();
  if (!text) return choice_;
  seen_ = file;
  choice_.replace(read_servers(*text, index_of_link));
  return choice_;
}

}  // namespace postern::dns
