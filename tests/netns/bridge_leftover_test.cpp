// bridge_leftover_test.cpp - containers that end without a word, links that others delete, and what they leave for `gc`,
// `detach` and `down` to find. bridge_test.h draws it.
#include <algorithm>

#include "bridge_test.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class BridgeLeftovers : public BridgeTest {
 protected:
  void SetUp() override {
    BridgeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_THAT(host().sh("sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0"), Succeeds());
    const Outcome made = bridge(fmt::format("up {}", kBlue));
    ASSERT_THAT(made, Succeeds());
    said_ = made.err;
    stays_ = container_on("blue", at(50, 9) + " -p 9000:80");
    ASSERT_TRUE(stays_);
    serve(*stays_, Server::http);
    before_ = snapshot();
  }
  const std::string& before() const { return before_; }
  const std::string& said_by_up() const { return said_; }
  std::string forwarding() const { return host().sh("sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding").out; }
  std::string links() const { return host().sh("ip -json link | jq -r '.[].ifname' | sort | tr '\\n' ' '").out; }
  /// A namespace is gone when its links are: the kernel takes them away some time after the last process.
  void expect_link_gone(std::string_view name) const {
    EXPECT_TRUE(wait_until([&] { return !host().sh(fmt::format("ip link show {}", name)).ok(); }));
  }
  std::string port_of_bridge_beside(std::string_view others) const {
    return first_line(fmt::format("ip -json link show master blue | jq -r '.[].ifname' | grep -vx '{}'", others));
  }
  std::string only_port() const { return port_of_bridge_beside("none"); }
  void expect_the_rest_works() const { EXPECT_EQ(source_seen(remote(), "192.0.2.1:9000"), "192.0.2.2\n"); }

 private:
  std::optional<Container> stays_;
  std::string before_, said_;
};

TEST_F(BridgeLeftovers, ANamespaceThatIsGoneIsSeenByCheckAndTakenAwayByGc) {
  const std::string others = only_port();
  auto made = container_on("blue", at(50, 2) + " -p 8080:80 --hostname gone");
  ASSERT_TRUE(made);
  const std::string port = port_of_bridge_beside(others);
  made->end();
  expect_link_gone(port);
  const Outcome seen = bridge("check");
  EXPECT_THAT(seen, EndsWithStatus(1));
  EXPECT_THAT(seen.out + seen.err, AllOf(HasSubstr("c50-2"), HasSubstr("postern bridge gc")));
  const Outcome taken = bridge("gc");
  EXPECT_THAT(taken, Succeeds());
  EXPECT_THAT(taken.out, HasSubstr("c50-2"));
  EXPECT_EQ(snapshot(), before());
  EXPECT_EQ(knock(remote(), kHost4, 8080), "open 0 ECONNREFUSED\n");
  expect_the_rest_works();
  EXPECT_THAT(bridge("check"), Succeeds());
  EXPECT_EQ(bridge("gc").out, "") << "nothing more to take away";
}

TEST_F(BridgeLeftovers, ANamespaceThatIsGoneIsDetachedByPidPathAndId) {
  const std::string others = only_port();
  for (const char* by : {"PID", "PATH", "c50-2"}) {
    auto made = container();
    ASSERT_TRUE(made);
    const bool by_path = std::string_view(by) == "PATH";
    ASSERT_THAT(bridge(fmt::format("attach blue {} {} -p 8080:80", by_path ? made->path() : made->pid_text(), at(50, 2))),
                Succeeds());
    const std::string port = port_of_bridge_beside(others);
    made->end();
    expect_link_gone(port);
    const std::string which = by_path ? made->path() : std::string_view(by) == "PID" ? made->pid_text() : by;
    EXPECT_THAT(bridge(fmt::format("detach blue {}", which)), Succeeds()) << by;
    EXPECT_EQ(snapshot(), before()) << by;
  }
  expect_the_rest_works();
}

