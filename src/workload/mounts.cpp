// mounts.cpp - a tmpfs that nobody else sees holds the texts; it is mounted somewhere for as long as it takes to bind its files
// where they belong, and lives on in those.
#include "mounts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "postern/base/file.h"
#include "postern/base/log.h"
#include "postern/base/pretend.h"
#include "postern/base/unique_fd.h"

namespace postern::workload {

namespace {

constexpr const char* kEtc = "/etc";

/// Mounted for the scope's time, unseen by anybody else.
class StagingArea {
 public:
  static Result<StagingArea> make(size_t bytes) {
    for (const char* folder : {"/tmp", "/run", "/var", "/mnt"}) {
      if (::access(folder, F_OK) < 0) continue;
      POSTERN_CHECK(mount_on("tmpfs", folder, MS_NOSUID | MS_NODEV | MS_NOEXEC, fmt::format("mode=0755,size={}", bytes)),
                    "stage files");
      return StagingArea(folder);
    }
    return fail("stage files: none of /tmp, /run, /var, /mnt exists");
  }
  StagingArea(StagingArea&& other) noexcept : folder_(std::exchange(other.folder_, nullptr)) {}
  StagingArea& operator=(StagingArea&&) = delete;
  ~StagingArea() {
    if (folder_) ::umount2(folder_, MNT_DETACH);
  }
  std::string path(std::string_view name) const { return fmt::format("{}/{}", folder_, name); }

 private:
  explicit StagingArea(const char* folder) : folder_(folder) {}
  const char* folder_;
};

Result<UniqueFd> make_file(const std::string& path, std::string_view text) {
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file || ::fchmod(file.get(), 0644) < 0) return fail_errno("create", path);  // whatever the caller's umask is
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0) return fail_errno("write", path);
    text.remove_prefix(static_cast<size_t>(written));
  }
  return file;
}

/// In bytes, with what the folders of an overlay take, and what the command may write to /etc there.
size_t room_for(const std::vector<FileText>& files) {
  size_t room = 1 << 20;
  for (const FileText& file : files) room += 2 * file.text.size();
  return room;
}

Status bind_over(const FileText& file, const UniqueFd& target, const StagingArea& staging) {
  POSTERN_TRY(source, make_file(staging.path(file.name), file.text), file.name);
  const std::string from = path_of(source), to = path_of(target);
  if (::mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr) < 0) return fail_errno("bind over /etc/" + file.name);
  return {};
}

Status overlay_etc(const std::vector<FileText>& files, const StagingArea& staging) {
  const std::string upper = staging.path("upper"), work = staging.path("work");
  for (const std::string& folder : {upper, work}) {
    if (::mkdir(folder.c_str(), 0755) < 0 || ::chmod(folder.c_str(), 0755) < 0) return fail_errno("make", folder);
  }
  for (const FileText& file : files) POSTERN_CHECK(make_file(upper + "/" + file.name, file.text), file.name);
  const std::string options = fmt::format("lowerdir={},upperdir={},workdir={},userxattr", kEtc, upper, work);
  if (pretended_missing("overlay")) return fail(std::errc::no_such_device, "mount overlay on /etc");
  return mount_on("overlay", kEtc, MS_NOSUID | MS_NODEV, options);
}

}  // namespace

Status mount_on(const char* type, const std::string& target, unsigned long flags, const std::string& options) {
  if (::mount(type, target.c_str(), type, flags, options.c_str()) < 0) {
    return fail_errno(fmt::format("mount {} on", type), target);
  }
  return {};
}

Status keep_mounts_to_ourselves() {
  if (::mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr) < 0) return fail_errno("make mounts private");
  return {};
}

Status show_in_etc(const std::vector<FileText>& files) {
  if (files.empty()) return {};
  std::vector<UniqueFd> targets;  // found before the staging area can cover the way to them
  targets.reserve(files.size());
  for (const FileText& file : files) {
    targets.emplace_back(::open(fmt::format("{}/{}", kEtc, file.name).c_str(), O_PATH | O_CLOEXEC));
  }
  POSTERN_TRY(staging, StagingArea::make(room_for(files)), "show files in /etc");
  const auto missing = std::find_if(targets.begin(), targets.end(), [](const UniqueFd& target) { return !target; });
  if (missing == targets.end()) {
    for (size_t i = 0; i < files.size(); ++i) POSTERN_CHECK(bind_over(files[i], targets[i], staging), "show files in /etc");
    return {};
  }
  const std::string& name = files[static_cast<size_t>(missing - targets.begin())].name;
  if (const Status overlaid = overlay_etc(files, staging); !overlaid) {
    return within(
        fmt::format("/etc/{0} does not exist or its link leads nowhere (create it: touch $(readlink -m /etc/{0}))", name),
        overlaid.error());
  }
  log::debug("/etc/{} is missing on the host: /etc is an overlay inside", name);
  return {};
}

Status mount_proc() {
  if (pretended_missing("proc")) return fail(std::errc::operation_not_permitted, "mount proc on /proc");
  return mount_on("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "");
}

}  // namespace postern::workload
