// bridge_story_test.cpp - what the articles about container networking build by hand, command by command, and then look at: here
// two commands build it. bridge_test.h draws it.
#include <nlohmann/json.hpp>

#include <regex>

#include "bridge_test.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class BridgeStory : public BridgeTest {
 protected:
  std::vector<Server> servers() const override { return {Server::http, Server::echo}; }
  void SetUp() override {
    BridgeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    up(kBlue);
    web_ = container_on("blue", at(50, 2) + " -p 8080:80 -p 7000:7 -p 7000:7/udp");
    client_ = container_on("blue", at(50, 3));
    ASSERT_TRUE(web_ && client_);
    serve(*web_, Server::http);
    serve(*web_, Server::echo);
    serve(host(), Server::echo);
  }

  const Container& web() const { return *web_; }
  const Container& client() const { return *client_; }

  void containers_reach_each_other() const {
    EXPECT_EQ(source_seen(client(), "10.50.0.2"), "10.50.0.3\n");
    EXPECT_EQ(source_seen(client(), "[fd50::2]"), "fd50::3\n");
  }
  void containers_and_the_host_reach_each_other() const {
    EXPECT_EQ(source_seen(host(), "10.50.0.2"), "10.50.0.1\n");
    EXPECT_EQ(source_seen(host(), "[fd50::2]"), "fd50::1\n");
    for (const char* own : {"10.50.0.1", "192.0.2.1", "fd50::1", "2001:db8:1::1"}) {
      EXPECT_EQ(client().run({"postern-probe", own, "7", "open", "echo"}).out, kAnswered) << own;
    }
  }
  void the_outside_sees_the_host() const {
    EXPECT_EQ(source_seen(client(), kRemote4), fmt::format("{}\n", kHost4));
    EXPECT_EQ(source_seen(client(), fmt::format("[{}]", kRemote6)), fmt::format("{}\n", kHost6));
    EXPECT_EQ(source_seen(client(), kFar4), fmt::format("{}\n", kHost4)) << "behind the host's default route";
    EXPECT_EQ(source_seen(client(), fmt::format("[{}]", kFar6)), fmt::format("{}\n", kHost6));
    EXPECT_EQ(knock_udp(client(), kRemote4, 7), kAnswered);
    EXPECT_EQ(knock_udp(client(), kRemote6, 7), kAnswered);
    EXPECT_THAT(client().run({"ping", "-c1", "-W5", std::string(kRemote4)}), Succeeds());
    EXPECT_THAT(client().run({"ping", "-c1", "-W5", std::string(kRemote6)}), Succeeds());
  }
  void a_published_port_sees_who_asks() const {
    EXPECT_EQ(source_seen(remote(), "192.0.2.1:8080"), fmt::format("{}\n", kRemote4));
    EXPECT_EQ(source_seen(remote(), "[2001:db8:1::1]:8080"), fmt::format("{}\n", kRemote6));
    EXPECT_EQ(knock_udp(remote(), kHost4, 7000), kAnswered);
    EXPECT_EQ(knock_udp(remote(), kHost6, 7000), kAnswered);
  }
  /// The sixth is the hairpin: out to the host's address and back to itself.
  void the_host_and_containers_reach_published_ports() const {
    for (const char* own : {"127.0.0.1:8080", "[::1]:8080", "localhost:8080", "192.0.2.1:8080", "[2001:db8:1::1]:8080",
                            "10.50.0.1:8080", "[fd50::1]:8080"}) {
      EXPECT_EQ(host().sh(fmt::format("curl -sS --max-time 10 http://{}/", own)).out, kPageText) << own;
    }
    for (const Container* from : {&client(), &web()}) {
      for (const char* own : {"192.0.2.1:8080", "[2001:db8:1::1]:8080", "10.50.0.1:8080", "[fd50::1]:8080"}) {
        EXPECT_EQ(from->sh(fmt::format("curl -sS --max-time 10 http://{}/", own)).out, kPageText) << own;
      }
    }
  }
  std::string mac_of(const Machine& machine, std::string_view link) const {
    return machine.sh(fmt::format("ip -json link show {} | jq -r '.[0].address'", link)).out;
  }
  void neighbours_are_as_printed() const {
    const auto neighbour = [](const Machine& of, std::string_view address) {
      return of.sh(fmt::format("ip -json neighbour show {} | jq -r '.[0].lladdr'", address)).out;
    };
    const std::string bridge = mac_of(host(), "blue"), web_mac = mac_of(web(), "eth0"), client_mac = mac_of(client(), "eth0");
    EXPECT_EQ(neighbour(client(), "10.50.0.1"), bridge);
    EXPECT_EQ(neighbour(client(), "fd50::1"), bridge);
    EXPECT_EQ(neighbour(client(), "10.50.0.2"), web_mac);
    EXPECT_EQ(neighbour(client(), "fd50::2"), web_mac);
    EXPECT_EQ(neighbour(host(), "10.50.0.2"), web_mac);
    EXPECT_EQ(neighbour(host(), "10.50.0.3"), client_mac);
    const std::string learnt = host().sh("bridge fdb show br blue").out;
    EXPECT_THAT(learnt, HasSubstr(web_mac.substr(0, 17)));
    EXPECT_THAT(learnt, HasSubstr(client_mac.substr(0, 17)));
  }
  void routes_are_as_printed() const {
    EXPECT_THAT(client().sh("ip route").out, AllOf(HasSubstr("default via 10.50.0.1 dev eth0"),
                                                   ContainsRegex("10.50.0.0/24 dev eth0 .*scope link src 10.50.0.3")));
    EXPECT_THAT(client().sh("ip -6 route").out,
                AllOf(HasSubstr("default via fd50::1 dev eth0"), HasSubstr("fd50::/64 dev eth0")));
    EXPECT_THAT(client().sh("ip link show lo").out, HasSubstr("LOOPBACK,UP"));
    EXPECT_THAT(host().sh("ip route show dev blue").out, ContainsRegex("10.50.0.0/24 .*scope link src 10.50.0.1"));
    EXPECT_THAT(host().sh("ip -6 route show dev blue").out, HasSubstr("fd50::/64"));
    EXPECT_EQ(host().sh("ip -json link show master blue | jq length").out, "2\n");
  }

 private:
  std::optional<Container> web_, client_;
};

