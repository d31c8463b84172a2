// lab_files.cpp - the lab's own mounts; nothing outside its mount namespace changes.
//
//   /proc          of the lab's pid namespace
//   /run           tmpfs: hides nscd, resolved and the host's daemons, which would answer for the real host
//   /run/lab       the lab's folder, topology.h
//   /run/lab/etc   the host's /etc
//   /etc           tmpfs: symlinks into /run/lab/etc, and files of the lab's own: resolv.conf, hosts, passwd, subuid ...
//   /dev/net/tun   a node of the lab's own where the host's is not rw for all (the distributions' default)
//
// Why not an overlay over /etc: overlays may be stacked only two deep, and the programs under test mount one themselves.
#include "lab_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include "topology.h"

namespace postern::lab {

namespace {

struct Mount {
  const char* source;
  const char* target;
  const char* type;
  unsigned long flags;
  const char* data = nullptr;
};

Status mount(const Mount& m) {
  if (::mount(m.source, m.target, m.type, m.flags, m.data) < 0) return fail_errno("mount", m.target);
  return {};
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Folder {
  std::string_view path;
  mode_t mode;
  bool for_user = false;
};

Status make_folders(const Plan& plan) {
  static constexpr std::array kFolders = {
      Folder{kFolder, 0755},
      Folder{"/run/lab/etc", 0755},
      Folder{kTree, 0755},
      Folder{kPrograms, 0755},
      Folder{kEngine, 0755},
      Folder{kUserHome, 0700, true},
      Folder{kRootHome, 0700},
      Folder{kTemporary, 01777},
      Folder{kWww, 0755},
      Folder{"/run/user", 0755},
      Folder{"/run/user/4000", 0700, true},
      Folder{"/run/netns", 0755},
      Folder{"/run/lock", 01777},
  };
  for (const Folder& folder : kFolders) {
    const std::string path(folder.path);
    if (::mkdir(path.c_str(), 0700) < 0 || ::chmod(path.c_str(), folder.mode) < 0) return fail_errno("mkdir", path);
    // An ordinary caller's one id is root outside the nested user namespace and kUserId inside it: nothing to give away.
    if (folder.for_user && plan.privilege == Privilege::root && ::chown(path.c_str(), kUserId, kGroupId) < 0) {
      return fail_errno("chown", path);
    }
  }
  return {};
}

Result<UniqueFd> open_folder(const std::string& path) {
  if (path.empty()) return UniqueFd();
  UniqueFd folder(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return fail_errno("open", path);
  return folder;
}

// A bind mount needs no permission on the folders above its source: a build below /root works for every uid.
Status show_folder(const UniqueFd& folder, std::string_view at) {
  if (!folder) return {};
  const std::string source = fmt::format("/proc/self/fd/{}", folder.get());
  return mount({source.c_str(), std::string(at).c_str(), nullptr, MS_BIND | MS_REC});
}

Status link_host_etc() {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir("/run/lab/etc"), ::closedir);
  if (!entries) return fail_errno("opendir", "/etc");
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    const std::string path = fmt::format("/run/lab/etc/{}", name);
    // A symlink is copied as it is: a relative one is right in /etc and nowhere else.
    std::array<char, 4096> target{};
    const ssize_t length = ::readlink(path.c_str(), target.data(), target.size() - 1);
    if (::symlink(length > 0 ? target.data() : path.c_str(), fmt::format("/etc/{}", name).c_str()) < 0) {
      return fail_errno("symlink", path);
    }
  }
  return {};
}

Status write_own_etc() {
  const std::string ids = fmt::format("{}:{}:{}\n", kUserName, kFirstSubordinate, kSubordinates);
  const struct {
    const char* path;
    std::string text;
  } files[] = {
      {"/etc/resolv.conf", fmt::format("nameserver {}\n", kRemote4)},
      {"/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 lab-host\n"},
      {"/etc/hostname", "lab-host\n"},
      {"/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\n"},
      {"/etc/passwd",
       fmt::format("{0}:x:{1}:{2}:{0}:{3}:/bin/sh\n", kUserName, kUserId, kGroupId, kUserHome) + text_of("/run/lab/etc/passwd")},
      {"/etc/group", fmt::format("{0}:x:{1}:\n", kUserName, kGroupId) + text_of("/run/lab/etc/group")},
      {"/etc/subuid", ids},
      {"/etc/subgid", ids},
  };
  for (const auto& file : files) {
    ::unlink(file.path);  // the link into the host's /etc, which must not be written through
    POSTERN_CHECK(write_file(file.path, file.text), "own /etc");
  }
  return {};
}

Status make_etc() {
  POSTERN_CHECK(mount({"/etc", "/run/lab/etc", nullptr, MS_BIND | MS_REC}), "keep the host's /etc");
  POSTERN_CHECK(mount({"lab-etc", "/etc", "tmpfs", 0, "mode=755"}), "own /etc");
  POSTERN_CHECK(link_host_etc(), "own /etc");
  return write_own_etc();
}

// A node of our own, so that no mode changes on the host. mknod(2) of a device needs CAP_MKNOD in the first user namespace.
Status make_tun(const Plan& plan) {
  constexpr mode_t kForAll = 0666;
  struct stat status {};
  if (::stat("/dev/net/tun", &status) < 0) return fail_errno("stat", "/dev/net/tun");
  if ((status.st_mode & kForAll) == kForAll) return {};
  if (plan.privilege == Privilege::ordinary) return fail(std::errc::permission_denied, "/dev/net/tun is not rw for all");
  if (::mknod("/run/lab/tun", S_IFCHR | kForAll, ::makedev(10, 200)) < 0 || ::chmod("/run/lab/tun", kForAll) < 0) {
    return fail_errno("mknod", "/run/lab/tun");
  }
  return mount({"/run/lab/tun", "/dev/net/tun", nullptr, MS_BIND});
}

}  // namespace

Status write_file(const std::string& path, std::string_view text) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file) return fail_errno("open", path);
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return fail_errno("write", path);
  return {};
}

