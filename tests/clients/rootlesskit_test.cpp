// rootlesskit_test.cpp - RootlessKit 1.1, what Docker, nerdctl and k3s start slirp4netns by: as the plain user without a
// capability, by PID, on a TAP that is there already and that RootlessKit gives its addresses.
#include "client_test.h"

namespace postern::lab {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class RootlessKit : public ClientTest {
 protected:
  RootlessKit() : ClientTest("rootlesskit rootlessctl busybox") {}

  /// RootlessKit with `options` beside those that Docker gives, and `script` inside.
  static std::string line(std::string_view options, std::string_view script) {
    return fmt::format(
        "rootlesskit --net=slirp4netns --slirp4netns-binary=$HOME/face/slirp4netns --slirp4netns-sandbox=auto "
        "--slirp4netns-seccomp=auto --state-dir=$HOME/state --copy-up=/etc --copy-up=/run --propagation=rslave {} sh -c '{}'",
        options, script);
  }
  Outcome inside(std::string_view options, std::string_view script) const { return client(line(options, script)); }
};

TEST_F(RootlessKit, FetchesAPageAndResolvesAName) {
  const Outcome outcome = inside("--disable-host-loopback", R"(ip addr show dev tap0; ip route
    curl -s http://$LAB_REMOTE4/client; dig +short $LAB_DNS_NAME A)");
  EXPECT_THAT(outcome, Succeeds());
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("mtu 65520"), HasSubstr("inet 10.0.2.100/24"), HasSubstr("default via 10.0.2.2 dev tap0"),
                    HasSubstr(fmt::format("\n{}\n{}\n", kHost4, kRemote4))));
  EXPECT_TRUE(face_ends());
}

TEST_F(RootlessKit, ChoosesTheNetworkAndItsMtu) {
  const Outcome outcome = inside("--cidr=10.41.0.0/16 --mtu=1500", "ip addr show dev tap0; curl -s http://$LAB_DNS_NAME4/client");
  EXPECT_THAT(outcome, Succeeds());
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("mtu 1500"), HasSubstr("inet 10.41.0.100/16")));
}

// The address comes by router advertisement, RFC 4862: after the duplicate address detection of the link's own.
TEST_F(RootlessKit, GoesOutByIpv6) {
  const Outcome outcome = inside("--ipv6", R"(
    until ip -6 -o addr show dev tap0 scope global -tentative | grep -q fd00; do sleep 0.05; done
    curl -s http://[$LAB_REMOTE6]/client)");
  EXPECT_THAT(outcome, Succeeds());
  EXPECT_EQ(outcome.out, fmt::format("{}\n", kHost6));
}

TEST_F(RootlessKit, ReachesTheHostsLoopbackUnlessItIsDisabled) {
  const auto server = serve_on_loopback();
  ASSERT_TRUE(server);
  EXPECT_EQ(inside("", "socat -t5 - TCP:10.0.2.2:8088 </dev/null").out, "loopback\n");
  const Outcome refused = inside("--disable-host-loopback", "socat -t5 - TCP:10.0.2.2:8088 </dev/null");
  EXPECT_THAT(refused, Not(Succeeds()));
  EXPECT_THAT(refused.err, HasSubstr("Network is unreachable"));
}

TEST_F(RootlessKit, EndsItWithItself) {
  Process kit = start_client("exec " + line("", "echo there; exec sleep infinity"));
  ASSERT_TRUE(says(kit, "there\n")) << kit.err();
  kit.signal(SIGKILL);
  EXPECT_TRUE(face_ends());
}

class RootlessKitPorts : public RootlessKit, public testing::WithParamInterface<PortDriver> {};

TEST_P(RootlessKitPorts, ServeTheRemoteUntilTheyAreTakenBack) {
  const std::string options =
      fmt::format("--disable-host-loopback --port-driver={} --publish=0.0.0.0:8099:80/tcp", GetParam().name);
  Process kit = start_client(line(options, "exec busybox httpd -f -p 0.0.0.0:80 -h $HOME/root/www"));
  EXPECT_EQ(remote_as_seen_behind(kHost4, 8099), GetParam().client_seen) << kit.err();
  const std::string control = "rootlessctl --socket=$HOME/state/api.sock ";
  EXPECT_THAT(client(control + "add-ports 0.0.0.0:8100:80/tcp"), Succeeds());
  EXPECT_EQ(remote_as_seen_behind(kHost4, 8100), GetParam().client_seen);
  EXPECT_THAT(client(control + "list-ports").out, AllOf(HasSubstr("8099"), HasSubstr("8100")));
  EXPECT_THAT(client(control + "remove-ports 1"), Succeeds());
  EXPECT_THAT(remote().sh("socat -t5 - TCP:$LAB_HOST4:8099 </dev/null"), Not(Succeeds()));
}

INSTANTIATE_TEST_SUITE_P(By, RootlessKitPorts,
                         testing::Values(PortDriver{"builtin", "127.0.0.1\n"}, PortDriver{"slirp4netns", "192.0.2.2\n"}),
                         name_of_driver);

}  // namespace
}  // namespace postern::lab
