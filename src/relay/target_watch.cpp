#include "postern/relay/target_watch.h"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace postern::relay {

namespace {

constexpr std::chrono::seconds kLookAgain{1};

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == path.npos ? "." : path.substr(0, slash + 1);
}

/// Where names come and go without a system call that inotify(7) would see.
bool is_virtual(const std::string& folder) {
  struct statfs filesystem {};
  return ::statfs(folder.c_str(), &filesystem) == 0 && filesystem.f_type == PROC_SUPER_MAGIC;
}

}  // namespace

TargetWatch::TargetWatch(loop::EventLoop& loop, std::function<void()> ended)
    : loop_(loop), ended_(std::move(ended)), look_again_(loop, [this] { look_at_path(); }) {}

Result<std::unique_ptr<TargetWatch>> TargetWatch::create(loop::EventLoop& loop, const Target& target,
                                                         std::function<void()> ended) {
  std::unique_ptr<TargetWatch> watch(new TargetWatch(loop, std::move(ended)));
  const auto* pid = std::get_if<pid_t>(&target);
  POSTERN_CHECK(pid ? watch->watch_process(*pid) : watch->watch_path(std::get<std::string>(target)), "watch the namespace");
  return watch;
}

Status TargetWatch::watch_process(pid_t pid) {
  descriptor_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!descriptor_) return fail_errno(fmt::format("process {}", pid));
  source_ = loop_.make_source([this](uint32_t, uint32_t) { report(); });
  return source_.watch(descriptor_.get(), EPOLLIN);
}

Status TargetWatch::watch_path(const std::string& path) {
  path_ = path;
  descriptor_ = UniqueFd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const std::string folder = folder_of(path);
  const uint32_t changes = IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE_SELF | IN_UNMOUNT | IN_ONLYDIR;
  inotify_is_blind_ = !descriptor_ || ::inotify_add_watch(descriptor_.get(), folder.c_str(), changes) < 0 || is_virtual(folder);
  POSTERN_TRY(identity, netns::identity_of(path), "watch");  // after the watch stands, so that nothing falls between
  identity_ = identity;
  if (inotify_is_blind_) {
    look_again_.set(loop_.now() + kLookAgain);
    return {};
  }
  source_ = loop_.make_source([this](uint32_t, uint32_t) { look_at_path(); });
  return source_.watch(descriptor_.get(), EPOLLIN);
}

bool TargetWatch::path_has_ended() const {
  const auto identity = netns::identity_of(path_);
  return !identity || !(*identity == identity_);
}

void TargetWatch::look_at_path() {
  std::array<char, 4096> events;  // what they say does not matter: the path itself is looked at
  while (!inotify_is_blind_ && ::read(descriptor_.get(), events.data(), events.size()) > 0) {
  }
  if (path_has_ended()) return report();
  if (inotify_is_blind_) look_again_.set(loop_.now() + kLookAgain);
}

void TargetWatch::report() {
  source_ = {};
  if (ended_) std::exchange(ended_, nullptr)();
}

}  // namespace postern::relay
