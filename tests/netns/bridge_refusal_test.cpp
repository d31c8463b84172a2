// bridge_refusal_test.cpp - what cannot be done: one line that names the object and what is in the way, and nothing half-made.
// bridge_test.h draws it.
#include <algorithm>

#include "bridge_test.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class BridgeRefuses : public BridgeTest {
 protected:
  void SetUp() override {
    BridgeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    up(kBlue);
    holder_ = container_on("blue", at(50, 2) + " -p 8080:80");
    newcomer_ = container();
    ASSERT_TRUE(holder_ && newcomer_);
    before_ = everything();
  }
  const Container& newcomer() const { return *newcomer_; }
  std::string everything() const {
    return snapshot() + newcomer_->sh("ip -json link | jq -r '.[].ifname'; ip address show scope global").out;
  }
  /// `words` of `postern bridge` name PID for the newcomer.
  void expect(std::string words, std::initializer_list<const char*> told) const {
    if (const size_t pid = words.find("PID"); pid != words.npos) words.replace(pid, 3, newcomer_->pid_text());
    EXPECT_THAT(bridge(words), RefusesWith(told)) << words;
    EXPECT_EQ(everything(), before_) << words;
  }
  void expect_usage(std::string_view words) const {
    const Outcome refused = bridge(words);
    EXPECT_THAT(refused, EndsWithStatus(2)) << words;
    EXPECT_NE(refused.err, "") << words;
    EXPECT_EQ(refused.out, "") << words;
  }
  void look_again() { before_ = everything(); }
  const std::string& before() const { return before_; }

 private:
  std::optional<Container> holder_, newcomer_;
  std::string before_;
};

TEST_F(BridgeRefuses, SubnetsThatOverlap) {
  expect("up green --subnet 192.0.2.128/25", {"192.0.2.128/25", "192.0.2.1/24"});
  expect("up green --subnet 192.0.0.0/16", {"192.0.0.0/16", "192.0.2.1/24"});
  expect("up green --subnet 2001:db8:1::/80", {"2001:db8:1::/80", "2001:db8:1::1/64"});
  expect("up green --subnet 10.50.0.128/25", {"10.50.0.128/25", "blue"});
  expect("up green --subnet 10.0.0.0/8", {"10.0.0.0/8", "blue"});
  expect("up green --subnet 10.51.0.0/24 --subnet fd50::/80", {"fd50::/80", "blue"});
  ASSERT_THAT(host().sh("ip route add 10.70.0.0/16 via 192.0.2.2"), Succeeds());
  look_again();
  expect("up green --subnet 10.70.3.0/24", {"10.70.3.0/24", "10.70.0.0/16"});
}

TEST_F(BridgeRefuses, ASubnetThatIsFullNamesItsHolders) {
  up("tiny --subnet 10.52.0.0/30");
  const auto only = container_on("tiny", "--id only-one");
  ASSERT_TRUE(only);
  look_again();
  expect("attach tiny PID", {"10.52.0.0/30", "only-one"});
}

TEST_F(BridgeRefuses, AddressesThatCannotBe) {
  expect("attach blue PID --ip 10.51.0.2", {"10.51.0.2", "blue"});
  expect("attach blue PID --ip 10.50.0.1", {"10.50.0.1"});
  expect("attach blue PID --ip 10.50.0.0", {"10.50.0.0"});
  expect("attach blue PID --ip 10.50.0.255", {"10.50.0.255"});
  expect("attach blue PID --ip 10.50.0.2", {"10.50.0.2", "c50-2"});
  expect("attach blue PID --ip fd50::1", {"fd50::1"});
  expect("attach blue PID --ip fd51::7", {"fd51::7"});
}

TEST_F(BridgeRefuses, NamesThatAreInUse) {
  ASSERT_THAT(host().sh("ip link add green type bridge"), Succeeds());
  ASSERT_THAT(newcomer().sh("ip link add eth0 type veth peer name other"), Succeeds());
  look_again();
  expect("up green --subnet 10.51.0.0/24", {"green"});
  expect("attach blue PID", {"eth0"});
  expect("attach blue PID --id c50-2", {"c50-2"});
  expect("up blue --subnet 10.51.0.0/24", {"blue"});
}

TEST_F(BridgeRefuses, WhatIsAttachedAlready) {
  ASSERT_THAT(attach("blue", newcomer(), "--ip 10.50.0.3 --ip fd50::3"), Succeeds());
  look_again();
  expect("attach blue PID", {"eth0"});
}

TEST_F(BridgeRefuses, WithACommandThatDetachesWhatIsInTheWay) {
  ASSERT_THAT(attach("blue", newcomer(), "--id twice --name eth1"), Succeeds());
  look_again();
  expect("attach blue PID --id twice --name eth1", {"twice", "(postern bridge detach blue twice --name eth1)"});
  EXPECT_THAT(bridge("detach blue twice --name eth1"), Succeeds());
}

TEST_F(BridgeRefuses, PortsThatAreTaken) {
  expect("attach blue PID -p 8080:80", {"8080", "c50-2"});
  expect("attach blue PID -p 7000:80 -p 7000:81", {"7000"});
}

