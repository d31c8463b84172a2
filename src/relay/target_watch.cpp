#include "postern/relay/target_watch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string_view>

#include "postern/base/file.h"

namespace postern::relay {

namespace {

constexpr std::chrono::seconds kLookAgain{1};

constexpr int kMostLinks = 40;  // path_resolution(7)

struct Place {
  std::string folder, name;
  std::string path() const { return folder + "/" + name; }
};

Place split(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == path.npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

/// The links of /proc/PID/ns and /proc/PID/root lead where no path does.
bool is_in_proc(const Place& place) { return std::string_view(place.folder).starts_with("/proc/"); }

Place follow(const std::string& path) {
  Place place = split(path);
  for (int links = 0; links < kMostLinks && !is_in_proc(place); ++links) {
    const auto target = read_link(place.path());
    if (!target) break;
    place = split(target->starts_with('/') ? *target : place.folder + "/" + *target);
  }
  return place;
}

Result<netns::FileIdentity> identity_in(const UniqueFd& folder, const std::string& name) {
  struct stat status {};
  if (::fstatat(folder.get(), name.c_str(), &status, 0) < 0) return fail_errno("stat", name);
  return netns::FileIdentity{status.st_dev, status.st_ino};
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
  const Place place = follow(path);
  // Only a mount of our own mount namespace can change what such a path names; otherwise a link can.
  const bool by_mount = !is_in_proc(place) && split(path).path() == place.path();
  if (by_mount) descriptor_ = UniqueFd(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  folder_ = UniqueFd(::open(place.folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder_) return fail_errno("open", path);
  name_ = place.name;
  POSTERN_TRY(identity, identity_in(folder_, name_), path);  // after the table is open, so that nothing falls between
  identity_ = identity;
  if (!descriptor_) {
    look_again_.set(loop_.now() + kLookAgain);
    return {};
  }
  source_ = loop_.make_source([this](uint32_t, uint32_t) { look_at_path(); });
  return source_.watch(descriptor_.get(), EPOLLPRI);  // on every mount and unmount, proc(5)
}

/// What we may not look at any more (a process's link, once we have no power over it) has not ended.
bool TargetWatch::path_has_ended() const {
  const auto identity = identity_in(folder_, name_);
  if (identity) return !(*identity == identity_);
  return !identity.error().is(std::errc::permission_denied) && !identity.error().is(std::errc::operation_not_permitted);
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
