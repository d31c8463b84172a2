// client_test.h - the fixture of tests of other people's programs that start slirp4netns: an ordinary user of a lab, who has them
// set up to start the program under test instead.
//
//   remote: nginx, dnsmasq  =====  host: podman, buildah, rootlesskit --start--> $HOME/face/slirp4netns -> POSTERN_FACE
//                                    └─ container: busybox in $HOME/root
//
// POSTERN_FACE is a path as the lab sees it; without it, the face of the build. With Debian's /usr/bin/slirp4netns every test
// must pass as well: that shows that it is the client's wish that is tested, and not a habit of ours.
#pragma once

#include <fmt/format.h>

#include <cstdlib>
#include <optional>
#include <utility>

#include "postern_test.h"

namespace postern::lab {

class ClientTest : public PosternTest {
 protected:
  /// `programs`: what the tests start, separated by spaces.
  explicit ClientTest(std::string_view programs) : programs_(programs) {}
  std::vector<Server> servers() const override { return {Server::http, Server::dns}; }

  void SetUp() override {
    PosternTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    LAB_SKIP_UNLESS(!lab().missing("subuid"), "subuid", *lab().missing("subuid"));
    const std::string absent = not_installed(programs_);
    LAB_SKIP_UNLESS(absent.empty(), "clients", "not installed: " + absent);
    const char* face = std::getenv("POSTERN_FACE");
    const std::string path = face ? face : fmt::format("{}/libexec/postern/slirp4netns", kTree);
    ASSERT_THAT(sh("test -x " + path), Succeeds()) << path << " is not there";
    // Podman warns where / is not shared; systemd makes it so everywhere else.
    ASSERT_THAT(host().sh("mount --make-rshared /"), Succeeds());
    ASSERT_THAT(sh(kMakeHome), Succeeds());
    ASSERT_THAT(sh(fmt::format("mkdir $HOME/face && ln -s {} $HOME/face/slirp4netns", path)), Succeeds());
  }

  /// As the user whose clients are set up.
  Outcome client(std::string_view script) const { return sh(kEnvironment + std::string(script)); }
  Process start_client(std::string_view script) const { return start_sh(kEnvironment + std::string(script)); }

  /// Whom busybox's httpd behind a published port sees when the remote comes; waits for it, for the port may be open before.
  std::string remote_as_seen_behind(std::string_view address, uint16_t port) const {
    std::string text;
    wait_until(
        [&] {
          text = remote().sh(fmt::format("curl -s --max-time 1 http://{}:{}/cgi-bin/client", address, port)).out;
          return !text.empty();
        },
        std::chrono::seconds(5));
    return text;
  }

  /// Says "loopback" on the host's 127.0.0.1, port 8088, from when this returns.
  std::optional<Process> serve_on_loopback() const {
    Process server = start_sh("exec socat TCP-LISTEN:8088,bind=127.0.0.1,fork,reuseaddr SYSTEM:'echo loopback'");
    const bool ready =
        wait_until([&] { return listens(host(), server.pid(), "tcp", 8088) || !server.running(); }) && server.running();
    EXPECT_TRUE(ready) << server.err();
    return ready ? std::optional(std::move(server)) : std::nullopt;
  }

  /// Whether the program under test has gone, or goes soon.
  bool face_ends() const {
    return wait_until([&] {
      const auto seen = lab().processes();
      return std::none_of(seen.begin(), seen.end(), [](const ProcessSeen& process) { return process.name == "slirp4netns"; });
    });
  }

 private:
  // Nothing of the caller's configuration counts, and crun refuses hybrid cgroups. The programs that were unpacked for the tests
  // (contrib/install-deps.sh) have their helpers beside them.
  static constexpr const char* kMakeHome = R"sh(set -eu
    mkdir $HOME/root && cd $HOME/root && mkdir -p bin dev etc proc run sys tmp www/cgi-bin
    cp "$(command -v busybox)" bin/busybox
    # Debian's package of that name is linked with libc, busybox-static is not.
    { ldd bin/busybox 2>/dev/null || :; } | { grep -o '/[^ ]*' || :; } | xargs -r cp -L --parents -t .
    for applet in cat echo httpd id ip nc nslookup sh wget; do ln -s busybox bin/$applet; done
    printf '#!/bin/sh\necho Content-Type: text/plain; echo; echo $REMOTE_ADDR\n' >www/cgi-bin/client
    chmod 755 www/cgi-bin/client
    cat >$HOME/containers.conf <<END
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
helper_binaries_dir = ["/usr/local/lib/postern-test", "/usr/lib/podman", "/usr/libexec/podman"]
network_cmd_path = "$HOME/face/slirp4netns"
runtime = "runc"
END
    printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' \
      $HOME/storage $XDG_RUNTIME_DIR/containers >$HOME/storage.conf
)sh";
  static inline const std::string kEnvironment = R"sh(unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_CACHE_HOME DBUS_SESSION_BUS_ADDRESS
    unset STORAGE_DRIVER STORAGE_OPTS BUILDAH_ISOLATION BUILDAH_RUNTIME CONTAINER_HOST
    export CONTAINERS_CONF=$HOME/containers.conf CONTAINERS_STORAGE_CONF=$HOME/storage.conf PATH=$HOME/face:$PATH
)sh";

  std::string programs_;
};

/// What of the client's leads published ports inside.
struct PortDriver {
  const char* name;
  const char* client_seen;  // by the server: who asks, when the remote does
};
inline void PrintTo(const PortDriver& driver, std::ostream* os) { *os << driver.name; }
inline std::string name_of_driver(const testing::TestParamInfo<PortDriver>& info) { return info.param.name; }

}  // namespace postern::lab
