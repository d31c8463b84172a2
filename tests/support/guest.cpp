// guest.cpp - nsenter(1) into what `postern run` has made, and /proc about postern itself.
#include "guest.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace postern::lab {

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The first child of a process of the lab: `postern run`'s is the guest's pid 1.
std::string child_of(const Machine& host, pid_t pid) {
  std::string child;
  std::istringstream(text_of(host.path(fmt::format("/proc/{0}/task/{0}/children", pid)))) >> child;  // proc(5)
  return child;
}

}  // namespace

Result<Guest> Guest::start(const Machine& host, const GuestConfig& config) {
  std::string script = config.before.empty() ? "exec postern run" : config.before + " && exec postern run";
  for (const std::string& option : config.options) script += " '" + option + "'";
  POSTERN_TRY(postern,
              host.spawn({.argv = {"sh", "-c", script + " -- sh -c 'echo here; exec sleep infinity'"}, .role = config.role}),
              "guest");
  const bool here = wait_until([&] { return !postern.out().empty() || !postern.running(); });
  if (!here || postern.out().empty()) return fail(fmt::format("postern run: nothing runs inside: {}", postern.err()));
  std::string target = child_of(host, postern.pid());
  Guest guest(host, std::move(postern), config.role, std::move(target));
  // The command runs already while postern still closes what it started it with: do_epoll_wait, ep_poll.
  if (!wait_until([&] { return text_of(guest.proc("wchan")).find("poll") != std::string::npos; }))
    return fail("postern run: busy");
  return guest;
}

Command Guest::inside(Command command) const {
  std::vector<std::string> argv = {"nsenter", "--target", target_, "--user", "--net", "--mount", "--preserve-credentials", "--"};
  argv.insert(argv.end(), command.argv.begin(), command.argv.end());
  command.argv = std::move(argv);
  command.role = role_;
  return command;
}

std::string Guest::proc(std::string_view file) const { return host_.path(fmt::format("/proc/{}/{}", postern_.pid(), file)); }

std::chrono::nanoseconds Guest::time_not_asleep() const {
  int64_t running = 0, waiting = 0;  // in nanoseconds, Documentation/scheduler/sched-stats.rst of the kernel
  std::istringstream(text_of(proc("schedstat"))) >> running >> waiting;
  return std::chrono::nanoseconds(running + waiting);
}

size_t Guest::resident_bytes() const {
  size_t pages = 0;
  std::istringstream statm(text_of(proc("statm")));
  statm >> pages >> pages;  // size, resident
  return pages * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

size_t Guest::open_sockets() const {
  size_t sockets = 0;
  std::error_code error;
  for (const auto& descriptor : std::filesystem::directory_iterator(proc("fd"), error)) {
    sockets += std::filesystem::read_symlink(descriptor, error).native().starts_with("socket:");
  }
  return sockets;
}

}  // namespace postern::lab
