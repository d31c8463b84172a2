#include "alternatives.h"

#include <gtest/gtest.h>

#include <random>

#include "facts.h"

namespace postern::packet_filter {
namespace {

std::string conditions(const std::string& text) {
  const auto parsed = Filter::parse(text);
  const auto* filter = std::get_if<Filter>(&parsed);
  return filter ? filter->as_nft_conditions() : std::get<Complaint>(parsed).drawn(text);
}

TEST(NftConditions, EmptyIsEveryPacket) { EXPECT_EQ(conditions(""), ""); }

TEST(NftConditions, OneAlternativeIsOneLine) {
  EXPECT_EQ(conditions("icmp"), "meta l4proto icmp");
  EXPECT_EQ(conditions("icmp6"), "meta l4proto ipv6-icmp");
  EXPECT_EQ(conditions("proto 47"), "meta l4proto 47");
  EXPECT_EQ(conditions("ip"), "meta nfproto ipv4");
  EXPECT_EQ(conditions("icmp and dst 192.0.2.3"), "meta l4proto icmp ip daddr 192.0.2.3");
  EXPECT_EQ(conditions("tcp dst port 80"), "tcp dport 80");
  EXPECT_EQ(conditions("dst port 80"), "meta l4proto { tcp, udp, sctp } th dport 80");
  EXPECT_EQ(conditions("src and dst portrange 1-1023"), "meta l4proto { tcp, udp, sctp } th sport 1-1023 th dport 1-1023");
  EXPECT_EQ(conditions("src net 2001:db8::/32"), "ip6 saddr 2001:db8::/32");
  EXPECT_EQ(conditions("ip6 and tcp"), "meta nfproto ipv6 meta l4proto tcp");
  EXPECT_EQ(conditions("net 0.0.0.0/0"), "meta nfproto ipv4");
}

TEST(NftConditions, AlternativesAreLines) {
  EXPECT_EQ(conditions("host 192.0.2.3"), "ip saddr 192.0.2.3\nip daddr 192.0.2.3");
  EXPECT_EQ(conditions("tcp port 80"), "tcp sport 80\ntcp dport 80");
  EXPECT_EQ(conditions("icmp or udp"), "meta l4proto icmp\nmeta l4proto udp");
  EXPECT_EQ(conditions("icmp or udp and src 192.0.2.3"),
            "meta l4proto icmp ip saddr 192.0.2.3\nmeta l4proto udp ip saddr 192.0.2.3");
}

TEST(NftConditions, NotIsTheOtherFamilyToo) {
  EXPECT_EQ(conditions("not src 192.0.2.3"), "meta nfproto ipv6\nip saddr != 192.0.2.3");
  EXPECT_EQ(conditions("ip and not host 192.0.2.3"), "ip saddr != 192.0.2.3 ip daddr != 192.0.2.3");
  EXPECT_EQ(conditions("tcp and not port 22"), "tcp sport != 22 tcp dport != 22");
  EXPECT_EQ(conditions("not dst port 22"), "meta l4proto != { tcp, udp, sctp }\nmeta l4proto { tcp, udp, sctp } th dport != 22");
  EXPECT_EQ(conditions("not tcp and not udp"), "meta l4proto != { tcp, udp }");
  EXPECT_EQ(conditions("not ip"), "meta nfproto ipv6");
}

TEST(NftConditions, TooManyAlternativesBecomeWeakerOnes) {
  const std::string hosts = "host 192.0.2.1 or 192.0.2.2 or 192.0.2.3 or 192.0.2.4 or 192.0.2.5 or 192.0.2.6 or 192.0.2.7";
  EXPECT_EQ(conditions("tcp and (" + hosts + " or 192.0.2.8 or 192.0.2.9)"), "meta l4proto tcp");
  EXPECT_EQ(conditions(hosts + " or 192.0.2.8 or 192.0.2.9"), "");
  EXPECT_NE(conditions(hosts), "");
}

/// As the tree says it, without steps.
bool holds(const Expression& expression, const pf_facts& facts) {
  const auto each_holds = [&](const Expression& part) { return holds(part, facts); };
  switch (expression.kind) {
    case Expression::Kind::test: return pf_test(&expression.test, &facts) != 0;
    case Expression::Kind::not_of: return !holds(expression.of.front(), facts);
    case Expression::Kind::all_of: return std::all_of(expression.of.begin(), expression.of.end(), each_holds);
    case Expression::Kind::any_of: break;
  }
  return std::any_of(expression.of.begin(), expression.of.end(), each_holds);
}

bool holds(const Alternative& alternative, const pf_facts& facts) {
  const auto is_among = [&](const std::vector<uint8_t>& list) {
    return std::find(list.begin(), list.end(), facts.protocol) != list.end();
  };
  if (!(facts.family == 4 ? alternative.ipv4 : alternative.ipv6)) return false;
  if (alternative.protocols && !is_among(*alternative.protocols)) return false;
  if (is_among(alternative.other_protocols)) return false;
  return std::all_of(alternative.conditions.begin(), alternative.conditions.end(),
                     [&](const auto& condition) { return (pf_test(&condition.test, &facts) != 0) == condition.holds; });
}

/// Texts, trees and packets out of so few values that they often meet.
class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}

