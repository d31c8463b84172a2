// bridge_names_test.cpp - names: the gateway of a network answers for who is on it, and asks the host's servers for the rest.
//
//   container: dig @10.50.0.1, @fd50::1 ─► dnsmasq at blue's gateway ─┬► who is on blue
//                                                                     └► /etc/resolv.conf of the host ─► dnsmasq on the remote
#include <algorithm>

#include "bridge_test.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class BridgeNames : public BridgeTest {
 protected:
  std::vector<Server> servers() const override { return {Server::dns}; }
  void SetUp() override {
    BridgeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const std::string missing = not_installed("dig dnsmasq");
    LAB_SKIP_UNLESS(missing.empty(), "programs", missing + "missing: sh contrib/install-deps.sh");
  }
  static std::string dig(const Machine& from, std::string_view words) {
    const std::string out = from.sh(fmt::format("dig +short +tries=1 +time=3 {}", words)).out;
    return out.starts_with(";;") ? "no answer" : out;
  }
  static std::string status(const Machine& from, std::string_view words) {
    return from.sh(fmt::format("dig +tries=1 +time=3 {} | sed -n 's/.*status: \\([A-Z]*\\).*/\\1/p'", words)).out;
  }
};

TEST_F(BridgeNames, ContainersOfOneNetworkFindEachOther) {
  up(kBlue);
  const auto web = container_on("blue", at(50, 2) + " --hostname web --hostname www"), peer = container_on("blue", at(50, 3));
  ASSERT_TRUE(web && peer);
  for (const char* gateway : {"@10.50.0.1", "@fd50::1"}) {
    for (const char* by : {"+notcp", "+tcp"}) {
      EXPECT_EQ(dig(*peer, fmt::format("{} {} web A", gateway, by)), "10.50.0.2\n") << gateway << by;
      EXPECT_EQ(dig(*peer, fmt::format("{} {} web AAAA", gateway, by)), "fd50::2\n") << gateway << by;
    }
  }
  EXPECT_EQ(dig(*peer, "@10.50.0.1 www A"), "10.50.0.2\n");
  EXPECT_EQ(dig(*web, "@10.50.0.1 web A"), "10.50.0.2\n") << "itself";
  EXPECT_EQ(dig(host(), "@10.50.0.1 web A"), "10.50.0.2\n") << "the host";
}

TEST_F(BridgeNames, ComeAndGoWithTheirContainers) {
  up(kBlue);
  const auto peer = container_on("blue", at(50, 3));
  ASSERT_TRUE(peer);
  EXPECT_EQ(status(*peer, "@10.50.0.1 web A"), "NXDOMAIN\n");
  for (int number : {2, 4}) {
    const auto web = container_on("blue", at(50, number) + " --hostname web");
    ASSERT_TRUE(web);
    EXPECT_EQ(dig(*peer, "@10.50.0.1 web A"), fmt::format("10.50.0.{}\n", number)) << "as soon as attach has returned";
    ASSERT_THAT(bridge(fmt::format("detach blue c50-{}", number)), Succeeds());
    EXPECT_EQ(status(*peer, "@10.50.0.1 web A"), "NXDOMAIN\n");
  }
}

TEST_F(BridgeNames, AreOfTheirNetworkAlone) {
  up(kBlue);
  up(kGreen);
  const auto web = container_on("blue", at(50, 2) + " --hostname web"),
             other = container_on("green", at(51, 2) + " --hostname other");
  ASSERT_TRUE(web && other);
  EXPECT_EQ(status(*other, "@10.51.0.1 web A"), "NXDOMAIN\n");
  EXPECT_EQ(dig(*other, "@10.51.0.1 other A"), "10.51.0.2\n");
  for (const char* gateway : {"@10.50.0.1", "@fd50::1"}) {
    EXPECT_NE(dig(*other, fmt::format("{} +time=1 web A", gateway)), "10.50.0.2\n") << "by the gateway of the other network";
  }
  EXPECT_NE(dig(remote(), "@192.0.2.1 +time=1 web A"), "10.50.0.2\n");
  ASSERT_THAT(remote().sh("ip route add 10.50.0.0/24 via 192.0.2.1"), Succeeds());
  EXPECT_NE(dig(remote(), "@10.50.0.1 +time=1 web A"), "10.50.0.2\n") << "from outside, by the gateway";
}