TEST_F(BridgeLeftovers, ANamedNamespaceIsServedLikeAContainers) {
  ASSERT_THAT(host().sh("ip netns add red"), Succeeds());
  ASSERT_THAT(bridge("attach blue /run/netns/red --ip 10.50.0.2 --ip fd50::2"), Succeeds());
  EXPECT_EQ(host().sh("ip netns exec red curl -sS --max-time 10 http://10.50.0.9/client").out, "10.50.0.2\n");
  ASSERT_THAT(bridge("detach blue /run/netns/red"), Succeeds());
  EXPECT_EQ(host().sh("ip -netns red -json link | jq -r '.[].ifname'").out, "lo\n");
  EXPECT_EQ(snapshot(), before());
  ASSERT_THAT(bridge("attach blue /run/netns/red --ip 10.50.0.2 --ip fd50::2"), Succeeds());
  const std::string veth = first_line("ip -netns red -json link show eth0 | jq -r '.[0].link_index'");
  ASSERT_THAT(host().sh("ip netns del red"), Succeeds());
  EXPECT_TRUE(wait_until([&] { return host().sh("ip -json link show master blue | jq length").out == "1\n"; })) << veth;
  EXPECT_THAT(bridge("detach blue /run/netns/red"), Succeeds());
  EXPECT_EQ(snapshot(), before());
}

TEST_F(BridgeLeftovers, WhatTheDeadHoldIsFreeForTheNext) {
  const std::string others = only_port();
  up("tiny --subnet 10.52.0.0/30");
  auto made = container_on("blue", at(50, 2) + " -p 8080:80"), full = container_on("tiny");
  ASSERT_TRUE(made && full);
  for (auto* dead : {&*made, &*full}) dead->end();
  EXPECT_TRUE(wait_until([&] { return host().sh("ip -json link show type veth | jq length").out == "2\n"; })) << "eth0, of stays";
  const auto next = container_on("blue", "--ip 10.50.0.2 --ip fd50::2 -p 8080:80");
  const auto last = container_on("tiny");
  ASSERT_TRUE(next && last);
  serve(*next, Server::http);
  EXPECT_EQ(source_seen(remote(), "192.0.2.1:8080"), "192.0.2.2\n");
  EXPECT_THAT(bridge("check"), Succeeds());
}

// Another process may have the number meanwhile: the namespace, not its name, is who was attached.
TEST_F(BridgeLeftovers, ANameThatSomebodyElseHasNowIsNotTakenForTheOld) {
  ASSERT_THAT(host().sh("ip netns add red"), Succeeds());
  ASSERT_THAT(bridge("attach blue /run/netns/red --id old --ip 10.50.0.2 --ip fd50::2 -p 8080:80"), Succeeds());
  ASSERT_THAT(host().sh("ip netns del red && ip netns add red"), Succeeds());
  EXPECT_TRUE(wait_until([&] { return host().sh("ip -json link show master blue | jq length").out == "1\n"; }));
  EXPECT_THAT(bridge("gc").out, HasSubstr("old"));
  EXPECT_EQ(snapshot(), before());
}

TEST_F(BridgeLeftovers, ALinkThatSomebodyDeletedIsDetachedAllTheSame) {
  const std::string others = only_port();
  const auto made = container_on("blue", at(50, 2) + " -p 8080:80");
  ASSERT_TRUE(made);
  ASSERT_THAT(made->sh("ip link delete eth0"), Succeeds());
  EXPECT_THAT(bridge("check"), EndsWithStatus(1));
  EXPECT_THAT(bridge("detach blue c50-2"), Succeeds());
  EXPECT_EQ(snapshot(), before());
}

TEST_F(BridgeLeftovers, ABridgeThatSomebodyDeletedIsNoticedAndGoesDown) {
  ASSERT_THAT(host().sh("ip link delete blue"), Succeeds());
  const Outcome seen = bridge("check");
  EXPECT_THAT(seen, EndsWithStatus(1));
  EXPECT_THAT(seen.out + seen.err, HasSubstr("blue"));
  EXPECT_THAT(bridge("down blue --force"), Succeeds());
  EXPECT_EQ(links(), "eth0 lo ");
}

