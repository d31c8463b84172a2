// cni_test.cpp - postern-cni with real namespaces.
//
//   remote 192.0.2.2 ════ eth0  host: bridge blue ═╦═ eth0 of a
//                                                  ╚═ eth0 of b
#include "cni_test.h"

namespace postern::lab {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Cni : public CniTest {
 protected:
  void SetUp() override {
    CniTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    make_container("a");
    make_container("b");
  }
};

TEST_F(Cni, ConnectsContainersWithEachOtherAndTheWorld) {
  const Json first = add("a", network("blue", {{"ipv6", true}}));
  const Json second = add("b", network("blue", {{"ipv6", true}}));
  for (const size_t family : {0U, 1U}) {
    const std::string address = second["ips"][family]["address"];
    const std::string gateway = second["ips"][family]["gateway"];
    EXPECT_THAT(in("a", fmt::format("ping -c1 -W5 {}", address.substr(0, address.find('/')))), Succeeds());
    EXPECT_THAT(in("a", fmt::format("ping -c1 -W5 {}", gateway)), Succeeds());
  }
  EXPECT_THAT(in("a", fmt::format("ping -c1 -W5 {} && ping -c1 -W5 {}", kRemote4, kRemote6)), Succeeds());
  EXPECT_NE(first["ips"][0]["address"], second["ips"][0]["address"]);
}

TEST_F(Cni, TellsWhatItHasMade) {
  const Json result = add("a", network("blue", {{"subnets", {"10.9.0.0/24"}}, {"mtu", 1400}}, "1.1.0"));
  ASSERT_EQ(result["interfaces"].size(), 3U);
  EXPECT_EQ(result["cniVersion"], "1.1.0");
  const auto mac = [&](size_t i) { return result["interfaces"][i]["mac"].get<std::string>(); };
  const std::string veth = result["interfaces"][1]["name"];
  EXPECT_EQ(result["interfaces"][0]["name"], "blue");
  EXPECT_THAT(host().sh("ip link show dev blue").out, HasSubstr(mac(0)));
  EXPECT_THAT(host().sh(fmt::format("ip link show dev {}", veth)).out, AllOf(HasSubstr(mac(1)), HasSubstr("master blue")));
  EXPECT_THAT(in("a", "ip addr show dev eth0").out,
              AllOf(HasSubstr(mac(2)), HasSubstr("inet 10.9.0.2/24"), HasSubstr("mtu 1400")));
  EXPECT_EQ(result["interfaces"][2]["sandbox"], "/run/netns/a");
  EXPECT_EQ(result["interfaces"][2]["mtu"], 1400);
  EXPECT_EQ(result["ips"], Json::parse(R"([{"interface":2,"address":"10.9.0.2/24","gateway":"10.9.0.1"}])"));
  EXPECT_EQ(result["routes"], Json::parse(R"([{"dst":"0.0.0.0/0","gw":"10.9.0.1"}])"));
  EXPECT_THAT(in("a", "ip route").out, HasSubstr("default via 10.9.0.1"));
  EXPECT_EQ(result["dns"]["nameservers"], Json::parse(R"(["10.9.0.1"])"));
}

TEST_F(Cni, AnswersInTheVersionThatAsks) {
  for (const char* const version : {"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"}) {
    const Json configuration = network("blue", Json::object(), version);
    const Json result = add("a", configuration);
    EXPECT_EQ(result["cniVersion"], version);
    EXPECT_EQ(result["ips"][0].value("version", "none"), std::string_view(version) < "1" ? "4" : "none") << version;
    EXPECT_THAT(call("DEL", "a", configuration), Succeeds());
  }
}

TEST_F(Cni, TellsItsVersionsWithoutAConfiguration) {
  const Outcome outcome = call("VERSION", "", "");
  EXPECT_THAT(outcome, Succeeds());
  EXPECT_EQ(Json::parse(outcome.out)["supportedVersions"].size(), 5U);
  EXPECT_EQ(Json::parse(call("VERSION", "", R"({"cniVersion":"0.4.0"})").out)["cniVersion"], "0.4.0");
}

TEST_F(Cni, LeavesNothingOfAContainer) {
  add("b", network("blue"));
  const std::string before = left();
  const Json result = add("a", network("blue"));
  EXPECT_NE(left(), before);
  EXPECT_THAT(call("DEL", "a", with(network("blue"), "prevResult", result)), Succeeds());
  EXPECT_EQ(left(), before);
  EXPECT_THAT(in("a", "ip link show dev eth0"), Not(Succeeds()));
}

TEST_F(Cni, TakesAwayWhatIsGoneAlready) {
  EXPECT_THAT(call("DEL", "a", network("blue")), Succeeds()) << "there is no network yet";
  add("b", network("blue"));
  const std::string before = left();
  EXPECT_THAT(call("DEL", "a", network("blue")), Succeeds()) << "it was never connected";
  add("a", network("blue"));
  ASSERT_THAT(host().sh("ip netns delete a"), Succeeds());
  const Asked gone{.environment = {"CNI_NETNS="}};
  EXPECT_THAT(call("DEL", "a", network("blue"), gone), Succeeds());
  EXPECT_THAT(call("DEL", "a", network("blue"), gone), Succeeds());
  EXPECT_EQ(left(), before);
}

TEST_F(Cni, DoesNotTakeAnIdForAPid) {
  // A container that is attached by another id lives in the namespace of the process whose PID this one's id looks like.
  auto inside = host().spawn({.argv = {"ip", "netns", "exec", "a", "sleep", "1000"}});
  ASSERT_TRUE(inside);
  ASSERT_TRUE(wait_until([&] { return host().sh(fmt::format("test /proc/{}/ns/net -ef /run/netns/a", inside->pid())).ok(); }));
  add("a", network("blue"));
  EXPECT_THAT(call("DEL", std::to_string(inside->pid()), network("blue")), Succeeds());
  EXPECT_THAT(in("a", "ip link show dev eth0"), Succeeds());
}

TEST_F(Cni, ChecksWhatIsThere) {
  const Json configuration = with(network("blue"), "prevResult", add("a", network("blue")));
  EXPECT_THAT(call("CHECK", "a", configuration), Succeeds());
  EXPECT_THAT(call("CHECK", "b", configuration), RefusesWith(3));
  EXPECT_THAT(call("CHECK", "a", network("blue")), RefusesWith(7)) << "no prevResult";
  Json other = configuration;
  other["prevResult"]["ips"][0]["address"] = "10.1.2.3/24";
  EXPECT_THAT(call("CHECK", "a", other), RefusesWith(102));
  ASSERT_THAT(host().sh("nft delete table inet postern"), Succeeds());
  EXPECT_THAT(call("CHECK", "a", configuration), RefusesWith(102)) << "the rules are gone";
}

TEST_F(Cni, SeesALinkThatIsGone) {
  const Json configuration = with(network("blue"), "prevResult", add("a", network("blue")));
  ASSERT_THAT(in("a", "ip link delete eth0"), Succeeds());
  EXPECT_THAT(call("CHECK", "a", configuration), RefusesWith(102));
}

TEST_F(Cni, IsNotDisturbedByAnotherContainersTrouble) {
  const Json configuration = with(network("blue"), "prevResult", add("a", network("blue")));
  add("b", network("blue"));
  ASSERT_THAT(in("b", "ip link delete eth0"), Succeeds());
  EXPECT_THAT(call("CHECK", "a", configuration), Succeeds());
}

TEST_F(Cni, RefusesByTheSpecificationsCodes) {
  EXPECT_THAT(call("ADD", "a", network("blue", Json::object(), "0.2.0")), RefusesWith(1));
  EXPECT_THAT(call("CHECK", "a", network("blue", Json::object(), "0.3.1")), RefusesWith(1));
  EXPECT_THAT(call("GC", "a", network("blue", Json::object(), "1.0.0")), RefusesWith(1));
  EXPECT_THAT(call("ADD", "gone", network("blue")), RefusesWith(3));
  EXPECT_THAT(call("ADD", "a", network("blue"), {.environment = {"CNI_IFNAME=a/b"}}), RefusesWith(4));
  EXPECT_THAT(call("ADD", "a", network("blue"), {.environment = {"CNI_NETNS=/etc/passwd"}}), RefusesWith(4));
  EXPECT_THAT(call("NONE", "a", network("blue")), RefusesWith(4));
  EXPECT_THAT(call("ADD", "a", ""), RefusesWith(6));
  EXPECT_THAT(call("ADD", "a", "{"), RefusesWith(6));
  EXPECT_THAT(call("ADD", "a", network("blue", {{"mtu", "big"}})), RefusesWith(7));
  EXPECT_THAT(call("ADD", "a", network("blue", {{"prevResult", Json::object()}})), RefusesWith(7));
  EXPECT_EQ(host().sh("ip -o link show type bridge").out, "") << "nothing was made";
}

TEST_F(Cni, LeavesNoNetworkWhereItsFirstContainerCannotBe) {
  ASSERT_THAT(in("a", "ip link add eth0 type veth peer name other"), Succeeds());
  EXPECT_THAT(call("ADD", "a", network("blue")), RefusesWith(100));
  EXPECT_EQ(host().sh("ip -o link show type bridge").out, "");
}

TEST_F(Cni, RefusesAConfigurationThatContradictsTheNetwork) {
  add("a", network("blue", {{"subnets", {"10.9.0.0/24"}}}));
  const Outcome outcome = call("ADD", "b", network("blue", {{"internal", true}}));
  EXPECT_THAT(outcome, RefusesWith(7));
  EXPECT_THAT(outcome.out, HasSubstr("internal"));
  EXPECT_THAT(call("ADD", "b", network("blue", {{"subnets", {"10.10.0.0/24"}}})), RefusesWith(7));
  add("b", network("blue"));
}

TEST_F(Cni, GivesTheAddressAndTheMacThatAreAskedFor) {
  const Json configuration = network("blue", {{"subnets", {"10.9.0.0/24"}}, {"capabilities", {{"ips", true}, {"mac", true}}}});
  add("a", with(configuration, "runtimeConfig", {{"ips", {"10.9.0.77/24"}}, {"mac", "02:00:00:00:00:77"}}));
  add("b", configuration, {.environment = {"CNI_ARGS=IgnoreUnknown=1;IP=10.9.0.78;MAC=02:00:00:00:00:78"}});
  EXPECT_THAT(in("a", "ip addr show dev eth0").out, AllOf(HasSubstr("10.9.0.77/24"), HasSubstr("02:00:00:00:00:77")));
  EXPECT_THAT(in("b", "ip addr show dev eth0").out, AllOf(HasSubstr("10.9.0.78/24"), HasSubstr("02:00:00:00:00:78")));
}

TEST_F(Cni, HasNoWayOutOfAnInternalNetwork) {
  const Json result = add("a", network("blue", {{"internal", true}}));
  EXPECT_FALSE(result.contains("routes"));
  EXPECT_EQ(in("a", "ip route show default").out, "");
}

TEST_F(Cni, PublishesPortsAndTakesThemBack) {
  const Json ports = Json::parse(R"([{"hostPort":8080,"containerPort":80,"protocol":"tcp"}])");
  const Json configuration = with(network("blue"), "runtimeConfig", {{"portMappings", ports}});
  add("a", configuration);
  auto server =
      host().spawn({.argv = {"ip", "netns", "exec", "a", "socat", "TCP-LISTEN:80,fork,reuseaddr", "SYSTEM:echo inside"}});
  ASSERT_TRUE(server);
  ASSERT_TRUE(wait_until([&] { return listens(host(), server->pid(), "tcp", 80); }));
  EXPECT_EQ(remote().sh("socat -T5 - TCP:$LAB_HOST4:8080 </dev/null").out, "inside\n");
  EXPECT_EQ(host().sh("socat -T5 - TCP:127.0.0.1:8080 </dev/null").out, "inside\n");
  EXPECT_THAT(call("DEL", "a", configuration), Succeeds());
  EXPECT_THAT(remote().sh("socat -T5 - TCP:$LAB_HOST4:8080 </dev/null"), Not(Succeeds()));
}

TEST_F(Cni, FindsContainersByTheirNames) {
  const Json configuration = network("blue", {{"subnets", {"10.9.0.0/24"}}});
  add("a", with(configuration, "runtimeConfig", Json::parse(R"({"aliases":{"blue":["db","not_one"]}})")),
      {.environment = {"CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAME=web"}});
  add("b", configuration);
  for (const char* const name : {"db", "web"}) {
    EXPECT_EQ(in("b", fmt::format("dig +short +timeout=5 @10.9.0.1 {}", name)).out, "10.9.0.2\n") << name;
  }
}

TEST_F(Cni, CollectsWhatTheRuntimeNoLongerKnows) {
  const Json configuration = network("blue", Json::object(), "1.1.0");
  add("a", configuration);
  add("b", configuration);
  make_container("c");
  add("c", network("green", {{"bridge", "blue"}}, "1.1.0"));
  const Json valid = Json::parse(R"([{"containerID":"b","ifname":"eth0"}])");
  EXPECT_THAT(call("GC", "", configuration), RefusesWith(7)) << "no list is not an empty one";
  EXPECT_THAT(call("GC", "", with(configuration, "cni.dev/valid-attachments", valid)), Succeeds());
  EXPECT_THAT(in("a", "ip link show dev eth0"), Not(Succeeds()));
  EXPECT_THAT(in("b", "ip link show dev eth0"), Succeeds());
  EXPECT_THAT(in("c", "ip link show dev eth0"), Succeeds()) << "it is another network's";
}

TEST_F(Cni, TellsWhetherItCanServe) {
  const Json configuration = network("blue", Json::object(), "1.1.0");
  EXPECT_THAT(call("STATUS", "", configuration), Succeeds());
  EXPECT_THAT(call("STATUS", "", with(configuration, "ipam", {{"type", "none-such"}})), RefusesWith(50));
  const std::string plugin = fmt::format("{}/libexec/postern/postern-cni", kTree);
  const Outcome weak = host().run({.argv = {"setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", plugin},
                                   .input = configuration.dump(),
                                   .environment = {"CNI_COMMAND=STATUS"}});
  EXPECT_THAT(weak, RefusesWith(50));
  EXPECT_THAT(weak.out, HasSubstr("CAP_NET_ADMIN"));
}

TEST_F(Cni, ServesManyAtOnce) {
  constexpr std::string_view kScript = R"sh(
    for i in $(seq 20); do ip netns add n$i; done
    for i in $(seq 20); do
      printf %s '{0}' | CNI_COMMAND=ADD CNI_CONTAINERID=n$i CNI_NETNS=/run/netns/n$i CNI_IFNAME=eth0 \
        {1}/libexec/postern/postern-cni >$TMPDIR/$i &
    done
    wait
    cat $TMPDIR/[0-9]* | jq -r '.ips[0].address' | sort -u | wc -l)sh";
  const Outcome outcome = host().sh(fmt::format(kScript, network("blue").dump(), kTree));
  EXPECT_EQ(outcome.out, "20\n") << outcome.err;
}

