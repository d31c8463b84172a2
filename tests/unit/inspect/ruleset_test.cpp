#include "ruleset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::inspect {
namespace {

using ::testing::ElementsAre;

constexpr const char* kRuleset =
    "table inet f {\n"
    "\tset s {\n"
    "\t\ttype ipv4_addr\n"
    "\t}\n"
    "\n"
    "\tchain in {\n"
    "\t\ttype filter hook input priority -5; policy drop;\n"
    "\t\ttcp dport { 22, 80 } counter packets 0 bytes 0 jump sub comment \"jump quiet\"\n"
    "\t\tct state vmap { established : accept,\n"
    "\t\t\t\t  invalid : goto bad }\n"
    "\t}\n"
    "\n"
    "\tchain sub {\n"
    "\t\tiif \"lo\" jump deep\n"
    "\t}\n"
    "\n"
    "\tchain deep {\n"
    "\t}\n"
    "\n"
    "\tchain bad {\n"
    "\t\tjump sub\n"
    "\t}\n"
    "\n"
    "\tchain quiet {\n"
    "\t\tdrop\n"
    "\t}\n"
    "}\n"
    "table netdev n {\n"
    "\tchain i {\n"
    "\t\ttype filter hook ingress device \"eth0\" priority 0; policy accept;\n"
    "\t}\n"
    "\n"
    "\tchain sub {\n"
    "\t}\n"
    "}\n";

std::vector<std::string> names_of(const std::vector<ChainView>& chains) {
  std::vector<std::string> names;
  names.reserve(chains.size());
  for (const ChainView& chain : chains) names.push_back(chain.table + "/" + chain.name);
  return names;
}

TEST(Ruleset, IsTakenApartByTablesChainsAndRules) {
  const auto chains = parse_ruleset(kRuleset);
  EXPECT_THAT(names_of(chains), ElementsAre("f/in", "f/sub", "f/deep", "f/bad", "f/quiet", "n/i", "n/sub"));
  const ChainView& in = chains[0];
  EXPECT_EQ(in.family, "inet");
  EXPECT_EQ(in.type, "filter");
  EXPECT_EQ(in.hook, "input");
  EXPECT_EQ(in.priority, -5);
  EXPECT_EQ(in.policy, "drop");
  EXPECT_THAT(in.rules, ElementsAre("tcp dport { 22, 80 } counter packets 0 bytes 0 jump sub comment \"jump quiet\"",
                                    "ct state vmap { established : accept, invalid : goto bad }"));
  EXPECT_EQ(chains[1].hook, "");
  EXPECT_EQ(chains[5].device, "eth0");
  EXPECT_EQ(chains[5].policy, "accept");
}

TEST(Ruleset, KeepsWhatPacketsMeet) {
  NamespaceView view;
  add_what_matters(parse_ruleset(kRuleset), view);
  // "jump quiet" is only a comment, and netdev's own sub is another than inet's.
  EXPECT_THAT(names_of(view.chains), ElementsAre("f/in", "f/sub", "f/deep", "f/bad", "n/i"));
  EXPECT_EQ(view.chains_left_off, 2u);
}

TEST(Ruleset, IsBounded) {
  ChainView chain{
      .family = "ip", .table = "t", .name = "c", .hook = "input", .type = "filter", .policy = "", .device = "", .rules = {}};
  chain.rules.assign(1000, "accept");
  NamespaceView view;
  add_what_matters(std::vector<ChainView>(500, chain), view);
  ASSERT_LT(view.chains.size(), 100u);
  EXPECT_EQ(view.chains.size() + view.chains_left_off, 500u);
  ASSERT_LT(view.chains[0].rules.size(), 100u);
  EXPECT_EQ(view.chains[0].rules.size() + view.chains[0].rules_left_off, 1000u);
}

TEST(Ruleset, WhatIsNoRulesetIsNoChain) {
  EXPECT_TRUE(parse_ruleset("").empty());
  EXPECT_TRUE(parse_ruleset("}}}\nchain x {\n\t\ttype\n").empty());
  EXPECT_EQ(parse_ruleset("table ip t {\n\tchain c {\n\t\taccept").size(), 1u);
}

}  // namespace
}  // namespace postern::inspect