TEST_F(BridgeLeftovers, WhatAMemberIsHeldBackByIsMissedByCheck) {
  ASSERT_THAT(host().sh("ip link add other type veth peer name another"), Succeeds());
  up("apart --subnet 10.54.0.0/24 --icc off --external other");
  const auto made = container_on("apart");
  ASSERT_TRUE(made);
  EXPECT_THAT(bridge("check"), Succeeds());
  ASSERT_THAT(host().sh("ip link delete other"), Succeeds());
  EXPECT_THAT(bridge("check").out, AllOf(HasSubstr("network apart"), HasSubstr("no link other"), HasSubstr("--external")));
  ASSERT_THAT(host().sh("ip link add other type veth peer name another"), Succeeds());
  ASSERT_THAT(host().sh("ip link set $(ip -json link show master apart | jq -r '.[].ifname') type bridge_slave isolated off"),
              Succeeds());
  EXPECT_THAT(bridge("check").out, AllOf(HasSubstr("endpoint"), HasSubstr("is not isolated")));
  EXPECT_THAT(bridge("reload"), Succeeds());
  EXPECT_THAT(bridge("check"), Succeeds());
}

TEST_F(BridgeLeftovers, ALinkOfNobodyIsTakenAway) {
  // As an attach leaves it that was killed, and whose intent is lost: ours by its name's pattern alone is not enough.
  const std::string ours = only_port();
  ASSERT_THAT(host().sh(fmt::format("ip link add {}0 type veth peer name foreign1", ours.substr(0, 2))), Succeeds());
  EXPECT_THAT(bridge("gc"), Succeeds());
  EXPECT_THAT(host().sh("ip link show foreign1"), Succeeds()) << "somebody else's";
}

// Others of the host may have come to count on it: it is not taken back, and that is said when it is done.
TEST_F(BridgeLeftovers, TheForwardingOfTheHostStaysAndThatIsSaid) {
  EXPECT_EQ(forwarding(), "net.ipv4.ip_forward = 1\nnet.ipv6.conf.all.forwarding = 1\n");
  EXPECT_THAT(said_by_up(),
              AllOf(HasSubstr("net.ipv4.ip_forward"), HasSubstr("net.ipv6.conf.all.forwarding"), HasSubstr("stays")));
  ASSERT_THAT(bridge("down blue --force"), Succeeds());
  EXPECT_EQ(links(), "eth0 lo ");
  EXPECT_EQ(host().sh("find /run/postern/bridge/networks -mindepth 1").out, "");
}

TEST_F(BridgeLeftovers, OnlyTheFamiliesOfTheNetworkAreForwarded) {
  ASSERT_THAT(bridge("down blue --force"), Succeeds());
  ASSERT_THAT(host().sh("sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0"), Succeeds());
  ASSERT_THAT(bridge("up six --subnet fd52::/64 --ip-forward auto"), Succeeds());
  EXPECT_EQ(forwarding(), "net.ipv4.ip_forward = 0\nnet.ipv6.conf.all.forwarding = 1\n");
  EXPECT_THAT(bridge("check"), Succeeds());
  EXPECT_THAT(bridge("up again --subnet fd53::/64 --ip-forward require"), Succeeds()) << "IPv4 is none of its business";
}

TEST_F(BridgeLeftovers, AnUpThatFailsLeavesNothing) {
  ASSERT_THAT(bridge("down blue --force"), Succeeds());
  ASSERT_THAT(host().sh("sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0"), Succeeds());
  const std::string clean = snapshot();
  auto other = host().spawn({.argv = {"socat", "TCP4-LISTEN:53,fork", "EXEC:cat"}});
  ASSERT_TRUE(other);
  ASSERT_TRUE(wait_until([&] { return host().sh("ss -Hlnt sport = 53 | grep -q .").ok(); }));
  EXPECT_THAT(bridge(fmt::format("up {}", kBlue)), RefusesWith({"DNS server", "socat", "--no-names"}));
  EXPECT_EQ(snapshot(), clean);
  EXPECT_EQ(programs().count("dnsmasq"), 0U);
  EXPECT_THAT(bridge("check"), Succeeds());
  other->signal(SIGTERM);
  EXPECT_TRUE(other->wait());
}