TEST_F(BridgeRefuses, WhatIsNotThere) {
  expect("attach red PID", {"red"});
  expect("attach blue 999999", {"999999"});
  expect("attach blue /run/netns/nobody", {"/run/netns/nobody"});
  expect("attach blue /etc/hosts", {"/etc/hosts"});
  expect("attach blue /proc/1/ns/mnt", {"/proc/1/ns/mnt"});
  expect("detach blue nobody", {"nobody"});
  expect("detach red nobody", {"red"});
  expect("down red", {"red"});
  expect("inspect red", {"there is no network red"});
  expect("ports ls red", {"there is no network red"});
  expect("ports add blue nobody 7000:80", {"nobody"});
  expect("ports rm blue c50-2 7000:80", {"7000"});
  expect("up green --external nolink", {"nolink"});
}

// The host itself: its links are nobody's to move.
TEST_F(BridgeRefuses, TheHostsOwnNamespace) { expect("attach blue /proc/1/ns/net", {"/proc/1/ns/net"}); }

TEST_F(BridgeRefuses, TheEndOfANetworkInUse) {
  expect("down blue", {"blue", "c50-2", "--force"});
  EXPECT_THAT(bridge("down blue --force"), Succeeds());
  EXPECT_EQ(host().sh("ip -json link | jq -r '.[].ifname' | sort | tr '\\n' ' '").out, "eth0 lo ");
}

TEST_F(BridgeRefuses, AForwardingHostWhereItIsRequired) {
  ASSERT_THAT(bridge("down blue --force"), Succeeds());
  ASSERT_THAT(host().sh("sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0"), Succeeds());
  look_again();
  expect("up green --subnet 10.51.0.0/24 --ip-forward require", {"ip_forward"});
  ASSERT_THAT(bridge("up green --subnet 10.51.0.0/24 --ip-forward never"), Succeeds());
  EXPECT_EQ(host().sh("sysctl -n net.ipv4.ip_forward").out, "0\n");
  EXPECT_THAT(bridge("check"), Succeeds()) << "it is what was asked for";
}

TEST_F(BridgeRefuses, WhatNobodyCanMean) {
  for (const char* words : {"",
                            "fly",
                            "up",
                            "up 0123456789abcdef",
                            "up a/b",
                            "up -x",
                            "up .",
                            "up green --subnet 10.51.0.0",
                            "up green --subnet 10.51.0.0/33",
                            "up green --subnet ten/24",
                            "up green --mtu lots",
                            "up green --icc maybe",
                            "up green --isolate half",
                            "up green --ip-forward maybe",
                            "up green blue",
                            "attach blue",
                            "attach blue 1 --ip 10.50.0",
                            "attach blue 1 --ip 10.50.0.7 --ip 10.50.0.8",
                            "up green --subnet 127.1.0.0/16",
                            "up green --subnet 10.60.0.0/24 --subnet 10.61.0.0/24",
                            "up all",
                            "up default --subnet 10.51.0.0/24",
                            "up green --external all",
                            "attach blue 1 --name default",
                            "attach blue 1 --hostname a_b",
                            "attach blue 1 --mac 02",
                            "attach blue 1 --mac 00:00:00:00:00:00",
                            "attach blue 1 --mac 01:00:5e:00:00:01",
                            "attach blue 1 -p [::ffff:192.0.2.1]:80:80",
                            "attach blue 1 -p [fe80::1]:80:80",
                            "attach blue 1 -p 80",
                            "attach blue 1 -p 70000:80",
                            "attach blue 1 -p 8000-8010:80-81",
                            "attach blue 1 -p 9:9/icmp",
                            "attach blue 1 -p 1.2.3:9:9",
                            "ports",
                            "ports add blue",
                            "ports add blue c50-2",
                            "down",
                            "inspect"}) {
    expect_usage(words);
  }
  EXPECT_EQ(everything(), before());
}

// An ordinary user learns what is missing, and what he can have without it.
TEST_F(BridgeRefuses, WhoIsNotPrivileged) {
  for (const char* words : {"up green", "attach blue 1", "down blue", "gc", "reload"}) {
    const Outcome refused = host().sh_as_user(fmt::format("postern bridge {}", words));
    EXPECT_THAT(refused, RefusesWith({"CAP_NET_ADMIN", "postern run"})) << words;
    EXPECT_EQ(everything(), before()) << words;
  }
  const Outcome refused = sh("setpriv --bounding-set -net_admin --inh-caps -net_admin postern bridge up green");
  EXPECT_THAT(refused, RefusesWith({"CAP_NET_ADMIN"}));
  EXPECT_THAT(sh("setpriv --bounding-set -sys_admin --inh-caps -sys_admin postern bridge up green"),
              RefusesWith({"CAP_SYS_ADMIN"}));
}

// As a kernel without nf_tables answers: EPROTONOSUPPORT to a socket of NETLINK_NETFILTER.
TEST_F(BridgeRefuses, AKernelWithoutNfTables) {
  const Outcome refused = sh("postern-container --no-netfilter postern bridge up green --subnet 10.51.0.0/24");
  EXPECT_THAT(refused, RefusesWith({"nf_tables"}));
  EXPECT_EQ(everything(), before());
}

}  // namespace
}  // namespace postern::lab