TEST_F(BridgeStory, OfTheArticlesIsTwoCommandsLong) {
  containers_reach_each_other();
  containers_and_the_host_reach_each_other();
  the_outside_sees_the_host();
  a_published_port_sees_who_asks();
  the_host_and_containers_reach_published_ports();
  neighbours_are_as_printed();
  routes_are_as_printed();
  EXPECT_THAT(bridge("check"), Succeeds());
}

TEST_F(BridgeStory, EndsWithNothingLeft) {
  ASSERT_THAT(bridge(fmt::format("detach blue {}", web().pid())), Succeeds());
  EXPECT_EQ(knock(remote(), kHost4, 8080), "open 0 ECONNREFUSED\n");
  EXPECT_EQ(knock(host(), "127.0.0.1", 8080), "open 0 ECONNREFUSED\n");
  EXPECT_EQ(source_seen(client(), kRemote4), fmt::format("{}\n", kHost4)) << "the other one's network went too";
  ASSERT_THAT(bridge("detach blue c50-3"), Succeeds());
  ASSERT_THAT(bridge("down blue"), Succeeds());
  EXPECT_EQ(host().sh("ip -json link | jq -r '.[].ifname' | sort | tr '\\n' ' '").out, "eth0 lo ");
  EXPECT_EQ(client().sh("ip -json link | jq -r '.[].ifname'").out, "lo\n");
  EXPECT_THAT(host().sh("nft list table inet postern"), Not(Succeeds()));
  EXPECT_EQ(host().sh("find /run/postern/bridge/networks /run/postern/bridge/pending -mindepth 1 2>/dev/null").out, "");
  const auto left = programs();
  EXPECT_EQ(left.count("postern-bridge"), 0U) << "the proxy ends with the last port";
  EXPECT_EQ(left.count("dnsmasq"), 0U);
}

TEST_F(BridgeStory, IsToldAsJson) {
  const auto networks = nlohmann::json::parse(bridge("ls --json").out, nullptr, false);
  ASSERT_TRUE(networks.is_object() && networks["networks"].size() == 1) << bridge("ls --json").out;
  EXPECT_EQ(networks["networks"][0].value("name", ""), "blue");
  EXPECT_EQ(networks["networks"][0].value("endpoints", 0), 2);
  EXPECT_THAT(networks.dump(), AllOf(HasSubstr("10.50.0.1"), HasSubstr("fd50::1")));
  const auto network = nlohmann::json::parse(bridge("inspect blue --json").out, nullptr, false);
  ASSERT_TRUE(network.is_object());
  EXPECT_THAT(network.dump(), AllOf(HasSubstr("c50-2"), HasSubstr("c50-3"), HasSubstr("8080")));
  EXPECT_THAT(bridge("ports ls").out, AllOf(HasSubstr("8080"), HasSubstr("7000")));
  EXPECT_EQ(bridge("ports ls blue c50-3 --json | jq -c .ports").out, "[]\n");
  EXPECT_EQ(bridge("check --json | jq -c '[.good, .problems]'").out, "[true,[]]\n");
}