// Who listens to routers while it forwards is led by whoever is on that link: guests of a bridge that is made later, say.
TEST_F(BridgeLeftovers, WithForwardingOnlyALinkToARouterGoesOnListening) {
  ASSERT_THAT(bridge("down blue --force"), Succeeds());
  ASSERT_THAT(
      host().sh(
          "sysctl -qw net.ipv6.conf.all.forwarding=0 && ip link add other type veth peer name another && ip link set other up && "
          "sysctl -qw net.ipv6.conf.eth0.accept_ra=1 net.ipv6.conf.other.accept_ra=1 "
          "net.ipv6.conf.default.accept_ra=1 && "
          "ip -6 route replace default via 2001:db8:1::2 dev eth0 proto ra"),
      Succeeds());
  const Outcome made = bridge(fmt::format("up {}", kBlue));
  ASSERT_THAT(made, Succeeds());
  EXPECT_THAT(made.err, HasSubstr("net.ipv6.conf.eth0.accept_ra is 2 now"));
  EXPECT_EQ(host().sh("for link in eth0 other default; do sysctl -n net.ipv6.conf.$link.accept_ra; done").out, "2\n1\n1\n");
}

TEST_F(BridgeLeftovers, ADamagedRecordIsNamedByCheckAndTakenAwayByGc) {
  const std::string others = only_port();
  const auto made = container_on("blue", at(50, 2) + " -p 8080:80 --hostname spoilt");
  ASSERT_TRUE(made);
  const std::string port = port_of_bridge_beside(others);
  ASSERT_THAT(host().sh("echo { >/run/postern/bridge/networks/blue/endpoints/c50-2@eth0.json"), Succeeds());
  const Outcome seen = bridge("check");
  EXPECT_THAT(seen, EndsWithStatus(1));
  EXPECT_THAT(seen.out, AllOf(HasSubstr("endpoint c50-2@eth0 of blue"), HasSubstr("postern bridge gc")));
  for (const char* words : {"ls", "inspect blue", "ports ls", "up green --subnet 10.51.0.0/24", "down green", "reload"}) {
    EXPECT_THAT(bridge(words), Succeeds()) << words;
  }
  EXPECT_THAT(bridge("down blue"), RefusesWith({"c50-9 and 1 more", "--force"}));
  EXPECT_THAT(host().sh("ls /run/postern/bridge/networks/blue/addresses/10.50.0.2"), Succeeds()) << "he is still there";
  const Outcome taken = bridge("gc");
  EXPECT_THAT(taken, Succeeds());
  EXPECT_THAT(taken.out, AllOf(HasSubstr("c50-2"), HasSubstr(port)));
  EXPECT_EQ(snapshot(), before());
  EXPECT_THAT(bridge("check"), Succeeds());
  expect_the_rest_works();
}

TEST_F(BridgeLeftovers, WhatIsDamagedGoesDownByForce) {
  const auto made = container_on("blue", at(50, 2) + " -p 8080:80");
  ASSERT_TRUE(made);
  ASSERT_THAT(host().sh("echo { >/run/postern/bridge/networks/blue/endpoints/c50-2@eth0.json"), Succeeds());
  ASSERT_THAT(bridge("down blue --force"), Succeeds());
  EXPECT_EQ(links(), "eth0 lo ");
  EXPECT_EQ(host().sh("cat /run/postern/bridge/ports; find /run/postern/bridge/networks -mindepth 1").out, "");
  EXPECT_EQ(programs().count("dnsmasq") + programs().count("postern-bridge"), 0U);
}