TEST_F(BridgeNames, OfTheWorldAreAskedOfTheHostsServers) {
  up(kBlue);
  const auto made = container_on("blue", at(50, 2));
  ASSERT_TRUE(made);
  EXPECT_EQ(dig(*made, fmt::format("@10.50.0.1 {} A", kName)), fmt::format("{}\n", kRemote4));
  EXPECT_EQ(dig(*made, fmt::format("@fd50::1 {} AAAA", kName)), fmt::format("{}\n", kRemote6));
  EXPECT_EQ(status(*made, "@10.50.0.1 nobody.lab.test A"), "NXDOMAIN\n");
  EXPECT_THAT(dig(*made, fmt::format("@10.50.0.1 +tcp {} TXT", kLargeName)), HasSubstr(std::string(250, 'p')));
}

TEST_F(BridgeNames, OfAnInternalNetworkAreItsOwnAlone) {
  up(std::string(kBlue) + " --internal");
  const auto web = container_on("blue", at(50, 2) + " --hostname web"), peer = container_on("blue", at(50, 3));
  ASSERT_TRUE(web && peer);
  EXPECT_EQ(dig(*peer, "@10.50.0.1 web A"), "10.50.0.2\n");
  EXPECT_EQ(dig(*peer, "@fd50::1 web AAAA"), "fd50::2\n");
  EXPECT_NE(dig(*peer, fmt::format("@10.50.0.1 +time=1 {} A", kName)), fmt::format("{}\n", kRemote4));
}

TEST_F(BridgeNames, AreLeftToTheCallerWhereNotWanted) {
  up(std::string(kBlue) + " --no-names");
  const auto made = container_on("blue", at(50, 2) + " --hostname web");
  ASSERT_TRUE(made);
  EXPECT_EQ(programs().count("dnsmasq"), 1U) << "the remote's";
  EXPECT_EQ(knock(*made, "10.50.0.1", 53), "open 0 ECONNREFUSED\n");
}

// A server of the host's on every address, as many hosts have one, is in nobody's way.
TEST_F(BridgeNames, LiveBesideAServerOfTheHost) {
  auto own = host().spawn({.argv = {"dnsmasq", "--no-daemon", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--pid-file=",
                                    "--bind-interfaces", "--listen-address=127.0.0.1", "--host-record=own.lab.test,127.0.0.9"}});
  ASSERT_TRUE(own);
  ASSERT_TRUE(wait_until([&] { return host().sh("dig +short +tries=1 +time=1 @127.0.0.1 own.lab.test").out == "127.0.0.9\n"; }));
  up(kBlue);
  const auto web = container_on("blue", at(50, 2) + " --hostname web");
  ASSERT_TRUE(web);
  EXPECT_EQ(dig(*web, "@10.50.0.1 web A"), "10.50.0.2\n");
  EXPECT_EQ(dig(host(), "@127.0.0.1 own.lab.test A"), "127.0.0.9\n");
}

TEST_F(BridgeNames, ThatCannotBeAreRefused) {
  up(kBlue);
  const auto made = container();
  ASSERT_TRUE(made);
  const std::string before = snapshot();
  const std::string too_long(300, 'a');
  for (const std::string_view name : {std::string_view("'a b'"), {"a/b"}, {"'a\nb'"}, {"-a"}, {".."}, {"'#'"}, {too_long}}) {
    const Outcome refused = attach("blue", *made, fmt::format("--hostname {}", name));
    EXPECT_TRUE(refused.status == 1 || refused.status == 2) << name << refused.status;
    EXPECT_EQ(snapshot(), before) << name;
  }
}

}  // namespace
}  // namespace postern::lab
