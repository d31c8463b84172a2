// ruleset_test.cpp - what the text of the rules says. Whether the kernel takes it: tests/netns/bridge_rules_test.cpp.
#include "ruleset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "samples.h"

namespace postern::bridge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// "COMMAND element inet postern SET { A, B }" as SET: {A, B}.
using Elements = std::map<std::string, std::vector<std::string>>;

Elements elements(const std::string& text, const std::string& command) {
  Elements found;
  const std::regex line("(?:^|\n)" + command + " element inet postern (\\w+) \\{ ([^}]*) \\}(?=\n)");
  for (std::sregex_iterator match(text.begin(), text.end(), line), end; match != end; ++match) {
    const std::string list = (*match)[2];
    const std::regex comma(", ");
    EXPECT_FALSE(found.contains((*match)[1])) << "a set is named once";
    found[(*match)[1]] = {std::sregex_token_iterator(list.begin(), list.end(), comma, -1), {}};
  }
  return found;
}

/// What is before " : ".
Elements keys(Elements of) {
  for (auto& [set, each] : of) {
    for (std::string& element : each) element = element.substr(0, element.find(" : "));
  }
  return of;
}

Endpoint publishing(std::vector<PortRange> ports) {
  Endpoint endpoint = sample_endpoint();
  endpoint.ports = std::move(ports);
  return endpoint;
}

std::string whole(const Network& network) { return whole_ruleset({{&network, 1}, {}, std::nullopt}); }

/// The body of a chain.
std::string chain(const std::string& rules, const std::string& name) {
  const size_t start = rules.find("  chain " + name + " {\n");
  return start == rules.npos ? "none" : rules.substr(start, rules.find("\n  }\n", start) - start);
}

Network network() {
  Network plain;
  plain.spec.name = "blue";
  plain.spec.subnets = {{*parse_ip("10.209.0.1"), 24}, {*parse_ip("fd00::1"), 64}};
  return plain;
}

TEST(Ruleset, WhatIsAddedAndWhatIsDeletedHaveTheSameKeys) {
  const Endpoint endpoint =
      publishing({range(80, 80, 8080), range(81, 89, 81), range(90, 92, 190), range(80, 80, 80, "::1"),
                  range(443, 450, 443, "192.0.2.1"), range(443, 443, 443, "2001:db8::1"), range(7, 9, 7, "0.0.0.0")});
  const Elements added = elements(add_ports(endpoint), "add"), deleted = elements(delete_ports(endpoint), "delete");
  EXPECT_EQ(keys(added), deleted);
  EXPECT_EQ(deleted.size(), 10U) << "publish4, 6, each _range, 4_range_at, 6_at; loopback4, 6 and each _range";
  EXPECT_EQ(std::ranges::count(add_ports(endpoint), '\n'), 10) << "and nothing else is said";
  EXPECT_EQ(std::ranges::count(delete_ports(endpoint), '\n'), 10);
}

TEST(Ruleset, TheWholeHasTheElementsThatAreAdded) {
  const Network blue = network();
  const Endpoint endpoint = sample_endpoint();
  const Elements all = elements(whole_ruleset({{&blue, 1}, {&endpoint, 1}, std::nullopt}), "add");
  const Elements added = elements(add_ports(endpoint), "add");
  ASSERT_THAT(added, Not(IsEmpty()));
  for (const auto& [set, each] : added) EXPECT_EQ(all.at(set), each) << set;
}

TEST(Ruleset, ARangeThatKeepsItsPortsIsOneElement) {
  const Elements added = elements(add_ports(publishing({range(1000, 1999, 1000)})), "add");
  EXPECT_THAT(added.at("publish4_range"), ElementsAre("tcp . 1000-1999 : 10.209.0.2"));
  EXPECT_THAT(added.at("publish6_range"), ElementsAre("tcp . 1000-1999 : fd00::2"));
  EXPECT_THAT(added.at("loopback4_range"), ElementsAre("tcp . 1000-1999"));
  EXPECT_FALSE(added.contains("publish4"));
}

TEST(Ruleset, ARangeThatIsShiftedIsAnElementAPort) {
  const Elements added = elements(add_ports(publishing({range(65533, 65535, 80)})), "add");
  EXPECT_THAT(added.at("publish4"),
              ElementsAre("tcp . 65533 : 10.209.0.2 . 80", "tcp . 65534 : 10.209.0.2 . 81", "tcp . 65535 : 10.209.0.2 . 82"));
  EXPECT_EQ(added.at("publish6").size(), 3U);
  EXPECT_THAT(added.at("loopback4_range"), ElementsAre("tcp . 65533-65535")) << "the proxy shifts them";
}

