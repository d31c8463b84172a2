// bridge_rules_test.cpp - the text of bridge mode's rules, given to the running kernel: what it takes, and that a change of
// elements leads where the whole of it does. Which packet passes is asked in bridge_isolation_test.cpp and bridge_ports_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "postern/netfilter/nftables.h"

#include "live_rules.h"
#include "own_namespace.h"
#include "ruleset.h"

namespace postern::bridge {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Subnet subnet(const std::string& gateway, unsigned prefix_bits) { return {*parse_ip(gateway), prefix_bits}; }

Network network(const std::string& name, std::vector<Subnet> subnets) {
  Network made;
  made.spec.name = name;
  made.spec.subnets = std::move(subnets);
  return made;
}

/// One of each kind, with all the characters that a name may have.
std::vector<Network> networks_of_every_kind() {
  std::vector<Network> all;
  all.push_back(network("plain", {subnet("10.209.0.1", 24), subnet("fd00:0:0:1::1", 64)}));
  all.push_back(network("0-a.b_C", {subnet("10.209.1.1", 24)}));
  all.back().spec.isolation = Isolation::full;
  all.back().spec.external = "eth0.100";
  all.push_back(network("open", {subnet("10.209.2.1", 24), subnet("fd00:0:0:2::1", 64)}));
  all.back().spec.isolation = Isolation::open;
  all.back().spec.inter_container = InterContainer::blocked;
  all.push_back(network("open2", {subnet("fd00:0:0:3::1", 64)}));
  all.back().spec.isolation = Isolation::open;
  all.push_back(network("internal", {subnet("10.209.4.1", 24), subnet("fd00:0:0:4::1", 64)}));
  all.back().spec.egress = Egress::nowhere;
  all.push_back(network("internal-mute", {subnet("10.209.5.1", 30)}));
  all.back().spec.egress = Egress::nowhere;
  all.back().spec.names = false;
  all.push_back(network("routed", {subnet("10.209.6.1", 23), subnet("fd00:0:0:6::1", 80)}));
  all.back().spec.masquerade = Masquerade::off;
  all.back().spec.names = false;
  return all;
}

struct Ports {
  Protocol protocol = Protocol::tcp;
  const char* host_address = nullptr;
  uint16_t first = 0, last = 0, container_first = 0;
};

PortRange range(const Ports& ports) {
  PortRange made{ports.protocol, std::nullopt, Port{ports.first}, Port{ports.last}, Port{ports.container_first}};
  if (ports.host_address) made.host_address = parse_ip(ports.host_address);
  return made;
}

Endpoint endpoint(const std::string& id, std::vector<Subnet> addresses, const std::vector<Ports>& ports) {
  Endpoint made;
  made.network = "plain";
  made.id = id;
  made.addresses = std::move(addresses);
  for (const Ports& each : ports) made.ports.push_back(range(each));
  return made;
}

/// Single ports and ranges, kept and shifted, everywhere and somewhere, and each next to another.
Endpoint web() {
  return endpoint("web", {subnet("10.209.0.2", 24), subnet("fd00:0:0:1::2", 64)},
                  {{Protocol::tcp, nullptr, 80, 80, 8080},
                   {Protocol::tcp, nullptr, 8000, 8001, 8000},
                   {Protocol::tcp, nullptr, 8002, 8003, 8002},
                   {Protocol::tcp, nullptr, 8004, 8004, 8004},
                   {Protocol::tcp, nullptr, 9000, 9009, 19000},
                   {Protocol::udp, nullptr, 53, 53, 53},
                   {Protocol::udp, nullptr, 8000, 8099, 8000},
                   {Protocol::tcp, "0.0.0.0", 443, 443, 443},
                   {Protocol::tcp, "::", 444, 446, 444},
                   {Protocol::tcp, "127.0.0.1", 5000, 5003, 5000},
                   {Protocol::tcp, "::1", 5000, 5000, 5000},
                   {Protocol::udp, "127.0.0.1", 5000, 5000, 5000},
                   {Protocol::tcp, "192.0.2.1", 6000, 6000, 60},
                   {Protocol::tcp, "192.0.2.1", 6001, 6009, 6001},
                   {Protocol::tcp, "192.0.2.1", 6010, 6012, 16010},
                   {Protocol::tcp, "2001:db8::1", 6000, 6000, 60},
                   {Protocol::udp, "2001:db8::1", 6001, 6009, 6001}});
}

/// Beside the others' ports: the next ones, the same of another protocol or of another address.
Endpoint neighbour() {
  return endpoint("neighbour", {subnet("10.209.0.3", 24), subnet("fd00:0:0:1::3", 64)},
                  {{Protocol::udp, nullptr, 80, 80, 80},
                   {Protocol::tcp, nullptr, 8005, 8010, 8005},
                   {Protocol::tcp, nullptr, 7990, 7999, 7990},
                   {Protocol::udp, nullptr, 8100, 8199, 8100},
                   {Protocol::udp, nullptr, 7900, 7999, 7900},
                   {Protocol::tcp, "192.0.2.2", 6000, 6009, 6000},
                   {Protocol::tcp, "192.0.2.1", 6020, 6029, 6020},
                   {Protocol::tcp, "2001:db8::2", 6001, 6009, 6001},
                   {Protocol::tcp, "127.0.0.1", 5004, 5009, 5004},
                   {Protocol::tcp, "127.0.0.1", 4990, 4999, 4990},
                   {Protocol::tcp, "::", 447, 449, 447},
                   {Protocol::tcp, nullptr, 65530, 65535, 65530},
                   {Protocol::tcp, nullptr, 1, 2, 1}});
}

Endpoint of_ipv6_alone() {
  return endpoint("six", {subnet("fd00:0:0:3::2", 64)},
                  {{Protocol::tcp, nullptr, 600, 600, 600}, {Protocol::tcp, nullptr, 601, 602, 601}});
}

ProxyRecord proxy() { return {.pid = 1, .start_time = 1, .port4 = Port{40001}, .port6 = Port{40002}}; }

class BridgeRules : public testing::Test {
 protected:
  void SetUp() override {
    if (!enter_own_namespaces()) GTEST_SKIP() << "missing: user namespaces";
    nftables.emplace(value(netfilter::Nftables::open()));
  }

