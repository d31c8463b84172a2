// podman_test.cpp - rootless Podman 4.3 whose network_cmd_path is the program under test: each option that Podman passes on.
#include "client_test.h"

namespace postern::lab {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Podman : public ClientTest {
 protected:
  Podman() : ClientTest("podman runc conmon busybox") {}

  /// The outcome of `script` in a container of the network that `options` ("", ":cidr=...") ask for.
  Outcome contained(std::string_view options, std::string_view script, std::string_view more = "") const {
    return client(
        fmt::format("podman run --rm --network slirp4netns{} {} --rootfs $HOME/root sh -c '{}'", options, more, script));
  }
  static std::string get(std::string_view address, std::string_view page = "client") {
    return fmt::format("wget -q -O- http://{}/{}", address, page);
  }
};

TEST_F(Podman, FetchesAPageAndResolvesAName) {
  const Outcome outcome = contained("", fmt::format("cat /etc/resolv.conf; {} && nslookup {}", get(kRemote4, ""), kName));
  EXPECT_THAT(outcome, Succeeds());
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("nameserver 10.0.2.3\n"), HasSubstr(kPageText), HasSubstr(fmt::format("Address: {}\n", kRemote4)),
                    HasSubstr(fmt::format("Address: {}\n", kRemote6))));
  EXPECT_TRUE(face_ends());
  EXPECT_EQ(sh("ls $XDG_RUNTIME_DIR/netns").out, "");
}

TEST_F(Podman, TakesTheProgramFromItsCommandLineToo) {
  const Outcome outcome = client(
      "export CONTAINERS_CONF=$HOME/other.conf; grep -v network_cmd_path $HOME/containers.conf >$CONTAINERS_CONF; mv $HOME/face "
      "$HOME/other;"
      "podman --network-cmd-path $HOME/other/slirp4netns run --rm --network slirp4netns --rootfs $HOME/root " +
      get(kRemote4));
  EXPECT_THAT(outcome, Succeeds());
  EXPECT_EQ(outcome.out, fmt::format("{}\n", kHost4));
}

TEST_F(Podman, ChoosesTheNetworkAndItsMtu) {
  const Outcome outcome =
      contained(":cidr=10.9.8.0/24,mtu=9000", fmt::format("ip addr show dev tap0; cat /etc/resolv.conf; {}", get(kName4)));
  EXPECT_THAT(outcome, Succeeds());
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("mtu 9000"), HasSubstr("inet 10.9.8.100/24"), HasSubstr("nameserver 10.9.8.3\n"),
                                 HasSubstr(fmt::format("\n{}\n", kHost4))));
}

TEST_F(Podman, HasAnIpv6AddressForTheFirstProcess) {
  const Outcome outcome = contained("", fmt::format("ip addr show dev tap0; {}", get(fmt::format("[{}]", kRemote6))));
  EXPECT_THAT(outcome, Succeeds());
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("inet6 fd00::"), HasSubstr(fmt::format("\n{}\n", kHost6))));
}

TEST_F(Podman, HasNoIpv6WhereItIsSwitchedOff) {
  EXPECT_THAT(contained(":enable_ipv6=false", "ip addr show dev tap0").out, Not(HasSubstr("inet6 fd00::")));
}

TEST_F(Podman, GoesOutByTheAddressItIsTold) {
  ASSERT_THAT(host().sh("ip addr add 192.0.2.77/24 dev eth0; ip addr add 2001:db8:1::77/64 dev eth0 nodad"), Succeeds());
  EXPECT_EQ(contained(":outbound_addr=192.0.2.77", get(kRemote4)).out, "192.0.2.77\n");
  EXPECT_EQ(contained(":outbound_addr6=2001:db8:1::77", get(fmt::format("[{}]", kRemote6))).out, "2001:db8:1::77\n");
}

TEST_F(Podman, KeepsTheUsersId) {
  const Outcome outcome = contained("", "id -u; " + get(kRemote4), "--userns=keep-id");
  EXPECT_THAT(outcome, Succeeds());
  EXPECT_EQ(outcome.out, fmt::format("{}\n{}\n", kUserId, kHost4));
}

TEST_F(Podman, ReachesTheHostsLoopbackOnlyWhenAllowed) {
  const auto server = serve_on_loopback();
  ASSERT_TRUE(server);
  EXPECT_EQ(contained(":allow_host_loopback=true", "nc -w5 10.0.2.2 8088 </dev/null").out, "loopback\n");
  const Outcome refused = contained("", "nc -w5 10.0.2.2 8088 </dev/null");
  EXPECT_THAT(refused, Not(Succeeds()));
  EXPECT_EQ(refused.out, "");
}

TEST_F(Podman, ShowsWhyTheNetworkCouldNotBe) {
  const Outcome outcome = contained(":cidr=10.0.2.0/30", "true");
  EXPECT_THAT(outcome, EndsWithStatus(126));
  EXPECT_THAT(outcome.err, HasSubstr("prefix length needs to be"));
}

TEST_F(Podman, TellsTheProgramsVersion) {
  const Outcome outcome = client("podman info --format '{{.Host.Slirp4NetNS.Executable}} {{.Host.Slirp4NetNS.Version}}'");
  EXPECT_THAT(outcome, Succeeds());
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("/face/slirp4netns "), HasSubstr("slirp4netns version 1.")));
}

class PodmanPorts : public Podman, public testing::WithParamInterface<PortDriver> {};

TEST_P(PodmanPorts, ServesTheRemote) {
  const Outcome started =
      client(fmt::format("podman run -d --name server --network slirp4netns:port_handler={} -p 8099:80 --rootfs $HOME/root "
                         "httpd -f -p 0.0.0.0:80 -h /www",
                         GetParam().name));
  ASSERT_THAT(started, Succeeds());
  EXPECT_EQ(remote_as_seen_behind(kHost4, 8099), GetParam().client_seen);
  EXPECT_THAT(client("podman rm -f -t 0 server"), Succeeds());
  EXPECT_TRUE(face_ends());
  EXPECT_THAT(remote().sh("socat -t5 - TCP:$LAB_HOST4:8099 </dev/null"), Not(Succeeds())) << "the port has gone too";
}

INSTANTIATE_TEST_SUITE_P(By, PodmanPorts,
                         testing::Values(PortDriver{"rootlesskit", "10.0.2.100\n"}, PortDriver{"slirp4netns", "192.0.2.2\n"}),
                         name_of_driver);

}  // namespace
}  // namespace postern::lab
