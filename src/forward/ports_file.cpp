#include "ports_file.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "postern/base/file.h"
#include "postern/base/log.h"

namespace postern::forward {

namespace {

bool is_same(const timespec& one, const timespec& other) { return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec; }

bool is_same(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino && one.st_size == other.st_size &&
         is_same(one.st_mtim, other.st_mtim) && is_same(one.st_ctim, other.st_ctim);
}

}  // namespace

PortsFile::PortsFile(loop::EventLoop& loop, std::string path)
    : path_(std::move(path)), source_(loop.make_source([this](uint32_t, uint32_t) { drain(); })) {}

Result<std::unique_ptr<PortsFile>> PortsFile::open(loop::EventLoop& loop, std::string path, std::function<void()> changed) {
  if (!path.starts_with('/')) return fail(path + ": the path of the published ports must be absolute");
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  std::unique_ptr<PortsFile> file(new PortsFile(loop, std::move(path)));
  file->watch_ = UniqueFd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!file->watch_) return fail_errno("inotify_init1");
  constexpr uint32_t kReplaced = IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR;
  if (::inotify_add_watch(file->watch_.get(), folder.c_str(), kReplaced) < 0) return fail_errno("watch", folder);
  POSTERN_CHECK(file->source_.watch(file->watch_.get(), EPOLLIN), "watch " + folder);
  file->refresh();
  file->changed_ = std::move(changed);
  return file;
}

/// What happened does not matter, only that it may have been to our file.
void PortsFile::drain() {
  std::array<char, 4096> events;
  while (::read(watch_.get(), events.data(), events.size()) > 0) continue;
  refresh();
}

/// It is looked at before it is read: replaced in between, it is another one the next time too.
void PortsFile::refresh() {
  struct stat now {};
  if (::stat(path_.c_str(), &now) < 0) now = {};
  if (is_same(now, seen_)) return;
  read(now);
  if (changed_) changed_();
}

/// A file that cannot be read leads nowhere: what it said before may be somebody else's address by now.
void PortsFile::read(const struct stat& seen) {
  seen_ = seen;
  targets_ = {};
  if (seen.st_ino == 0) return;
  const Result<std::string> text = S_ISREG(seen.st_mode) ? read_file(path_, kMostBytes) : fail(path_ + " is no file");
  if (!text) {
    log::warning("the loopback leads nowhere: {}", text.error().message());
    return;
  }
  LoopbackTargets::Reading reading = LoopbackTargets::parse(*text);
  complain(reading);
  targets_ = std::move(reading.targets);
}

/// Once, however often the file is replaced by one with the same faults.
void PortsFile::complain(const LoopbackTargets::Reading& reading) {
  std::string said;
  for (const auto& [line, what] : reading.complaints) said += fmt::format("{}{}: {}", said.empty() ? "" : "; ", line, what);
  if (reading.wrong_lines > reading.complaints.size()) {
    said += fmt::format("; and {} more", reading.wrong_lines - reading.complaints.size());
  }
  if (!said.empty() && said != told_) log::warning("{}: lines that are left out: {}", path_, said);
  told_ = std::move(said);
}

}  // namespace postern::forward
