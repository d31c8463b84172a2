// rule_trace_test.cpp - what the rules of the running kernel did with a packet, told by trace::RuleEvents. nft(8) makes the rules
// and bears witness.
//
//   the test's namespace, with lo; for address translation it is the router:
//   client 10.1.0.2 ─veth─ 10.1.0.1 router 192.0.2.1 ─veth─ 192.0.2.2 outside
#include <sys/socket.h>

#include <fstream>
#include <optional>

#include "postern/base/socket_address.h"
#include "postern/trace/rule_events.h"

#include "trace_test.h"

namespace postern::trace {
namespace {

using journey::Event;
using journey::Point;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

class RuleTrace : public TraceTest {
 protected:
  std::unique_ptr<RuleEvents> open(std::string_view filter) { return value(RuleEvents::open(*loop, follow(filter), sink())); }

  static void rules(const std::string& text) { run("nft '" + text + "'"); }

  /// "inet fw input: drop", in the order in which they were told.
  std::vector<std::string> verdicts() const {
    std::vector<std::string> all;
    for (const Event& event : at(Point::rule)) all.push_back(event.rule->chain + ": " + event.rule->verdict);
    return all;
  }
};

TEST_P(RuleTrace, APingThatARuleDropsNamesThatRule) {
  rules(
      "table inet fw { chain input { type filter hook input priority 0; tcp dport 7 accept; icmp type echo-request counter drop; "
      "}; }");
  const auto source = open("icmp");
  run("! ping -c1 -W0.1 127.0.0.1 >/dev/null");
  ASSERT_TRUE(until([&] { return !at(Point::drop).empty(); }));
  const Event drop = at(Point::drop).front();
  EXPECT_EQ(drop.drop.value().reason, "nft rule");
  EXPECT_EQ(drop.drop->where, "inet fw input");
  ASSERT_TRUE(drop.rule);
  EXPECT_EQ(drop.rule->text, "icmp type echo-request counter drop");
  EXPECT_EQ(drop.rule->hook, "input");
  EXPECT_THAT(output_of("nft -a list chain inet fw input"),
              HasSubstr("drop # handle " + std::to_string(drop.rule->handle) + "\n"));
  EXPECT_EQ(drop.network.inode, inode_of_network());
  EXPECT_EQ(drop.device.index, 1) << "lo";
  EXPECT_EQ(drop.clock, Event::Clock::arrival);
  ASSERT_TRUE(drop.packet);
  EXPECT_EQ(to_string(drop.packet->destination), "127.0.0.1");
  EXPECT_EQ(drop.packet->icmp_type, 8);
  EXPECT_EQ(source->lost(), 0u);
}

TEST_P(RuleTrace, APolicyThatDropsIsNamed) {
  rules("table ip fw { chain output { type filter hook output priority 0; policy drop; }; }");
  const auto source = open("host 127.0.0.1");
  run("! ping -c1 -W0.1 127.0.0.1 >/dev/null 2>&1");
  ASSERT_TRUE(until([&] { return !at(Point::drop).empty(); }));
  const Event drop = at(Point::drop).front();
  EXPECT_EQ(drop.drop.value().reason, "nft policy");
  EXPECT_EQ(drop.drop->where, "ip fw output");
  EXPECT_EQ(drop.rule.value().hook, "output");
  EXPECT_EQ(drop.rule->text, "");
}

TEST_P(RuleTrace, OfIpv6ItIsTheSame) {
  rules("table inet fw { chain input { type filter hook input priority 0; icmpv6 type echo-request drop; }; }");
  const auto source = open("host ::1");
  run("! ping -6 -c1 -W0.1 ::1 >/dev/null");
  ASSERT_TRUE(until([&] { return !at(Point::drop).empty(); }));
  EXPECT_EQ(at(Point::drop).front().rule.value().text, "icmpv6 type echo-request drop");
  EXPECT_EQ(at(Point::drop).front().packet.value().icmp_type, 128);
  EXPECT_EQ(at(Point::drop).front().ethertype, 0x86dd);
}

TEST_P(RuleTrace, TheVerdictsOfAPacketThatPassesComeInOrder) {
  rules(
      "table inet fw {\n chain icmp_in { counter return; }\n"
      " chain input { type filter hook input priority 0; policy accept; iif lo jump icmp_in\n icmp type echo-request accept; }\n"
      " chain output { type filter hook output priority 0; policy accept; counter; }\n}");
  const auto source = open("icmp");
  run("ping -c1 -W5 127.0.0.1 >/dev/null");
  source->drain();
  EXPECT_THAT(verdicts(), ElementsAre("inet fw output: continue", "inet fw output: accept", "inet fw input: jump icmp_in",
                                      "inet fw icmp_in: return", "inet fw input: accept",  // and the answer
                                      "inet fw output: continue", "inet fw output: accept", "inet fw input: jump icmp_in",
                                      "inet fw icmp_in: return", "inet fw input: accept"));
  for (size_t i = 1; i < events.size(); ++i) EXPECT_LE(events[i - 1].time_ns, events[i].time_ns);
}

TEST_P(RuleTrace, ARuleThatIsMadeLaterHasItsTextToo) {
  const auto source = open("icmp");
  rules("table inet fw { chain input { type filter hook input priority 0; icmp type echo-request counter; }; }");
  run("ping -c1 -W5 127.0.0.1 >/dev/null");
  ASSERT_TRUE(until([&] { return !events.empty(); }));
  EXPECT_EQ(events.front().rule.value().text, "icmp type echo-request counter");
  source->drain();
  rules("delete table inet fw; table inet fw { chain input { type filter hook input priority 0; icmp type 8 counter drop; }; }");
  run("! ping -c1 -W0.1 127.0.0.1 >/dev/null");
  ASSERT_TRUE(until([&] { return !at(Point::drop).empty(); }));
  EXPECT_EQ(at(Point::drop).front().rule.value().text, "icmp type echo-request counter drop")
      << "with the handle of the one before";
}

TEST_P(RuleTrace, OtherPacketsAreNotTold) {
  rules("table inet fw { chain input { type filter hook input priority 0; policy accept; counter; }; }");
  const auto source = open("dst host 127.0.0.2");
  run("ping -c1 -W5 127.0.0.1 >/dev/null; ping -c1 -W5 127.0.0.2 >/dev/null");
  source->drain();
  ASSERT_FALSE(events.empty());
  for (const Event& event : events)
    EXPECT_TRUE(to_string(event.packet.value().destination) == "127.0.0.2" || to_string(event.packet->source) == "127.0.0.2");
}

TEST_P(RuleTrace, APacketIsFollowedThroughAddressTranslationAndSoIsItsAnswer) {
  const Neighbour client, outside;
  run("ip link add toclient type veth peer name eth0 netns " + client.pid());
  run("ip link add toworld type veth peer name eth0 netns " + outside.pid());
  run("ip addr add 10.1.0.1/24 dev toclient; ip link set toclient up; ip addr add 192.0.2.1/24 dev toworld; ip link set toworld "
      "up");
  client.sh("ip addr add 10.1.0.2/24 dev eth0; ip link set eth0 up; ip route add default via 10.1.0.1");
  outside.sh("ip addr add 192.0.2.2/24 dev eth0; ip link set eth0 up");
  write_file("/proc/sys/net/ipv4/ip_forward", "1");
  rules(
      "table inet fw {\n chain first { type filter hook prerouting priority raw; policy accept; counter; }\n"
      " chain forward { type filter hook forward priority 0; policy drop; ip saddr 10.1.0.2 accept\n ct state established "
      "accept; }\n"
      " chain nat { type nat hook postrouting priority srcnat; oif toworld masquerade; }\n"
      " chain last { type filter hook postrouting priority 300; policy accept; counter; }\n}");
  const auto source = open("icmp and src host 10.1.0.2");
  client.sh("ping -c1 -W5 192.0.2.2 >/dev/null");
  source->drain();
  EXPECT_THAT(verdicts(),
              ElementsAre("inet fw first: continue", "inet fw first: accept", "inet fw forward: accept", "inet fw nat: accept",
                          "inet fw last: continue", "inet fw last: accept",     // and the answer, which is first seen
                          "inet fw forward: accept", "inet fw last: continue",  // by rules where it is translated back
                          "inet fw last: accept"));
  ASSERT_EQ(events.size(), 9u);
  EXPECT_EQ(to_string(events[3].packet.value().source), "10.1.0.2") << "before";
  EXPECT_EQ(to_string(events[4].packet.value().source), "192.0.2.1") << "after";
  EXPECT_EQ(events[3].rule.value().text, "oif \"toworld\" masquerade");
  EXPECT_EQ(to_string(events[6].packet.value().source), "192.0.2.2");
  EXPECT_EQ(to_string(events[6].packet.value().destination), "10.1.0.2");
  EXPECT_EQ(events[6].rule.value().text, "ct state established accept");
}

TEST_P(RuleTrace, TheTableGoesWithItsTracerEvenIfThatIsKilled) {
  Child tracer([] {
    auto own_loop = value(loop::EventLoop::create());
    (void)value(RuleEvents::open(*own_loop, follow("icmp"), [](Event&&) {})).release();
    (void)own_loop.release();
  });
  EXPECT_THAT(output_of("nft list tables"),
              ::testing::ContainsRegex("postern_trace_" + std::to_string(tracer.pid()) + "_[0-9a-f]{16}\n"))
      << "a name that nobody could take first";
  run("nft flush ruleset");
  EXPECT_THAT(output_of("nft list tables"), HasSubstr("postern_trace_")) << "nobody else takes it away";
  tracer.kill();
  EXPECT_TRUE(until([] { return output_of("nft list tables").empty(); }));
}

TEST_P(RuleTrace, TwoAtOnceEachHaveTheirOwn) {
  rules("table inet fw { chain input { type filter hook input priority 0; policy accept; counter; }; }");
  auto first = open("icmp and host 127.0.0.1");
  std::vector<Event> others;
  const auto second = value(
      RuleEvents::open(*loop, follow("icmp and host 127.0.0.2"), [&](Event&& event) { others.push_back(std::move(event)); }));
  run("ping -c1 -W5 127.0.0.1 >/dev/null");
  first->drain();
  second->drain();
  EXPECT_EQ(verdicts().size(), 4u) << "a rule and the policy, of request and answer";
  EXPECT_THAT(others, IsEmpty());
  run("ping -I 127.0.0.2 -c1 -W5 127.0.0.2 >/dev/null");
  first->drain();
  second->drain();
  EXPECT_EQ(events.size(), 4u);
  EXPECT_EQ(others.size(), 4u);
  first.reset();
  run("ping -I 127.0.0.2 -c1 -W5 127.0.0.2 >/dev/null");
  second->drain();
  EXPECT_EQ(others.size(), 8u) << "one goes, the other stays";
}

TEST_P(RuleTrace, ItReadsTheRulesOfItsNamespaceWhereverTheThreadIs) {
  const auto source = open("icmp");
  rules("table inet fw { chain input { type filter hook input priority 0; icmp type echo-request counter; }; }");
  run("ping -c1 -W5 127.0.0.1 >/dev/null");
  const uint64_t inode = inode_of_network();
  ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
  source->drain();
  EXPECT_NE(inode_of_network(), inode);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.front().rule.value().text, "icmp type echo-request counter");
  EXPECT_EQ(events.front().network.inode, inode);
}

TEST_P(RuleTrace, WhatCouldNotBeKeptUpWithIsCountedAndHindersNobody) {
  rules("table inet fw { chain output { type filter hook output priority 0; policy accept; counter; }; }");
  const auto source = open("udp");
  const UniqueFd receiver(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
      sender(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  SocketAddress to(IpAddress(Ipv4::of(127, 0, 0, 1)), Port{0});
  ASSERT_EQ(::bind(receiver.get(), to.get(), to.size()), 0);
  ASSERT_EQ(::getsockname(receiver.get(), to.get(), to.room()), 0);
  size_t sent = 0;
  for (; source->lost() == 0 && sent < 1'000'000; ++sent) ASSERT_EQ(::sendto(sender.get(), "x", 1, 0, to.get(), to.size()), 1);
  EXPECT_GT(source->lost(), 0u) << sent;
  source->drain();
  EXPECT_FALSE(events.empty());
  const uint64_t lost = source->lost();
  events.clear();
  ASSERT_EQ(::sendto(sender.get(), "x", 1, 0, to.get(), to.size()), 1);
  EXPECT_TRUE(until([&] { return events.size() == 2; })) << "once there is room, nothing more is lost";
  EXPECT_EQ(source->lost(), lost);
}

/// Somebody may have as many rules as he likes: it is not for us to remember them all.
TEST_P(RuleTrace, ARulesetOfSeveralMegabytesIsNotReadAndItsDropsAreToldNevertheless) {
  constexpr int kParts = 80, kRulesAPart = 500;  // nft sends a part at once, for which there is little room without privilege
  rules("table inet fw { chain input { type filter hook input priority 0; icmp type echo-request drop; }; chain unused { }; }");
  const std::string file = "/tmp/rule_trace_test." + std::to_string(::getpid());
  std::ofstream part(file);
  for (int i = 0; i < kRulesAPart; ++i) part << "add rule inet fw unused counter comment \"" << std::string(110, 'x') << "\"\n";
  part.close();
  run("for i in $(seq " + std::to_string(kParts) + "); do nft -f " + file + " || exit 1; done; rm " + file);
  const auto source = open("icmp");
  run("! ping -c1 -W0.1 127.0.0.1 >/dev/null");
  ASSERT_TRUE(until([&] { return !at(Point::drop).empty(); }));
  EXPECT_EQ(at(Point::drop).front().rule.value().text, "");
  EXPECT_EQ(at(Point::drop).front().drop.value().where, "inet fw input");
}

TEST_P(RuleTrace, WithoutThePrivilegeItIsEperm) {
  const Child stranger([] {
    if (::unshare(CLONE_NEWUSER) < 0) ::_exit(1);  // root of another user namespace than that of this network
    auto own_loop = value(loop::EventLoop::create());
    const auto refused = RuleEvents::open(*own_loop, follow("icmp"), [](Event&&) {});
    if (refused || !refused.error().is(std::errc::operation_not_permitted)) ::_exit(1);
  });
  EXPECT_GT(stranger.pid(), 0);
}

TRACE_AS_ROOT_AND_ROOTLESS(RuleTrace);

}  // namespace
}  // namespace postern::trace
