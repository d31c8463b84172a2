#include "traced_packets.h"

#include <gtest/gtest.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "../journey/packets.h"

namespace postern::trace {
namespace {

using namespace journey::test;

using netfilter::RuleTexts;
using netfilter::TraceMessage;
using netfilter::Verdict;

constexpr std::string_view kListing =
    "table inet fw { # handle 1\n"
    "\tchain prerouting { # handle 1\n"
    "\t\ttype filter hook prerouting priority raw; policy accept;\n"
    "\t\tip saddr 10.0.0.2 jump blue # handle 4\n"
    "\t}\n"
    "\tchain blue { # handle 2\n"
    "\t\ticmp type echo-request drop # handle 5\n"
    "\t}\n"
    "\tchain postrouting { # handle 3\n"
    "\t\ttype filter hook postrouting priority srcnat + 10; policy drop;\n"
    "\t}\n"
    "}\n";
constexpr uint64_t kSecond = 1'000'000'000;

struct Where {
  const char* chain;
  uint64_t rule = 0;
};

TraceMessage message(uint32_t id, const Where& where, Verdict::Kind verdict) {
  TraceMessage made;
  made.id = id;
  made.family = NFPROTO_INET;
  made.table = "fw";
  made.chain = where.chain;
  made.rule = where.rule;
  made.verdict.kind = verdict;
  made.input_device = 3;
  made.output_device = 4;
  return made;
}

TraceMessage with(TraceMessage message, const Octets& packet) {
  message.network_header.assign(packet.begin(), packet.begin() + 20);
  message.transport_header.assign(packet.begin() + 20, packet.end());
  return message;
}

class TracedPacketsTest : public testing::Test {
 protected:
  TracedPackets::Told take(const TraceMessage& message, uint64_t now_ns = kSecond) {
    return packets_.take(message, texts_, now_ns);
  }