class BridgeChoices : public BridgeTest {};

TEST_F(BridgeChoices, NetworksWithoutASubnetGetDistinctFreeOnes) {
  ASSERT_THAT(host().sh("ip route add 10.209.0.0/24 via 192.0.2.2 && ip link add lan0 type bridge && "
                        "ip address add 10.209.2.7/24 dev lan0"),
              Succeeds());
  for (const char* name : {"one --ipv6", "two --ipv6"}) up(name);
  const auto subnets = [this](std::string_view name) {
    return host().sh(fmt::format("ip -json -4 address show {} | jq -r '.[].addr_info[].local'", name)).out;
  };
  EXPECT_EQ(subnets("one"), "10.209.1.1\n");
  EXPECT_EQ(subnets("two"), "10.209.3.1\n");
  const auto unique_local = [this](std::string_view name) {
    return host().sh(fmt::format("ip -json -6 address show {} scope global | jq -r '.[].addr_info[].local'", name)).out;
  };
  EXPECT_THAT(unique_local("one"), ContainsRegex("^fd[0-9a-f]{2}:"));
  EXPECT_NE(unique_local("one"), unique_local("two"));
}

TEST_F(BridgeChoices, AddressMacMtuAndNameAreAsAskedFor) {
  up("blue --subnet 10.50.0.0/24 --mtu 1400");
  const auto made = container_on("blue", "--ip 10.50.0.77 --mac 02:00:00:00:00:77 --name net7");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->sh("ip -json address show net7 | jq -c '.[0] | [.address, .mtu, (.flags | index(\"UP\") != null), "
                     ".addr_info[0].local, "
                     ".addr_info[0].prefixlen]'")
                .out,
            "[\"02:00:00:00:00:77\",1400,true,\"10.50.0.77\",24]\n");
  EXPECT_EQ(made->sh("ip -6 address show dev net7 scope global").out, "") << "a network of IPv4 alone";
  EXPECT_EQ(host().sh("ip -json link show master blue | jq -c '.[] | .mtu'").out, "1400\n");
}

TEST_F(BridgeChoices, OneContainerIsOnTwoNetworks) {
  up(kBlue);
  up(kGreen);
  const auto both = container_on("blue", "--ip 10.50.0.2 --ip fd50::2");
  const auto other = container_on("green", "--ip 10.51.0.3 --ip fd51::3 -p 8081:80");
  ASSERT_TRUE(both && other);
  ASSERT_THAT(attach("green", *both, "--name eth1 --ip 10.51.0.2 --ip fd51::2 -p 8080:80"), Succeeds());
  serve(*both, Server::http);
  EXPECT_EQ(source_seen(*other, "10.51.0.2"), "10.51.0.3\n");
  EXPECT_EQ(source_seen(remote(), "192.0.2.1:8080"), "192.0.2.2\n") << "the answer must leave by the way it came";
  ASSERT_THAT(bridge(fmt::format("detach green {} --name eth1", both->pid())), Succeeds());
  EXPECT_EQ(both->sh("ip -json link | jq -r '.[].ifname' | sort | tr '\\n' ' '").out, "eth0 lo ");
}

TEST_F(BridgeChoices, TheBridgeKeepsItsMac) {
  up(kBlue);
  const std::string look = "ip -json link show blue | jq -r '.[0].address'";
  const std::string before = host().sh(look).out;
  std::vector<std::optional<Container>> made;
  for (const char* mac : {"02:00:00:00:00:01", "00:00:00:00:00:03"})
    made.push_back(container_on("blue", fmt::format("--mac {}", mac)));
  EXPECT_EQ(host().sh(look).out, before);
  ASSERT_THAT(bridge("reload"), Succeeds());
  EXPECT_EQ(host().sh(look).out, before);
}

}  // namespace
}  // namespace postern::lab
