#include "postern/relay/target_watch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string_view>

namespace postern::relay {

namespace {

constexpr std::chrono::seconds kLookAgain{1};

/// Whether only a mount of our own mount namespace can change what the path names; otherwise a link can, such as those of
/// /proc/PID/ns, or a mount of another namespace, behind /proc/PID/root.
bool is_ours_by_mount(const std::string& path) {
  struct stat status {};
  const bool is_link = ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
  return !is_link && !std::string_view(path).starts_with("/proc/");
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
  if (is_ours_by_mount(path)) descriptor_ = UniqueFd(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  POSTERN_TRY(identity, netns::identity_of(path), "watch");  // after the table is open, so that nothing falls between
  identity_ = identity;
  if (!descriptor_) {
    look_again_.set(loop_.now() + kLookAgain);
    return {};
  }
  source_ = loop_.make_source([this](uint32_t, uint32_t) { look_at_path(); });
  return source_.watch(descriptor_.get(), EPOLLPRI);  // on every mount and unmount, proc(5)
}

bool TargetWatch::path_has_ended() const {
  const auto identity = netns::identity_of(path_);
  return !identity || !(*identity == identity_);
}

void TargetWatch::look_at_path() {
  if (path_has_ended()) return report();
  if (!descriptor_) look_again_.set(loop_.now() + kLookAgain);
}

void TargetWatch::report() {
  source_ = {};
  if (ended_) std::exchange(ended_, nullptr)();
}

}  // namespace postern::relay