TEST(Ruleset, APortOfTheLoopbackAloneIsInNoMapOfTheNetwork) {
  for (const char* address : {"127.0.0.1", "::1"}) {
    for (const auto& [set, each] : elements(add_ports(publishing({range(80, 89, 80, address)})), "add")) {
      EXPECT_EQ(set, std::string(address) == "::1" ? "loopback6_range" : "loopback4_range");
      EXPECT_THAT(each, ElementsAre("tcp . 80-89"));
    }
  }
}

TEST(Ruleset, APortOfOneAddressIsForThatAddress) {
  const Elements added =
      elements(add_ports(publishing({range(80, 80, 8080, "192.0.2.1"), range(80, 89, 80, "2001:db8::1")})), "add");
  EXPECT_THAT(added.at("publish4_at"), ElementsAre("192.0.2.1 . tcp . 80 : 10.209.0.2 . 8080"));
  EXPECT_THAT(added.at("publish6_range_at"), ElementsAre("2001:db8::1 . tcp . 80-89 : fd00::2"));
  EXPECT_EQ(added.size(), 2U);
}

TEST(Ruleset, DatagramsOfTheLoopbackAreNotRedirected) {
  PortRange udp = range(53, 53, 53);
  udp.protocol = Protocol::udp;
  const Elements added = elements(add_ports(publishing({udp})), "add");
  EXPECT_THAT(added.at("publish4"), ElementsAre("udp . 53 : 10.209.0.2 . 53"));
  EXPECT_FALSE(added.contains("loopback4")) << "the proxy has a socket there";
}

TEST(Ruleset, WithoutPortsNothingIsChanged) {
  EXPECT_EQ(add_ports(publishing({})), "");
  EXPECT_EQ(delete_ports(publishing({})), "");
}

TEST(Ruleset, AnOrdinaryNetwork) {
  const std::string rules = whole(network());
  EXPECT_THAT(chain(rules, "to_blue"), HasSubstr("ct status dnat accept"));
  EXPECT_THAT(chain(rules, "to_blue"), HasSubstr("iifname \"blue\" accept"));
  EXPECT_TRUE(chain(rules, "to_blue").ends_with("\n    drop")) << chain(rules, "to_blue");
  EXPECT_THAT(chain(rules, "from_blue"), HasSubstr("ct state invalid drop"));
  EXPECT_THAT(chain(rules, "from_blue"), HasSubstr("ip saddr != { 10.209.0.0/24 } drop"));
  EXPECT_THAT(chain(rules, "from_blue"), Not(HasSubstr("\n    drop")));
  EXPECT_THAT(chain(rules, "masquerade_blue"), HasSubstr("\n    masquerade"));
  EXPECT_EQ(chain(rules, "host_blue"), "none");
  const Elements added = elements(rules, "add");
  EXPECT_THAT(added.at("masquerade4"), ElementsAre("10.209.0.0/24 : jump masquerade_blue"));
  EXPECT_THAT(added.at("masquerade6"), ElementsAre("fd00::/64 : jump masquerade_blue"));
  EXPECT_THAT(added.at("guarded4"), ElementsAre("10.209.0.0/24"));
  EXPECT_THAT(added.at("resolvers4"), ElementsAre("\"blue\" . 10.209.0.1"));
  EXPECT_FALSE(added.contains("to_host"));
  EXPECT_FALSE(added.contains("open_bridges"));
}

TEST(Ruleset, AnInternalNetworkHasNeitherAWayOutNorAWayIn) {
  Network internal = network();
  internal.spec.egress = Egress::nowhere;
  const std::string rules = whole(internal);
  EXPECT_EQ(chain(rules, "masquerade_blue"), "none");
  EXPECT_FALSE(elements(rules, "add").contains("masquerade4"));
  EXPECT_THAT(chain(rules, "to_blue"), Not(HasSubstr("dnat")));
  EXPECT_THAT(chain(rules, "from_blue"), HasSubstr("oifname != \"blue\" drop"));
  EXPECT_THAT(elements(rules, "add").at("guarded4"), ElementsAre("10.209.0.0/24"));
  EXPECT_THAT(elements(rules, "add").at("to_host"), ElementsAre("\"blue\" : jump host_blue"));
  EXPECT_THAT(chain(rules, "host_blue"), HasSubstr("ip daddr 10.209.0.1 meta l4proto { tcp, udp } th dport 53 accept"));
  EXPECT_TRUE(chain(rules, "host_blue").ends_with("\n    drop"));
  internal.spec.names = false;
  EXPECT_THAT(chain(whole(internal), "host_blue"), Not(HasSubstr("dport 53")));
}

