// mounts.cpp - the new root is put together on a directory that the view does not need, and then takes the old root's place.
#include "mounts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "postern/base/file.h"
#include "postern/base/pretend.h"
#include "postern/base/text.h"
#include "postern/base/unique_fd.h"
#include "postern/sandbox/sandbox.h"

namespace postern::sandbox {

namespace {

constexpr unsigned long kHarmless = MS_NOSUID | MS_NODEV | MS_NOEXEC;
constexpr const char* kStages[] = {"/tmp", "/mnt", "/var", "/srv", "/opt", "/home", "/dev", "/proc"};

Status mount_at(const char* source, const std::string& target, const char* type, unsigned long flags,
                const char* options = nullptr) {
  if (::mount(source, target.c_str(), type, flags, options) == 0) return {};
  return fail_errno("mount", source ? fmt::format("{} on {}", source, target) : target);
}

/// What is mounted on the stage covers it, and must cover nothing that is shown.
Result<std::string> find_stage(const View& view) {
  const auto covers = [](const std::string& stage, const std::string& directory) {
    return (directory + "/").starts_with(stage + "/") || (stage + "/").starts_with(directory + "/");
  };
  for (const std::string stage : kStages) {
    const bool in_use = std::any_of(view.directories.begin(), view.directories.end(),
                                    [&](const std::string& directory) { return covers(stage, directory); });
    struct stat status {};
    if (!in_use && ::lstat(stage.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return stage;
  }
  return fail("there is no directory to make the new root on");
}

/// `path` is absolute; made below the current directory.
std::string inside(const std::string& path) { return "." + path; }

Status make_directories(const std::string& path) {
  for (size_t end = path.find('/', 2);; end = path.find('/', end + 1)) {
    const std::string directory = path.substr(0, end);
    if (::mkdir(directory.c_str(), 0755) < 0 && errno != EEXIST) return fail_errno("make", directory);
    if (end == path.npos) return {};
  }
}

Status make_parents(const std::string& path) {
  const std::string parent = path.substr(0, path.find_last_of('/'));
  return parent == "." ? Status() : make_directories(parent);
}

/// Before Linux 5.12 flags are set mount by mount, and what is set on one already must be repeated, or it is refused as removed.
Status seal_one_by_one(const std::string& target) {
  std::vector<std::string> points = {target};
  const std::string table = read_file("/proc/self/mountinfo").value_or("");
  const UniqueFd directory(::open(target.c_str(), O_PATH | O_CLOEXEC));
  const auto whole = directory ? read_link(path_of(directory)) : std::nullopt;
  for (std::string_view rest = table; whole && !rest.empty();) {
    std::string_view line = take_line(rest);
    for (int field = 0; field < 4; ++field) take_word(line);
    const std::string point(take_word(line));
    if (point.starts_with(*whole + "/")) points.push_back(point);
  }
  for (const std::string& point : points) {
    struct statvfs status {};
    const unsigned long kept_mask = ST_NOATIME | ST_NODIRATIME | ST_RELATIME;  // the same bits as MS_'s but for the last
    const bool known = ::statvfs(point.c_str(), &status) == 0;
    unsigned long kept = known ? status.f_flag & kept_mask & ~static_cast<unsigned long>(ST_RELATIME) : 0;
    if (known && status.f_flag & ST_RELATIME) kept |= MS_RELATIME;
    POSTERN_CHECK(mount_at(nullptr, point, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | kHarmless | kept), "read-only");
  }
  return {};
}

Status seal(const std::string& target) {
  mount_attr wanted{};
  wanted.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  const bool lacking = pretended_missing("mount_setattr");
  if (!lacking && ::syscall(SYS_mount_setattr, AT_FDCWD, target.c_str(), AT_RECURSIVE, &wanted, sizeof wanted) == 0) return {};
  return seal_one_by_one(target);
}

Status bind(const std::string& source) {
  struct stat status {};
  if (::stat(source.c_str(), &status) < 0) return {};
  const std::string target = inside(source);
  if (S_ISDIR(status.st_mode)) {
    POSTERN_CHECK(make_directories(target), "show " + source);
  } else {
    const UniqueFd file(::open(target.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    if (!file) return fail_errno("make", target);
  }
  POSTERN_CHECK(mount_at(source.c_str(), target, nullptr, MS_BIND | MS_REC), "show " + source);
  POSTERN_CHECK(mount_at(nullptr, target, nullptr, MS_SLAVE | MS_REC), "show " + source);
  return seal(target);
}

/// The current directory is the new root, a mount point.
Status change_root() {
  if (!pretended_missing("pivot_root") && ::syscall(SYS_pivot_root, ".", ".") == 0) {
    // The old root lies on the new one now, and "." is the way to it, pivot_root(2).
    if (::umount2(".", MNT_DETACH) < 0) return fail_errno("unmount the old root");
  } else {
    // The initial ramfs cannot be pivoted from. Its files stay below; the way back would need CAP_SYS_CHROOT.
    POSTERN_CHECK(mount_at(".", "/", nullptr, MS_MOVE), "change the root");
    if (::chroot(".") < 0) return fail_errno("chroot");
  }
  return ::chdir("/") < 0 ? Status(fail_errno("chdir", "/")) : Status();
}

Status build(const View& view) {
  for (const View::Link& link : view.links) {
    POSTERN_CHECK(make_parents(inside(link.path)), "links");
    if (::symlink(link.target.c_str(), inside(link.path).c_str()) < 0 && errno != EEXIST) return fail_errno("link", link.path);
  }
  for (const std::string& directory : view.directories) POSTERN_CHECK(bind(directory), "mounts");
  return mount_at(nullptr, ".", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | kHarmless);
}

/// Everybody whom the new namespace does not know reads as the overflow id there, user_namespaces(7). Who has that very id
/// (nobody) must have another one inside, or would take everybody for itself.
uid_t id_inside(uid_t user) {
  const std::string overflow = read_file("/proc/sys/kernel/overflowuid").value_or("65534\n");
  return fmt::format("{}\n", user) == overflow ? user - 1 : user;
}

Status keep_ids(uid_t user, gid_t group) {
  POSTERN_CHECK(write_file("/proc/self/uid_map", fmt::format("{} {} 1\n", id_inside(user), user)), "map our user");
  POSTERN_CHECK(write_file("/proc/self/setgroups", "deny"), "map our group");
  return write_file("/proc/self/gid_map", fmt::format("{0} {0} 1\n", group));
}

}  // namespace

Status leave_namespaces() {
  if (pretended_missing("sandbox-namespaces")) return fail(std::errc::operation_not_permitted, "unshare");
  if (has_capability(CAP_SYS_ADMIN)) {
    if (::unshare(CLONE_NEWNS) < 0) return fail_errno("unshare a mount namespace");
  } else {
    const uid_t user = ::geteuid();
    const gid_t group = ::getegid();
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) return fail_errno("unshare a user and a mount namespace");
    POSTERN_CHECK(keep_ids(user, group), "user namespace");
  }
  return mount_at(nullptr, "/", nullptr, MS_SLAVE | MS_REC);
}

Status show_only(const View& view) {
  POSTERN_TRY(stage, find_stage(view), "mounts");
  POSTERN_CHECK(mount_at("tmpfs", stage, "tmpfs", kHarmless, "mode=0755,size=64k"), "mounts");
  Status shown = ::chdir(stage.c_str()) == 0 ? Status() : Status(fail_errno("chdir", stage));
  if (shown) shown = build(view);
  if (shown) shown = change_root();
  if (!shown) ::umount2(stage.c_str(), MNT_DETACH);
  return shown;
}

}  // namespace postern::sandbox