class CniChain : public Cni {
 protected:
  void SetUp() override {
    Cni::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    LAB_SKIP_UNLESS(host().sh(fmt::format("test -x {}/host-local", kReferencePlugins)).ok(), "cni-plugins",
                    "containernetworking-plugins are not installed");
  }
  static Json delegating() {
    return network(
        "blue", {{"ipam",
                  {{"type", "host-local"},
                   {"dataDir", "/run/ipam"},
                   {"ranges", Json::parse(R"([[{"subnet":"10.9.0.0/24","rangeStart":"10.9.0.50"}],[{"subnet":"fd09::/64"}]])")},
                   {"routes", Json::parse(R"([{"dst":"0.0.0.0/0"}])")}}}});
  }
  std::string reserved() const { return host().sh("cd /run/ipam/blue && ls -d 10.* fd* 2>/dev/null").out; }
};

TEST_F(CniChain, TakesAddressesFromHostLocal) {
  const Json result = add("a", delegating());
  EXPECT_EQ(result["ips"][0], Json::parse(R"({"interface":2,"address":"10.9.0.50/24","gateway":"10.9.0.1"})"));
  EXPECT_THAT(in("a", "ip addr show dev eth0").out, AllOf(HasSubstr("inet 10.9.0.50/24"), HasSubstr("inet6 fd09::")));
  EXPECT_THAT(in("a", fmt::format("ping -c1 -W5 {}", kRemote4)), Succeeds());
  EXPECT_THAT(reserved(), HasSubstr("10.9.0.50"));
  const Json checked = with(delegating(), "prevResult", result);
  EXPECT_THAT(call("CHECK", "a", checked), Succeeds());
  ASSERT_THAT(host().sh("rm /run/ipam/blue/10.* /run/ipam/blue/fd*"), Succeeds());
  EXPECT_THAT(call("CHECK", "a", checked), Not(Succeeds())) << "host-local has lost them";
  EXPECT_THAT(call("DEL", "a", checked), Succeeds());
  EXPECT_EQ(reserved(), "");
}