TEST(Ruleset, IsolationAndItsOpposite) {
  Network some = network();
  some.spec.isolation = Isolation::full;
  EXPECT_THAT(chain(whole(some), "from_blue"), HasSubstr("oifname != \"blue\" oifname @bridges drop"));
  const std::string to = chain(whole(some), "to_blue");
  EXPECT_LT(to.find("iifname != \"blue\" iifname @bridges drop"), to.find("ct status dnat accept")) << to;
  some.spec.isolation = Isolation::open;
  EXPECT_THAT(chain(whole(some), "to_blue"), HasSubstr("iifname @open_bridges accept"));
  EXPECT_THAT(elements(whole(some), "add").at("open_bridges"), ElementsAre("\"blue\""));
  some.spec.inter_container = InterContainer::blocked;
  EXPECT_THAT(chain(whole(some), "to_blue"), Not(HasSubstr("iifname \"blue\" accept")));
  some.spec.external = "eth0.100";
  EXPECT_THAT(chain(whole(some), "from_blue"), HasSubstr("oifname != { \"blue\", \"eth0.100\" } oifname != @bridges drop"));
}

TEST(Ruleset, WithoutMasqueradeAContainerIsFoundByItsAddress) {
  Network routed = network();
  routed.spec.masquerade = Masquerade::off;
  const Elements added = elements(whole(routed), "add");
  for (const char* set : {"guarded4", "guarded6", "masquerade4", "masquerade6"}) EXPECT_FALSE(added.contains(set)) << set;
}

TEST(Ruleset, TheProxyIsWhereLoopbacksClientsAreLed) {
  EXPECT_EQ(set_proxy(std::nullopt), "flush chain inet postern loopback\n");
  const std::string both = set_proxy(ProxyRecord{1, 2, Port{40001}, Port{40002}});
  EXPECT_THAT(both, HasSubstr("ip daddr 127.0.0.1 meta l4proto tcp meta l4proto . th dport @loopback4 redirect to :40001\n"));
  EXPECT_THAT(both, HasSubstr("ip6 daddr ::1 meta l4proto tcp meta l4proto . th dport @loopback6_range redirect to :40002\n"));
  EXPECT_THAT(set_proxy(ProxyRecord{1, 2, Port{40001}, Port{}}), Not(HasSubstr("ip6")));
  EXPECT_THAT(whole_ruleset({{}, {}, ProxyRecord{1, 2, Port{40001}, Port{}}}), HasSubstr("redirect to :40001"));
}

TEST(Ruleset, AnEmptyStateIsTheFrameAlone) {
  const std::string rules = whole_ruleset({{}, {}, std::nullopt});
  EXPECT_TRUE(rules.starts_with("add table inet postern\ndelete table inet postern\ntable inet postern {\n"));
  EXPECT_TRUE(rules.ends_with("  }\n}\n"));
  EXPECT_THAT(elements(rules, "add"), IsEmpty());
  EXPECT_EQ(std::ranges::count(rules, '{'), std::ranges::count(rules, '}'));
}

/// Every name that the rules speak of is one that records and commands let in: identifiers_test.cpp has what that is.
TEST(Ruleset, NamesStayInTheirQuotesAndChains) {
  Network strange = network();
  strange.spec.name = "0-a.b_C";
  strange.spec.external = "9.x-y_z";
  strange.spec.egress = Egress::nowhere;
  const std::string rules = whole(strange);
  EXPECT_EQ(std::ranges::count(rules, '"') % 2, 0);
  const std::regex quoted("\"([^\"]*)\"");
  for (std::sregex_iterator match(rules.begin(), rules.end(), quoted), end; match != end; ++match) {
    const std::string name = (*match)[1];
    EXPECT_TRUE(name == "lo" || name == "0-a.b_C" || name == "9.x-y_z") << name;
  }
  for (const char* prefix : {"from_", "to_", "host_"}) EXPECT_NE(chain(rules, prefix + strange.spec.name), "none") << prefix;
}

/// Ids, owners and host names come from others, and are in no rule.
TEST(Ruleset, NothingThatOthersWroteIsInIt) {
  Endpoint endpoint = sample_endpoint();
  const std::string before = add_ports(endpoint) + delete_ports(endpoint);
  endpoint.id = endpoint.owner = endpoint.interface = endpoint.host_interface = "\" }\nflush ruleset\n";
  endpoint.names = {endpoint.id};
  endpoint.target.path = endpoint.network = endpoint.id;
  EXPECT_EQ(add_ports(endpoint) + delete_ports(endpoint), before);
}

}  // namespace
}  // namespace postern::bridge