  const RuleTexts texts_ = RuleTexts::parse(kListing);
  std::shared_ptr<journey::Following> following_ =
      std::make_shared<journey::Following>(filter("src host 10.0.0.2"), journey::Following::Extent::connection);
  TracedPackets packets_{following_, 4026531840};
};

const Octets kPing = echo4({"10.0.0.2", "192.0.2.1"}, Echo::request, 5);

TEST_F(TracedPacketsTest, ARuleThatMatchedIsAnEvent) {
  TraceMessage jump = with(message(9, {"prerouting", 4}, Verdict::Kind::jump), kPing);
  jump.verdict.chain = "blue";
  jump.link_header = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
  jump.connection = TraceMessage::Connection{.id = 77, .state = 8, .status = IPS_SRC_NAT, .is_reply = false};
  const auto told = take(jump);
  ASSERT_TRUE(told.rule);
  EXPECT_FALSE(told.drop);
  const journey::Event& event = *told.rule;
  EXPECT_EQ(event.point, journey::Point::rule);
  EXPECT_EQ(event.observer, journey::Observer::rule_trace);
  EXPECT_EQ(event.clock, journey::Event::Clock::arrival);
  EXPECT_EQ(event.time_ns, kSecond);
  EXPECT_EQ(event.identity, 9u);
  EXPECT_EQ(event.network.inode, 4026531840u);
  EXPECT_EQ(event.device.index, 3);
  EXPECT_EQ(event.captured, kPing);
  EXPECT_EQ(event.packet, parsed(kPing));
  EXPECT_EQ(event.macs.value().source.to_string(), "02:00:00:00:00:02");
  EXPECT_EQ(event.conntrack.value().state, "new");
  EXPECT_TRUE(event.conntrack->snat);
  EXPECT_FALSE(event.conntrack->dnat);
  EXPECT_EQ(event.rule.value().chain, "inet fw prerouting");
  EXPECT_EQ(event.rule->text, "ip saddr 10.0.0.2 jump blue");
  EXPECT_EQ(event.rule->verdict, "jump blue");
  EXPECT_EQ(event.rule->handle, 4u);
  EXPECT_EQ(event.rule->hook, "prerouting");
}

TEST_F(TracedPacketsTest, WhatFollowsIsOfTheSamePacketAndHook) {
  take(with(message(9, {"prerouting", 4}, Verdict::Kind::jump), kPing));
  const auto told = take(message(9, {"blue", 5}, Verdict::Kind::drop));
  ASSERT_TRUE(told.rule && told.drop);
  EXPECT_EQ(told.rule->captured, kPing);
  EXPECT_EQ(told.rule->rule.value().hook, "prerouting");
  EXPECT_EQ(told.rule->rule->verdict, "drop");
  EXPECT_EQ(told.drop->point, journey::Point::drop);
  EXPECT_EQ(told.drop->drop.value().reason, "nft rule");
  EXPECT_EQ(told.drop->drop->where, "inet fw blue");
  EXPECT_EQ(told.drop->rule.value().text, "icmp type echo-request drop");
}

TEST_F(TracedPacketsTest, APolicyThatDropsHasNoText) {
  TraceMessage policy = with(message(9, {"postrouting"}, Verdict::Kind::drop), kPing);
  policy.kind = TraceMessage::Kind::policy;
  const auto told = take(policy);
  ASSERT_TRUE(told.rule && told.drop);
  EXPECT_EQ(told.rule->rule.value().text, "");
  EXPECT_EQ(told.rule->device.index, 4) << "it leaves";
  EXPECT_EQ(told.drop->drop.value().reason, "nft policy");
}

TEST_F(TracedPacketsTest, AChainsEndIsTheReturn) {
  take(with(message(9, {"prerouting", 4}, Verdict::Kind::jump), kPing));
  TraceMessage end = message(9, {"blue"}, Verdict::Kind::proceed);
  end.kind = TraceMessage::Kind::returned;
  EXPECT_EQ(take(end).rule.value().rule.value().verdict, "return");
  EXPECT_FALSE(take(message(9, {"prerouting"}, Verdict::Kind::proceed)).rule) << "no rule: what the kernel says before a policy";
}

TEST_F(TracedPacketsTest, ATracersOwnRulesAreNotTold) {
  TraceMessage own = with(message(9, {"arriving", 4}, Verdict::Kind::accept), kPing);
  own.table = "postern_trace_4711_1";
  EXPECT_FALSE(take(own).rule);
  EXPECT_TRUE(take(message(9, {"blue", 5}, Verdict::Kind::accept)).rule) << "but the packet is known by them";
}

TEST_F(TracedPacketsTest, ADropIsToldWhateverItsTableIsCalled) {
  TraceMessage hidden = with(message(9, {"arriving", 4}, Verdict::Kind::drop), kPing);
  hidden.table = "postern_trace_4711_1";
  const auto told = take(hidden);
  ASSERT_TRUE(told.rule && told.drop);
  EXPECT_EQ(told.drop->drop.value().where, "inet postern_trace_4711_1 arriving");
  hidden.verdict.kind = Verdict::Kind::stolen;
  EXPECT_TRUE(take(hidden).rule);
}

TEST_F(TracedPacketsTest, WhatAnotherTracerHasMarkedIsNotTold) {
  EXPECT_FALSE(
      take(with(message(9, {"prerouting", 4}, Verdict::Kind::accept), echo4({"10.0.0.3", "192.0.2.1"}, Echo::request, 5))).rule);
  EXPECT_FALSE(take(message(9, {"blue", 5}, Verdict::Kind::drop)).drop);
  EXPECT_FALSE(take(message(10, {"blue", 5}, Verdict::Kind::drop)).drop) << "nobody knows this one";
}

TEST_F(TracedPacketsTest, APacketIsFollowedThroughTranslationAndSoIsItsAnswer) {
  take(with(message(9, {"prerouting", 4}, Verdict::Kind::accept), kPing));
  const auto answer =
      with(message(10, {"prerouting", 4}, Verdict::Kind::accept), echo4({"192.0.2.1", "192.0.2.100"}, Echo::reply, 5));
  EXPECT_FALSE(take(answer).rule);
  EXPECT_TRUE(
      take(with(message(9, {"postrouting", 6}, Verdict::Kind::accept), echo4({"192.0.2.100", "192.0.2.1"}, Echo::request, 5)))
          .rule);
  EXPECT_TRUE(take(answer).rule);
}

TEST_F(TracedPacketsTest, AnIdThatComesAgainMayBeAnotherPackets) {
  const auto other = [](uint16_t id) { return tcp4({"192.0.2.100", "192.0.2.1", 1, 2}, id); };
  take(with(message(9, {"prerouting", 4}, Verdict::Kind::accept), tcp4({"10.0.0.2", "192.0.2.1", 1, 2}, 7)));
  EXPECT_FALSE(take(with(message(9, {"postrouting", 6}, Verdict::Kind::accept), other(8))).rule) << "by IP's identification";
  take(with(message(9, {"prerouting", 4}, Verdict::Kind::accept), tcp4({"10.0.0.2", "192.0.2.1", 1, 2}, 7)));
  EXPECT_FALSE(take(with(message(9, {"postrouting", 6}, Verdict::Kind::accept), other(7)), 4 * kSecond).rule) << "by time";
}

TEST_F(TracedPacketsTest, RemembersNoMoreThanItMay) {
  take(with(message(1, {"prerouting", 4}, Verdict::Kind::accept), kPing));
  for (uint32_t id = 2; id <= TracedPackets::kPackets; ++id)
    take(with(message(id, {"prerouting", 4}, Verdict::Kind::accept), kPing));
  EXPECT_TRUE(take(message(1, {"blue", 5}, Verdict::Kind::accept)).rule);
  take(with(message(TracedPackets::kPackets + 1, {"prerouting", 4}, Verdict::Kind::accept), kPing));
  EXPECT_FALSE(take(message(1, {"blue", 5}, Verdict::Kind::accept)).rule);
}

TEST(JoinedPacket, FillsInWhatTheKernelCutOff) {
  Octets network = ip4({"10.0.0.2", "192.0.2.1"}, IPPROTO_TCP, {});
  network[0] = 0x4f;  // 40 bytes of options, of which 20 came
  network.resize(40, 1);
  const Octets whole = joined_packet(network, ports(4000, 80));
  ASSERT_EQ(whole.size(), 64u);
  EXPECT_EQ(whole[39], 1);
  EXPECT_EQ(whole[40], 0);
  EXPECT_EQ(parsed(whole).destination_port, Port{80});
}

TEST(JoinedPacket, SaysNothingBehindExtensionHeaders) {
  const Octets plain = ip6({"2001:db8::1", "2001:db8::2"}, IPPROTO_TCP, {}),
               extended = ip6({"2001:db8::1", "2001:db8::2"}, IPPROTO_HOPOPTS, {});
  EXPECT_EQ(joined_packet(plain, ports(1, 2)).size(), 44u);
  EXPECT_EQ(joined_packet(extended, ports(1, 2)).size(), 40u);
  EXPECT_EQ(joined_packet({}, ports(1, 2)).size(), 0u);
  EXPECT_EQ(joined_packet({0x45, 0}, ports(1, 2)).size(), 2u);
}

}  // namespace
}  // namespace postern::trace
