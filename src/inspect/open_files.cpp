#include "open_files.h"

#include <dirent.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include "postern/base/file.h"
#include "postern/base/text.h"
#include "postern/base/unique_fd.h"
#include "postern/netns/namespace.h"

namespace postern::inspect {

namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

/// The entries of a folder that are numbers.
std::optional<std::vector<int>> numbers_in(const std::string& path) {
  const Folder folder(::opendir(path.c_str()));
  if (!folder) return std::nullopt;
  std::vector<int> numbers;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (const auto number = whole_number<int>(entry->d_name)) numbers.push_back(*number);
  }
  return numbers;
}

/// "socket:[4711]" is 4711.
std::optional<uint64_t> socket_inode(std::string_view link) {
  constexpr std::string_view kBefore = "socket:[";
  if (!link.starts_with(kBefore) || !link.ends_with(']')) return std::nullopt;
  return whole_number<uint64_t>(link.substr(kBefore.size(), link.size() - kBefore.size() - 1));
}

/// The line of fdinfo of an open TUN or TAP, tun_chr_show_fdinfo() in drivers/net/tun.c.
std::string device_in(std::string_view fdinfo) {
  while (!fdinfo.empty()) {
    std::string_view line = take_line(fdinfo);
    if (take_until(line, ':') == "iff") return std::string(trim(line));
  }
  return {};
}

/// Of the device, which two namespaces may have of one name: asked of the descriptor itself, borrowed from its process for that.
ino_t namespace_of_tap(pid_t pid, int number) {
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return 0;
  const UniqueFd tap(static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), number, 0)));
  if (!tap) return 0;
  const UniqueFd network(::ioctl(tap.get(), TUNGETDEVNETNS));
  const auto identity = network ? netns::identity_of(network.get()) : Failure(Error{});
  return identity ? identity->inode : 0;
}

Program program_of(pid_t pid) {
  auto name = read_file(fmt::format("/proc/{}/comm", pid)).value_or("");
  if (name.ends_with('\n')) name.pop_back();
  return {pid, std::move(name)};
}

OpenTap tap_of(const Program& program, int number) {
  const auto fdinfo = read_file(fmt::format("/proc/{}/fdinfo/{}", program.pid, number));
  const auto home = netns::identity_of(fmt::format("/proc/{}/ns/net", program.pid));
  return {.device = device_in(fdinfo.value_or("")),
          .device_netns = namespace_of_tap(program.pid, number),
          .program = program,
          .program_netns = home ? home->inode : 0};
}

bool is_among(const std::vector<Program>& programs, pid_t pid) {
  return std::ranges::find(programs, pid, &Program::pid) != programs.end();
}

void read_process(pid_t pid, OpenFiles& files) {
  errno = 0;
  const auto numbers = numbers_in(fmt::format("/proc/{}/fd", pid));
  if (!numbers) {
    files.unreadable += errno == EACCES || errno == EPERM;
    return;
  }
  const Program program = program_of(pid);
  for (const int number : *numbers) {
    const auto link = read_link(fmt::format("/proc/{}/fd/{}", pid, number));
    if (!link) continue;
    if (const auto inode = socket_inode(*link)) {
      std::vector<Program>& programs = files.sockets[*inode];
      if (!is_among(programs, pid)) programs.push_back(program);
    } else if (link->ends_with("/net/tun")) {
      OpenTap tap = tap_of(program, number);
      if (!tap.device.empty()) files.taps.push_back(std::move(tap));
    }
  }
}

}  // namespace

OpenFiles read_open_files() {
  OpenFiles files;
  for (const int pid : numbers_in("/proc").value_or(std::vector<int>())) read_process(pid, files);
  return files;
}

}  // namespace postern::inspect
