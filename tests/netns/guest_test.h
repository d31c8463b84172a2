// guest_test.h - the fixture of tests whose guest goes on while they look at it: from inside, from the host, from the remote.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "guest.h"
#include "postern_test.h"

namespace postern::lab {

class GuestTest : public PosternTest {
 protected:
  std::optional<Guest> guest(GuestConfig config = {}) const {
    config.role = role();
    auto started = Guest::start(host(), config);
    if (!started) ADD_FAILURE() << started.error().message();
    return started ? std::optional(*std::move(started)) : std::nullopt;
  }

  /// A server inside, there when this returns: its /proc shows the TCP listeners of its own network namespace.
  std::optional<Process> serve(const Guest& guest, std::vector<std::string> argv) const {
    auto server = guest.spawn({.argv = std::move(argv)});
    if (!server) {
      ADD_FAILURE() << server.error().message();
      return std::nullopt;
    }
    const std::string listens = fmt::format("grep -qw 0A /proc/{0}/net/tcp /proc/{0}/net/tcp6", server->pid());
    const bool ready = wait_until([&] { return !server->running() || host().sh(listens).ok(); });
    EXPECT_TRUE(ready && server->running()) << server->err();
    return std::move(*server);
  }
};

}  // namespace postern::lab
