// What nft 1.0.6 printed with --handle --stateless --terse, and what is found in it.
#include "postern/netfilter/rule_texts.h"

#include <gtest/gtest.h>

namespace postern::netfilter {
namespace {

constexpr std::string_view kListing =
    "table inet fw { # handle 1\n"
    "\tset bad { # handle 3\n"
    "\t\ttype ipv4_addr\n"
    "\t}\n"
    "\n"
    "\tchain to_blue { # handle 1\n"
    "\t\tcounter comment \"hi # handle 99\" # handle 5\n"
    "\t}\n"
    "\n"
    "\tchain forward { # handle 2\n"
    "\t\ttype filter hook forward priority filter - 5; policy drop;\n"
    "\t\ttcp dport vmap { 22 : accept, 23 : drop, 25 : jump to_blue, 26 : goto to_blue } # handle 9\n"
    "\t\ttcp dport 22 jump {\n"
    "\t\t\tip saddr 1.1.1.1 accept\n"
    "\t\t\tip saddr 1.1.1.2 drop\n"
    "\t\t} # handle 13\n"
    "\t\tip saddr @bad log prefix \"x { y\" drop # handle 14\n"
    "\t}\n"
    "}\n"
    "table inet mine { # handle 2 progname postern-trace\n"
    "\tflags owner\n"
    "\n"
    "\tchain first { # handle 1\n"
    "\t\ttype filter hook prerouting priority -350; policy accept;\n"
    "\t\tmeta l4proto icmp meta nftrace set 1 accept # handle 5\n"
    "\t}\n"
    "}\n"
    "table netdev nd { # handle 2\n"
    "\tchain ing { # handle 1\n"
    "\t\ttype filter hook ingress device \"lo\" priority filter; policy accept;\n"
    "\t}\n"
    "}\n";

class RuleTextsRead : public testing::Test {
 protected:
  const RuleTexts texts = RuleTexts::parse(kListing);
};

TEST_F(RuleTextsRead, FindTheRuleByItsTableAndHandle) {
  EXPECT_EQ(texts.rule("inet fw", 9), "tcp dport vmap { 22 : accept, 23 : drop, 25 : jump to_blue, 26 : goto to_blue }");
  EXPECT_EQ(texts.rule("inet fw", 14), "ip saddr @bad log prefix \"x { y\" drop");
  EXPECT_EQ(texts.rule("inet mine", 5), "meta l4proto icmp meta nftrace set 1 accept");
}

TEST_F(RuleTextsRead, TakeNoHandleOutOfAComment) {
  EXPECT_EQ(texts.rule("inet fw", 5), "counter comment \"hi # handle 99\"");
  EXPECT_EQ(texts.rule("inet fw", 99), "");
}

TEST_F(RuleTextsRead, PutARuleWithAChainWithoutANameOnOneLine) {
  EXPECT_EQ(texts.rule("inet fw", 13), "tcp dport 22 jump { ip saddr 1.1.1.1 accept; ip saddr 1.1.1.2 drop }");
}

TEST_F(RuleTextsRead, KnowTheHooksOfBaseChains) {
  EXPECT_EQ(texts.hook("inet fw", "forward"), "forward");
  EXPECT_EQ(texts.hook("inet fw", "to_blue"), "");
  EXPECT_EQ(texts.hook("netdev nd", "ing"), "ingress");
  EXPECT_EQ(texts.hook("inet nothere", "forward"), "");
}

TEST_F(RuleTextsRead, DoNotTakeSetsAndChainsForRules) {
  EXPECT_EQ(texts.rule("inet fw", 1), "");
  EXPECT_EQ(texts.rule("inet fw", 3), "");
}

TEST(RuleTexts, OfNothingOrOfNonsenseAreEmpty) {
  EXPECT_EQ(RuleTexts::parse("").rule("", 1), "");
  EXPECT_EQ(RuleTexts::parse("}\n}\n}\nx # handle 1\n").rule("", 1), "");
  EXPECT_EQ(RuleTexts::parse("table inet x {\n chain y {\n a { # handle 4\n b # handle 1\n").rule("inet x", 1), "");
}

}  // namespace
}  // namespace postern::netfilter
