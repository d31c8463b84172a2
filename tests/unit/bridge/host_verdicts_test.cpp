#include <gtest/gtest.h>

#include <algorithm>

#include "host_facts.h"

namespace postern::bridge {
namespace {

HostFacts good_host() {
  HostFacts facts;
  facts.net_admin = facts.sys_admin = facts.has_dnsmasq = true;
  facts.rules = ForeignRules{};
  facts.forwarding4 = facts.forwarding6 = 1;
  facts.rp_filter_of_all = facts.rp_filter_default = 2;
  return facts;
}

Finding finding(const HostFacts& facts, std::string_view check) {
  const auto findings = judge(facts);
  const auto found = std::find_if(findings.begin(), findings.end(), [&](const Finding& one) { return one.check == check; });
  return found == findings.end() ? Finding{"absent", Verdict::unknown, "", "", ""} : *found;
}

TEST(HostVerdicts, AGoodHostHasNothingToMend) {
  for (const Finding& one : judge(good_host())) {
    EXPECT_EQ(one.verdict, Verdict::ok) << one.check;
    EXPECT_EQ(one.breaks + one.remedy, "") << one.check;
  }
}

TEST(HostVerdicts, ACapabilityThatIsLackingIsNamed) {
  HostFacts facts = good_host();
  facts.sys_admin = false;
  EXPECT_EQ(finding(facts, "privileges").verdict, Verdict::missing);
  EXPECT_EQ(finding(facts, "privileges").found, "CAP_SYS_ADMIN is not held");
  facts.net_admin = false;
  EXPECT_EQ(finding(facts, "privileges").found, "CAP_NET_ADMIN and CAP_SYS_ADMIN are not held");
  EXPECT_EQ(finding(facts, "nftables").verdict, Verdict::unknown);
}

TEST(HostVerdicts, AKernelWithoutNftablesCannotDoIt) {
  HostFacts facts = good_host();
  facts.nftables_error = "no nf_tables";
  EXPECT_EQ(finding(facts, "nftables").verdict, Verdict::missing);
}

TEST(HostVerdicts, SysctlsHaveTheirCommand) {
  HostFacts facts = good_host();
  facts.forwarding4 = 0;
  facts.bridge_calls_iptables = 1;
  facts.rp_filter_default = 1;
  EXPECT_EQ(finding(facts, "forwarding4").remedy, "sudo sysctl net.ipv4.ip_forward=1");
  EXPECT_EQ(finding(facts, "br_netfilter").verdict, Verdict::limited);
  EXPECT_EQ(finding(facts, "rp_filter").remedy, "sudo sysctl net.ipv4.conf.default.rp_filter=2");
  facts.rp_filter_of_all = 1;
  EXPECT_EQ(finding(facts, "rp_filter").remedy, "sudo sysctl net.ipv4.conf.all.rp_filter=2");
}

TEST(HostVerdicts, EachForeignChainIsNamedWithWhatLetsUsPass) {
  HostFacts facts = good_host();
  facts.rules->dropping = {{"ip", "filter", "FORWARD"}, {"inet", "mine", "fwd"}};
  const auto findings = judge(facts);
  EXPECT_EQ(std::count_if(findings.begin(), findings.end(), [](const Finding& one) { return one.check == "forward"; }), 2);
  EXPECT_EQ(finding(facts, "forward").found, "chain FORWARD of table ip filter drops what it does not know");
  EXPECT_EQ(finding(facts, "forward").remedy,
            "sudo iptables -I FORWARD -i NAME -j ACCEPT && sudo iptables -I FORWARD -o NAME -j ACCEPT");
  facts.rules->has_docker_user = true;
  EXPECT_NE(finding(facts, "forward").remedy.find("-I DOCKER-USER -i NAME"), std::string::npos);
  facts.rules->has_ufw = true;
  EXPECT_TRUE(finding(facts, "forward").remedy.starts_with("sudo ufw route allow"));
}

constexpr const char* kRuleset = R"({"nftables": [
  {"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
  {"table": {"family": "ip", "name": "filter", "handle": 1}},
  {"chain": {"family": "ip", "table": "filter", "name": "FORWARD", "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
  {"chain": {"family": "ip", "table": "filter", "name": "INPUT", "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
  {"chain": {"family": "ip", "table": "filter", "name": "DOCKER-USER"}},
  {"chain": {"family": "ip6", "table": "filter", "name": "FORWARD", "type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}},
  {"chain": {"family": "inet", "table": "postern", "name": "forward", "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
  {"chain": {"family": "inet", "table": "firewalld", "name": "filter_FORWARD", "type": "filter", "hook": "forward", "policy": "accept"}}
]})";

TEST(ForeignChains, ThoseThatDropWhatIsForwardedAreFoundAndOursIsNot) {
  const auto rules = read_ruleset(kRuleset);
  ASSERT_TRUE(rules);
  EXPECT_EQ(rules->dropping, (std::vector<ForeignChain>{{"ip", "filter", "FORWARD"}}));
  EXPECT_TRUE(rules->has_docker_user);
  EXPECT_TRUE(rules->has_firewalld);
  EXPECT_FALSE(rules->has_ufw);
}

TEST(ForeignChains, WhatIsNoRulesetIsAnError) {
  for (const char* bad : {"", "{", "[]", "{}", R"({"nftables": 1})"}) EXPECT_FALSE(read_ruleset(bad)) << bad;
  EXPECT_TRUE(read_ruleset(R"({"nftables": [1, {"chain": 2}, {"chain": {"name": 3}}]})"));
}

}  // namespace
}  // namespace postern::bridge