  std::string whole(const std::vector<Endpoint>& endpoints, std::optional<ProxyRecord> served = proxy()) const {
    return whole_ruleset({networks, endpoints, served});
  }
  /// What of the kernel's table differs from `expected`.
  static std::string difference(const std::string& expected) { return value(compare_rules(expected)).value_or("none"); }

  std::vector<Network> networks = networks_of_every_kind();
  std::optional<netfilter::Nftables> nftables;
};

TEST_F(BridgeRules, TheKernelTakesTheWholeOfARichState) {
  const std::string rules = whole({web(), neighbour(), of_ipv6_alone()});
  ASSERT_TRUE(ok(nftables->commit(rules)));
  EXPECT_EQ(difference(rules), "none");
  EXPECT_TRUE(ok(nftables->commit(rules))) << "in the place of itself";
  EXPECT_EQ(difference(rules), "none");
}

TEST_F(BridgeRules, TheKernelTakesTheWholeOfAnEmptyState) {
  const std::string rules = whole_ruleset({{}, {}, std::nullopt});
  ASSERT_TRUE(ok(nftables->commit(rules)));
  EXPECT_EQ(difference(rules), "none");
}

TEST_F(BridgeRules, ATableThatIsNotTheRightOneIsSeen) {
  EXPECT_THAT(difference(whole({web()})), HasSubstr("is missing"));
  ASSERT_TRUE(ok(nftables->commit(whole({web()}))));
  EXPECT_EQ(difference(whole({web(), neighbour()})), "map publish4 of the table inet postern was changed");
  EXPECT_EQ(difference(whole({web()}, std::nullopt)), "chain loopback of the table inet postern was changed");
  networks.pop_back();
  EXPECT_THAT(difference(whole({web()})), HasSubstr("was changed"));
}

TEST_F(BridgeRules, PortsAddedOneByOneAreThoseOfTheWhole) {
  ASSERT_TRUE(ok(nftables->commit(whole({}))));
  std::vector<Endpoint> so_far;
  for (const Endpoint& each : {web(), neighbour(), of_ipv6_alone()}) {
    ASSERT_TRUE(ok(nftables->commit(add_ports(each)))) << each.id;
    so_far.push_back(each);
    EXPECT_EQ(difference(whole(so_far)), "none") << each.id;
  }
}

TEST_F(BridgeRules, PortsTakenAwayLeaveTheOthersWhateverTheOrder) {
  std::vector<Endpoint> all = {web(), neighbour(), of_ipv6_alone()};
  std::vector<size_t> order = {0, 1, 2};
  do {
    ASSERT_TRUE(ok(nftables->commit(whole(all))));
    std::vector<Endpoint> left = all;
    for (const size_t i : order) {
      ASSERT_TRUE(ok(nftables->commit(delete_ports(all[i])))) << all[i].id;
      std::erase_if(left, [&](const Endpoint& one) { return one.id == all[i].id; });
      EXPECT_EQ(difference(whole(left)), "none") << all[i].id;
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(BridgeRules, OneRangeOfAnEndpointComesAndGoesByItself) {
  const Endpoint all = web();
  ASSERT_TRUE(ok(nftables->commit(whole({all}))));
  for (size_t i = 0; i < all.ports.size(); ++i) {
    Endpoint one = all, others = all;
    one.ports = {all.ports[i]};
    others.ports.erase(others.ports.begin() + static_cast<ptrdiff_t>(i));
    ASSERT_TRUE(ok(nftables->commit(delete_ports(one)))) << all.ports[i].to_string();
    EXPECT_EQ(difference(whole({others})), "none") << all.ports[i].to_string();
    ASSERT_TRUE(ok(nftables->commit(add_ports(one)))) << all.ports[i].to_string();
    EXPECT_EQ(difference(whole({all})), "none") << all.ports[i].to_string();
  }
}

TEST_F(BridgeRules, AllPortsOfAllProtocolsAreARange) {
  const Endpoint everything = endpoint("everything", {subnet("10.209.0.2", 24), subnet("fd00:0:0:1::2", 64)},
                                       {{Protocol::tcp, nullptr, 1, 65535, 1}, {Protocol::udp, nullptr, 1, 65535, 1}});
  ASSERT_TRUE(ok(nftables->commit(whole({}))));
  ASSERT_TRUE(ok(nftables->commit(add_ports(everything))));
  EXPECT_EQ(difference(whole({everything})), "none");
  ASSERT_TRUE(ok(nftables->commit(delete_ports(everything))));
  EXPECT_EQ(difference(whole({})), "none");
}

TEST_F(BridgeRules, PortsThatAreNotThereAreAnError) {
  ASSERT_TRUE(ok(nftables->commit(whole({}))));
  EXPECT_TRUE(fails_with(std::errc::no_such_file_or_directory, nftables->commit(delete_ports(web()))));
  Endpoint elsewhere = web();
  elsewhere.addresses = {subnet("10.209.0.9", 24)};
  ASSERT_TRUE(ok(nftables->commit(add_ports(web()))));
  EXPECT_TRUE(fails_with(std::errc::file_exists, nftables->commit(add_ports(elsewhere)))) << "a port leads to one place";
  EXPECT_EQ(difference(whole({web()})), "none");
}

TEST_F(BridgeRules, TheProxyIsSetChangedAndTakenAway) {
  ASSERT_TRUE(ok(nftables->commit(whole({web()}, std::nullopt))));
  ProxyRecord other = proxy(), of_ipv4_alone = proxy();
  other.port6 = Port{40006};
  of_ipv4_alone.port6 = Port{};
  for (const std::optional<ProxyRecord>& each :
       {std::optional(proxy()), std::optional(other), std::optional(of_ipv4_alone), std::optional<ProxyRecord>()}) {
    ASSERT_TRUE(ok(nftables->commit(set_proxy(each))));
    EXPECT_EQ(difference(whole({web()}, each)), "none");
  }
}

TEST_F(BridgeRules, TheTableGoesAndLeavesWhatIsOfOthers) {
  run("nft add table inet theirs");
  ASSERT_TRUE(ok(nftables->commit(whole({web()}))));
  ASSERT_TRUE(ok(nftables->commit(no_ruleset())));
  EXPECT_EQ(output_of("nft list ruleset"), "table inet theirs {\n}\n");
  EXPECT_TRUE(fails_with(std::errc::no_such_file_or_directory, nftables->commit(no_ruleset())));
}

TEST_F(BridgeRules, LoopbacksPortsAreInNoMapOfTheNetworks) {
  ASSERT_TRUE(ok(nftables->commit(whole({web()}))));
  for (const char* map : {"publish4", "publish4_at", "publish4_range", "publish4_range_at", "publish6"}) {
    EXPECT_THAT(output_of("nft list map inet postern " + std::string(map)), Not(HasSubstr("5000"))) << map;
  }
  EXPECT_THAT(output_of("nft list set inet postern loopback4_range"), HasSubstr("5000-5003"));
}

}  // namespace
}  // namespace postern::bridge
