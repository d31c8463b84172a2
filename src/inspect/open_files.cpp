#include "open_files.h"

#include <dirent.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "postern/base/file.h"
#include "postern/base/text.h"
#include "postern/base/unique_fd.h"
#include "postern/netns/namespace.h"

#include "errand.h"

namespace postern::inspect {

namespace {

constexpr size_t kMostOfFile = 4096;  // what we want stands at the beginning

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

/// Asked of the descriptor itself, borrowed from its process for that.
ino_t namespace_of_tap(const OpenTap& tap) {
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, tap.program.pid, 0)));
  if (!process) return 0;
  const UniqueFd borrowed(static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), tap.descriptor, 0)));
  if (!borrowed) return 0;
  const UniqueFd network(::ioctl(borrowed.get(), TUNGETDEVNETNS));
  const auto identity = network ? netns::identity_of(network.get()) : Failure(Error{});
  return identity ? identity->inode : 0;
}

Program program_of(const std::string& proc, pid_t pid) {
  auto name = read_file(fmt::format("{}/{}/comm", proc, pid), kMostOfFile).value_or("");
  if (name.ends_with('\n')) name.pop_back();
  return {pid, std::move(name)};
}

/// A TUN or TAP says so in its fdinfo; a file of somebody else's that only has its name does not.
std::optional<OpenTap> tap_of(const std::string& proc, const Program& program, int number) {
  const auto fdinfo = read_file(fmt::format("{}/{}/fdinfo/{}", proc, program.pid, number), kMostOfFile);
  std::string device = device_in(fdinfo.value_or(""));
  if (device.empty()) return std::nullopt;
  const auto home = netns::identity_of(fmt::format("{}/{}/ns/net", proc, program.pid));
  return OpenTap{.device = std::move(device),
                 .device_netns = 0,
                 .program = program,
                 .program_netns = home ? home->inode : 0,
                 .descriptor = number};
}

void read_process(const std::string& proc, pid_t pid, OpenFiles& files) {
  errno = 0;
  const auto numbers = numbers_in(fmt::format("{}/{}/fd", proc, pid));
  if (!numbers) {
    files.unreadable += errno == EACCES || errno == EPERM;
    return;
  }
  const Program program = program_of(proc, pid);
  for (const int number : *numbers) {
    const auto link = read_link(fmt::format("{}/{}/fd/{}", proc, pid, number));
    if (!link) continue;
    if (const auto inode = socket_inode(*link)) {
      std::vector<Program>& programs = files.sockets[*inode];
      if (programs.empty() || programs.back().pid != pid) programs.push_back(program);
    } else if (link->ends_with("/net/tun")) {
      if (auto tap = tap_of(proc, program, number)) files.taps.push_back(std::move(*tap));
    }
  }
}

}  // namespace

OpenFiles list_open_files(const std::string& proc) {
  OpenFiles files;
  for (const int pid : numbers_in(proc).value_or(std::vector<int>())) read_process(proc, pid, files);
  return files;
}

void ask_namespaces(std::vector<OpenTap>& taps) {
  if (taps.empty()) return;
  constexpr Limits kLimits{.time = std::chrono::milliseconds(1000)};
  const auto errand = run_errand(kLimits, [&](const UniqueFd& memory) {
    close_all_but(memory);
    for (const OpenTap& tap : taps) {
      const ino_t inode = namespace_of_tap(tap);
      if (!write_all(memory, {reinterpret_cast<const char*>(&inode), sizeof inode})) return 1;
    }
    return 0;
  });
  if (!errand) return;
  const size_t answered = std::min(taps.size(), errand->brought.size() / sizeof(ino_t));
  for (size_t i = 0; i < answered; ++i)
    std::memcpy(&taps[i].device_netns, errand->brought.data() + i * sizeof(ino_t), sizeof(ino_t));
}

OpenFiles read_open_files() {
  OpenFiles files = list_open_files("/proc");
  ask_namespaces(files.taps);
  return files;
}

}  // namespace postern::inspect
