// guest_test.h - the fixture of tests whose guest goes on while they look at it: from inside, from the host, from the remote.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <thread>
#include <utility>

#include "guest.h"
#include "postern_test.h"

namespace postern::lab {

/// For GuestConfig::before, where memory is measured: AddressSanitizer else keeps what is freed from being used again.
inline constexpr const char* kReuseMemory =
    "export ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=0:thread_local_quarantine_size_kb=0";

class GuestTest : public PosternTest {
 protected:
  std::optional<Guest> guest(GuestConfig config = {}) const {
    config.role = role();
    auto started = Guest::start(host(), config);
    if (!started) ADD_FAILURE() << started.error().message();
    return started ? std::optional(*std::move(started)) : std::nullopt;
  }

  /// A server inside, there when this returns: a socket of its own listens for TCP. (Another's in the same namespace says
  /// nothing.)
  std::optional<Process> serve(const Guest& guest, std::vector<std::string> argv) const {
    auto server = guest.spawn({.argv = std::move(argv)});
    if (!server) {
      ADD_FAILURE() << server.error().message();
      return std::nullopt;
    }
    const std::string listens = fmt::format(
        "for inode in $(ls -l /proc/{0}/fd | sed -n 's/.*socket:.\\([0-9]*\\).*/\\1/p'); do"
        "  grep -w 0A /proc/{0}/net/tcp /proc/{0}/net/tcp6 | grep -qw $inode && exit 0;"
        "done; exit 1",
        server->pid());
    const bool ready = wait_until([&] { return !server->running() || host().sh(listens).ok(); });
    EXPECT_TRUE(ready && server->running()) << server->err();
    return std::move(*server);
  }

  /// From now on postern may have so many files open, whatever it reckoned with when it started.
  void limit_files(const Guest& guest, unsigned files) {
    ASSERT_THAT(sh(fmt::format("prlimit --pid {} --nofile={}:", guest.postern().pid(), files)), Succeeds());
  }

  /// The time is what is measured here: whoever spins runs, or waits to run, all of it, however busy the machine is.
  static void expect_no_spin(const Guest& guest) {
    constexpr auto kWatched = std::chrono::milliseconds(400);
    const auto before = guest.time_not_asleep();
    std::this_thread::sleep_for(kWatched);
    EXPECT_LT(guest.time_not_asleep() - before, kWatched * 4 / 5);
  }
};

}  // namespace postern::lab
