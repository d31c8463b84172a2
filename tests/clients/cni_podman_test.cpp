// cni_podman_test.cpp - Podman 4.3 as root, whose networks are CNI's: contrib/cni's list, served by postern-cni.
//
//   remote 192.0.2.2 ════ eth0  host: podman --starts--> postern-cni; bridge postern-cni0 ═══ eth0 of each container
//
// This Podman as root in a namespace wants a runtime that is content with the machine's cgroups, limits that its capabilities can
// set, and storage of its own.
#include <fmt/format.h>

#include "postern_test.h"

namespace postern::lab {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

class CniPodman : public PosternTest {
 protected:
  std::vector<Server> servers() const override { return {Server::http, Server::dns}; }
  Role role() const override { return Role::root; }

  void SetUp() override {
    PosternTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    LAB_SKIP_UNLESS(!lab().missing("subuid"), "subuid", *lab().missing("subuid"));
    const std::string absent = not_installed("podman runc conmon busybox");
    LAB_SKIP_UNLESS(absent.empty(), "clients", "not installed: " + absent);
    // libcni keeps results in /var/lib/cni, whatever it is told of other folders.
    ASSERT_THAT(sh("mount --make-rshared / && mount -t cgroup2 cgroup2 /sys/fs/cgroup && mount -t tmpfs lab-lib /var/lib"),
                Succeeds());
    ASSERT_THAT(sh(fmt::format(kMakeHome, kTree, POSTERN_SOURCE_DIR)), Succeeds());
  }

  static std::string podman(std::string_view arguments) {
    return fmt::format(
        "CONTAINERS_CONF=$HOME/containers.conf podman --root $HOME/storage --runroot $HOME/run --storage-driver vfs {}",
        arguments);
  }
  /// Of the list's network, with busybox inside.
  static std::string run(std::string_view options, std::string_view command) {
    return podman(
        fmt::format("run --pids-limit 0 --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --network postern {} "
                    "--rootfs $HOME/root {}",
                    options, command));
  }
  std::string endpoints() const { return sh("ls /run/postern/bridge/networks/postern-cni0/endpoints").out; }

 private:
  static constexpr const char* kMakeHome = R"sh(set -eu
    mkdir $HOME/root $HOME/plugins $HOME/lists && cd $HOME/root && mkdir -p bin dev etc proc run sys tmp www/cgi-bin
    cp "$(command -v busybox)" bin/busybox
    {{ ldd bin/busybox 2>/dev/null || :; }} | {{ grep -o '/[^ ]*' || :; }} | xargs -r cp -L --parents -t .
    for applet in cat echo httpd ip nslookup ping sh sleep wget; do ln -s busybox bin/$applet; done
    printf '#!/bin/sh\necho Content-Type: text/plain; echo; echo $REMOTE_ADDR\n' >www/cgi-bin/client
    chmod 755 www/cgi-bin/client
    ln -s {0}/libexec/postern/postern-cni $HOME/plugins/
    cp {1}/contrib/cni/87-postern.conflist $HOME/lists/
    cat >$HOME/containers.conf <<END
[containers]
default_sysctls = []
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
helper_binaries_dir = ["/usr/local/lib/postern-test", "/usr/lib/podman", "/usr/libexec/podman"]
runtime = "runc"
[network]
network_backend = "cni"
cni_plugin_dirs = ["$HOME/plugins"]
network_config_dir = "$HOME/lists"
default_network = "postern"
END
)sh";
};

TEST_F(CniPodman, FetchesAPageAndResolvesAName) {
  const Outcome outcome =
      sh(run("--rm", fmt::format("sh -c 'cat /etc/resolv.conf; ip addr show dev eth0; wget -q -O- http://{}/client; "
                                 "nslookup {}'",
                                 kRemote4, kName4)));
  EXPECT_THAT(outcome, Succeeds());
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("nameserver 10.209.0.1\n"), HasSubstr("inet 10.209.0.2/24"),
                                 HasSubstr(fmt::format("{}\n", kHost4)), HasSubstr(fmt::format("Address: {}\n", kRemote4))));
  EXPECT_EQ(endpoints(), "");
}

TEST_F(CniPodman, ServesTheRemoteOnAPublishedPort) {
  ASSERT_THAT(sh(run("-d --name server -p 8099:80", "httpd -f -p 0.0.0.0:80 -h /www")), Succeeds());
  std::string seen;
  EXPECT_TRUE(wait_until([&] {
    seen = remote().sh("curl -s --max-time 1 http://$LAB_HOST4:8099/cgi-bin/client").out;
    return !seen.empty();
  }));
  EXPECT_EQ(seen, fmt::format("{}\n", kRemote4)) << "the server sees who asks";
  EXPECT_THAT(sh("curl -s --max-time 5 http://127.0.0.1:8099/cgi-bin/client"), Succeeds());
  EXPECT_THAT(sh(podman("rm -f -t 0 server")), Succeeds());
  EXPECT_THAT(remote().sh("curl -s --max-time 1 http://$LAB_HOST4:8099/cgi-bin/client"), Not(Succeeds()));
  EXPECT_EQ(endpoints(), "");
}

TEST_F(CniPodman, FindsAnotherContainerByItsName) {
  ASSERT_THAT(sh(run("-d --name server", "httpd -f -p 0.0.0.0:80 -h /www")), Succeeds());
  EXPECT_THAT(sh(run("--rm", "nslookup server")).out, HasSubstr("10.209.0.2"));
  EXPECT_THAT(sh(run("--rm", "wget -q -O- http://server/cgi-bin/client")).out, MatchesRegex("10.209.0.[0-9]+\n"));
  EXPECT_THAT(sh(podman("rm -f -t 0 server")), Succeeds());
}

TEST_F(CniPodman, ShowsWhyAContainerCouldNotBe) {
  ASSERT_THAT(
      sh("sed -i 's/\"bridge\": .*/\"bridge\": \"postern-cni0\", \"external\": \"none7\",/' $HOME/lists/87-postern.conflist"),
      Succeeds());
  const Outcome outcome = sh(run("--rm", "true"));
  EXPECT_THAT(outcome, Not(Succeeds()));
  EXPECT_THAT(outcome.err, HasSubstr("none7"));
}

}  // namespace
}  // namespace postern::lab