// Without its record nobody knows what its members may do: no rules are made until it has gone, and it goes as a whole.
TEST_F(BridgeLeftovers, ADamagedNetworkGoesByForceOrByGc) {
  for (const char* way : {"down blue --force", "gc"}) {
    if (std::string_view(way) == "gc") up(kBlue);
    up("green --subnet 10.51.0.0/24");
    ASSERT_THAT(host().sh("echo { >/run/postern/bridge/networks/blue/network.json"), Succeeds());
    const Outcome seen = bridge("check");
    EXPECT_THAT(seen, EndsWithStatus(1));
    EXPECT_THAT(seen.out, AllOf(HasSubstr("network blue"), HasSubstr("postern bridge gc")));
    EXPECT_THAT(bridge("up red --subnet 10.53.0.0/24"), RefusesWith({"networks/blue/network.json", "postern bridge gc"}));
    EXPECT_THAT(bridge(way), Succeeds());
    EXPECT_THAT(bridge("check"), Succeeds());
    EXPECT_EQ(links(), "eth0 green lo ");
    ASSERT_THAT(bridge("down green"), Succeeds());
  }
}

// /run is empty after a reboot, and so are the links and rules: here a folder that is lost while links, rules and helpers are
// not.
TEST_F(BridgeLeftovers, ALostStateIsARebuildFromNothing) {
  ASSERT_EQ(programs().count("dnsmasq") + programs().count("postern-bridge"), 2U);
  ASSERT_THAT(host().sh("rm -r /run/postern/bridge"), Succeeds());
  const Outcome taken = bridge("gc");
  EXPECT_THAT(taken, Succeeds());
  EXPECT_THAT(taken.out, AllOf(HasSubstr("DNS server of blue"), HasSubstr("loopback proxy")));
  EXPECT_EQ(programs().count("dnsmasq") + programs().count("postern-bridge"), 0U);
  EXPECT_THAT(bridge("check"), Succeeds());
  EXPECT_THAT(host().sh("nft list table inet postern"), Not(Succeeds()));
  EXPECT_EQ(links(), "eth0 lo ");
  EXPECT_EQ(bridge("gc").out, "") << "nothing more to take away";
}

TEST_F(BridgeLeftovers, WhoOnlyLooksMakesNoState) {
  ASSERT_THAT(bridge("down blue --force"), Succeeds());
  ASSERT_THAT(host().sh("rm -r /run/postern"), Succeeds());
  for (const char* words : {"check", "ls", "ports ls", "doctor"}) EXPECT_THAT(bridge(words), Succeeds()) << words;
  EXPECT_THAT(bridge("inspect blue"), RefusesWith({"there is no network blue"}));
  EXPECT_THAT(host().sh("ls /run/postern"), Not(Succeeds()));
}

// The command line alone is not enough: another network namespace with a /run of its own has helpers of the same.
TEST_F(BridgeLeftovers, HelpersOfOthersAreNotEnded) {
  const auto other = container();
  ASSERT_TRUE(other);
  auto alike = other->spawn({.argv = {"bash", "-c",
                                      "cd $(mktemp -d) && echo 'echo here; read forever </dev/fd/3' >proxy && "
                                      "exec 3<> <(:) && exec -a /x/postern-bridge sh proxy /run/postern/bridge/ports"}});
  ASSERT_TRUE(alike);
  ASSERT_TRUE(wait_until([&] { return alike->out() == "here\n"; }));
  EXPECT_EQ(bridge("gc").out, "") << "ours are recorded, that one is elsewhere";
  EXPECT_TRUE(alike->running());
  EXPECT_EQ(snapshot(), before());
  expect_the_rest_works();
  ASSERT_THAT(host().sh("rm -r /run/postern/bridge"), Succeeds());
  EXPECT_THAT(bridge("gc").out, HasSubstr("loopback proxy"));
  EXPECT_TRUE(alike->running());
}

}  // namespace
}  // namespace postern::lab