/// Every postern of the lab's is then of that engine, whichever is the default.
Status choose_engine() {
  const char* engine = std::getenv("LAB_ENGINE");
  if (!engine) return {};
  const std::string path = fmt::format("{}/postern", kEngine);
  POSTERN_CHECK(write_file(path, fmt::format(R"(#!/bin/sh
command=$1
case $command in
  run | attach) case " $* " in *" --engine "*) ;; *) shift && exec {0}/bin/postern "$command" --engine {1} "$@" ;; esac ;;
esac
exec {0}/bin/postern "$@"
)",
                                             kTree, engine)),
                "engine");
  return ::chmod(path.c_str(), 0755) == 0 ? Status() : Status(fail_errno("chmod", path));
}

Status make_files(const Plan& plan, std::vector<std::string>& missing) {
  POSTERN_TRY(tree, open_folder(plan.tree), "files");  // before the new /run can hide it
  POSTERN_TRY(programs, open_folder(plan.programs), "files");
  POSTERN_CHECK(mount({nullptr, "/", nullptr, MS_REC | MS_PRIVATE}), "files");
  POSTERN_CHECK(mount({"proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC}), "files");
  POSTERN_CHECK(mount({"lab-run", "/run", "tmpfs", MS_NOSUID, "mode=755"}), "files");
  POSTERN_CHECK(make_folders(plan), "files");
  POSTERN_CHECK(show_folder(tree, kTree), "files");
  POSTERN_CHECK(show_folder(programs, kPrograms), "files");
  POSTERN_CHECK(make_etc(), "files");
  POSTERN_CHECK(choose_engine(), "files");
  if (const Status tun = make_tun(plan); !tun) missing.push_back("tun: " + tun.error().message());
  if (plan.privilege == Privilege::ordinary) missing.emplace_back("subuid: the lab was made by an ordinary user");
  return {};
}

}  // namespace postern::lab