TEST_F(CniChain, GivesHostLocalItsAddressBackWhenItFails) {
  ASSERT_THAT(in("a", "ip link add eth0 type veth peer name other"), Succeeds());
  EXPECT_THAT(call("ADD", "a", delegating()), RefusesWith(100));
  EXPECT_EQ(reserved(), "");
}

TEST_F(CniChain, PassesOnHostLocalsRefusal) {
  Json wrong = delegating();
  wrong["ipam"]["ranges"][0][0]["subnet"] = "x";
  const Outcome outcome = call("ADD", "a", wrong);
  EXPECT_THAT(outcome, EndsWithStatus(1));
  EXPECT_THAT(Json::parse(outcome.out)["msg"].get<std::string>(), HasSubstr("CIDR"));
  EXPECT_EQ(host().sh("ip -o link show type bridge").out, "");
}

TEST_F(CniChain, IsFollowedByPortmapAndTuning) {
  const Json first = add("a", network("blue", Json::object(), "0.4.0"));
  const Json ports = Json::parse(R"([{"hostPort":8081,"containerPort":80,"protocol":"tcp"}])");
  Json portmap = with(with(network("blue", {{"type", "portmap"}}, "0.4.0"), "prevResult", first), "runtimeConfig",
                      {{"portMappings", ports}});
  const Json second = add("a", portmap, {.plugin = "portmap"});
  const Json tuning = network(
      "blue", {{"type", "tuning"}, {"mac", "02:00:00:00:00:99"}, {"sysctl", {{"net.ipv4.conf.eth0.arp_filter", "1"}}}}, "0.4.0");
  const Json third = add("a", with(tuning, "prevResult", second), {.plugin = "tuning"});
  EXPECT_EQ(third["ips"], first["ips"]);
  EXPECT_THAT(in("a", "cat /proc/sys/net/ipv4/conf/eth0/arp_filter; ip link show dev eth0").out,
              AllOf(StartsWith("1\n"), HasSubstr("02:00:00:00:00:99")));
  EXPECT_THAT(call("CHECK", "a", with(network("blue", Json::object(), "0.4.0"), "prevResult", third)), Succeeds());
  EXPECT_THAT(call("DEL", "a", with(tuning, "prevResult", third), {.plugin = "tuning"}), Succeeds());
  EXPECT_THAT(call("DEL", "a", with(portmap, "prevResult", third), {.plugin = "portmap"}), Succeeds());
  EXPECT_THAT(call("DEL", "a", with(network("blue", Json::object(), "0.4.0"), "prevResult", third)), Succeeds());
}

}  // namespace
}  // namespace postern::lab