  std::string expression(int depth) {
    if (depth == 0) return condition();
    switch (below(4)) {
      case 0: return "not (" + expression(depth - 1) + ")";
      case 1: return "(" + expression(depth - 1) + ") and (" + expression(depth - 1) + ")";
      case 2: return "(" + expression(depth - 1) + ") or (" + expression(depth - 1) + ")";
      default: return condition();
    }
  }

  pf_facts packet() {
    static const std::vector<std::string> addresses4{"192.0.2.1", "192.0.2.2", "198.51.100.1"};
    static const std::vector<std::string> addresses6{"2001:db8::1", "2001:db8::2", "fd00::1"};
    const auto& addresses = below(2) == 0 ? addresses4 : addresses6;
    constexpr uint8_t kNumbers[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP, 47};
    const auto port = [this] { return static_cast<uint16_t>(79 + below(4)); };
    return test::facts(addresses[below(3)], addresses[below(3)], kNumbers[below(5)], port(), port());
  }

 private:
  std::string condition() {
    const std::string side = one_of({"", "src ", "dst ", "src or dst ", "src and dst "});
    switch (below(5)) {
      case 0: return one_of({"tcp", "udp", "icmp", "ip", "ip6", "proto 47"});
      case 1: return one_of({"", "tcp ", "udp ", "ip6 "}) + side + "port " + one_of({"79", "80"});
      case 2: return side + "portrange " + one_of({"79-80", "80-82"});
      case 3: return side + "net " + one_of({"192.0.2.0/24", "192.0.2.2/31", "2001:db8::/32", "::/0", "0.0.0.0/0"});
      default: return one_of({"", "tcp "}) + side + "host " + one_of({"192.0.2.1", "2001:db8::1"});
    }
  }
  std::string one_of(std::initializer_list<const char*> words) { return words.begin()[below(words.size())]; }
  size_t below(size_t end) { return engine_() % end; }

  std::mt19937 engine_;
};

TEST(Filter, StepsAndAlternativesSayWhatTheTreeSays) {
  int whole = 0, matching = 0;
  for (uint32_t seed = 0; seed < 2000; ++seed) {
    Random random(seed);
    const std::string text = random.expression(4);
    const auto parsed = parse_expression(text);
    if (std::holds_alternative<Complaint>(parsed)) continue;  // too many tests
    const auto& expression = std::get<Expression>(parsed);
    const pf_program program = compile(expression);
    const auto alternatives = alternatives_of(expression);
    if (alternatives) ++whole;
    for (int i = 0; i < 50; ++i) {
      const pf_facts packet = random.packet();
      const bool expected = holds(expression, packet);
      if (expected) ++matching;
      ASSERT_EQ(pf_matches(&program, &packet), expected ? 1 : 0) << text;
      const bool listed = std::find(program.protocol, program.protocol + program.protocols, packet.protocol) !=
                          program.protocol + program.protocols;
      ASSERT_TRUE(!expected || program.protocols == 0 || listed) << text;
      if (!alternatives) continue;
      const bool any =
          std::any_of(alternatives->begin(), alternatives->end(), [&](const auto& each) { return holds(each, packet); });
      ASSERT_EQ(any, expected) << text << "\n" << conditions(text);
    }
  }
  EXPECT_GT(whole, 1000);
  EXPECT_GT(matching, 10'000);
}

TEST(Filter, StepsJumpForwardsOnly) {
  for (uint32_t seed = 0; seed < 500; ++seed) {
    const auto parsed = parse_expression(Random(seed).expression(5));
    if (std::holds_alternative<Complaint>(parsed)) continue;
    const pf_program program = compile(std::get<Expression>(parsed));
    for (uint32_t i = 0; i < program.steps; ++i) {
      for (const uint8_t target : {program.step[i].on_true, program.step[i].on_false}) {
        EXPECT_TRUE(target >= PF_ACCEPT || (target > i && target < program.steps));
      }
    }
  }
}

}  // namespace
}  // namespace postern::packet_filter
