#include "covers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <optional>

#include "postern/base/file.h"
#include "postern/base/log.h"

#include "mounts.h"

namespace postern::workload {

namespace {

constexpr std::array kFilesOfEtc = {"/etc/resolv.conf", "/etc/hosts"};
/// What NixOS has in /run: without it no program is found by PATH.
constexpr std::array kProgramsInRun = {"/run/current-system", "/run/booted-system", "/run/wrappers", "/run/opengl-driver"};

std::optional<std::string> real_path(const std::string& path) {
  std::array<char, PATH_MAX> real;
  if (!::realpath(path.c_str(), real.data())) return std::nullopt;
  return std::string(real.data());
}

bool lies_in(const std::string& path, const std::string& folder) { return path.starts_with(folder + "/"); }

bool lies_in_any(const std::string& path, const std::vector<Cover>& covers) {
  return std::any_of(covers.begin(), covers.end(), [&](const Cover& cover) { return lies_in(path, cover.folder); });
}

Status make_folder(const std::string& path, unsigned mode) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string folder = path.substr(0, slash);
    if (::mkdir(folder.c_str(), 0755) == 0) {
      if (::chmod(folder.c_str(), 0755) < 0) return fail_errno("make", folder);  // whatever the caller's umask is
    } else if (errno != EEXIST) {
      return fail_errno("make", folder);
    }
    if (slash == path.npos) break;
  }
  return ::chmod(path.c_str(), mode) < 0 ? Status(fail_errno("make", path)) : Status();
}

Status make_empty_file(const std::string& path) {
  POSTERN_CHECK(make_folder(path.substr(0, path.rfind('/')), 0755), "show an empty file");
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  return file ? Status() : Status(fail_errno("create", path));
}

/// Something of a folder that will be covered, held so that it can be shown again.
class Kept {
 public:
  explicit Kept(std::string path) : path_(std::move(path)), link_(read_link(path_)) {
    if (!link_) folder_ = UniqueFd(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  Status show_again() const {
    if (link_) return ::symlink(link_->c_str(), path_.c_str()) < 0 ? Status(fail_errno("link", path_)) : Status();
    if (!folder_) return {};  // there was none
    POSTERN_CHECK(make_folder(path_, 0755), "show again");
    const std::string from = path_of(folder_);
    if (::mount(from.c_str(), path_.c_str(), nullptr, MS_BIND | MS_REC, nullptr) < 0) return fail_errno("show again", path_);
    return {};
  }

 private:
  std::string path_;
  std::optional<std::string> link_;
  UniqueFd folder_;
};

/// By their real paths, each outermost one before what lies in it; of two that are the same the first named, and none that does
/// not exist.
std::vector<Cover> resolved(const std::vector<Cover>& covers) {
  std::vector<Cover> found;
  for (const Cover& cover : covers) {
    const auto folder = real_path(cover.folder);
    if (folder && *folder != "/") found.push_back({*folder, cover.mode});
  }
  std::stable_sort(found.begin(), found.end(), [](const Cover& a, const Cover& b) { return a.folder < b.folder; });
  const auto same = [](const Cover& a, const Cover& b) { return a.folder == b.folder; };
  found.erase(std::unique(found.begin(), found.end(), same), found.end());
  return found;
}

}  // namespace

std::vector<Cover> resolver_covers() { return {{"/run/nscd", 0755}, {"/var/run/nscd", 0755}, {"/run/systemd/resolve", 0755}}; }

std::vector<Cover> private_covers(const std::string& runtime_folder) {
  std::vector<Cover> covers = {{"/tmp", 01777}, {"/run", 0755}, {"/var/run", 0755}};
  if (runtime_folder.starts_with('/')) covers.push_back({runtime_folder, 0700});
  return covers;
}

Status cover(const std::vector<Cover>& covers) {
  const std::vector<Cover> found = resolved(covers);
  if (found.empty()) return {};
  std::vector<std::string> files;
  for (const char* file : kFilesOfEtc) {
    const auto real = real_path(file);
    if (real && lies_in_any(*real, found)) files.push_back(*real);
  }
  std::vector<Kept> kept;
  for (const char* programs : kProgramsInRun) {
    if (lies_in_any(programs, found)) kept.emplace_back(programs);
  }
  std::vector<Cover> mounted;
  for (const Cover& cover : found) {
    const bool shown_already = lies_in_any(cover.folder, mounted);
    if (shown_already) {
      POSTERN_CHECK(make_folder(cover.folder, cover.mode), "hide");
      continue;
    }
    POSTERN_CHECK(mount_on("tmpfs", cover.folder, MS_NOSUID | MS_NODEV, fmt::format("mode={:o}", cover.mode)), "hide");
    mounted.push_back(cover);
  }
  for (const std::string& file : files) POSTERN_CHECK(make_empty_file(file), "hide");
  for (const Kept& shown : kept) POSTERN_CHECK(shown.show_again(), "hide");
  return {};
}

Status leave_covered_folder() {
  std::array<char, PATH_MAX> folder;
  if (::getcwd(folder.data(), folder.size()) && ::chdir(folder.data()) == 0) return {};
  log::warning("the working folder is hidden: the command starts in / (--workdir)");
  return ::chdir("/") < 0 ? Status(fail_errno("change to", "/")) : Status();
}

}  // namespace postern::workload
