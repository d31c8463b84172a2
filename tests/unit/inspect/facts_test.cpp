// facts_test.cpp - sockets out of /proc/net, the kernel's numbers in words, wires out of views.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "kernel_words.h"
#include "listeners.h"
#include "wires.h"

namespace postern::inspect {
namespace {

TEST(Listeners, AreThoseThatListen) {
  const auto found = parse_listeners(
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
      "   0: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 4242 1 0000 100 0 0 10 0\n"
      "   1: 0200000A:8000 0100000A:0050 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0000 20 4 30 10 -1\n",
      "tcp");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].listener.address, "127.0.0.1");
  EXPECT_EQ(found[0].listener.port, 53);
  EXPECT_EQ(found[0].listener.protocol, "tcp");
  EXPECT_EQ(found[0].socket_inode, 4242u);
}

TEST(Listeners, OfUdpAreConnectedToNobody) {
  const auto found = parse_listeners(
      "head\n"
      "  7: 000080FE00000000FF00FC02010000FE:0222 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000"
      "     0        0 77 2 0000 0\n",
      "udp");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].listener.address, "fe80::2fc:ff:fe00:1");
  EXPECT_EQ(found[0].listener.port, 546);
}

TEST(Listeners, WhatIsNotWellFormedIsPassedOver) {
  EXPECT_TRUE(parse_listeners("", "tcp").empty());
  EXPECT_TRUE(parse_listeners("head\n 0: 0100007F:0035 00000000:0000 0A 0:0 0:0 0 0 0\n", "tcp").empty());
  EXPECT_TRUE(parse_listeners("head\n 0: 010000:0035 00000000:0000 0A 0:0 0:0 0 0 0 9\n", "tcp").empty());
  EXPECT_TRUE(parse_listeners("head\n 0: 0100007F:1FFFF 00000000:0000 0A 0:0 0:0 0 0 0 9\n", "tcp").empty());
}

TEST(KernelWords, AreThoseOfIp) {
  EXPECT_EQ(link_state_word(IF_OPER_LOWERLAYERDOWN), "lowerlayerdown");
  EXPECT_EQ(neighbour_state_word(NUD_STALE), "stale");
  EXPECT_EQ(neighbour_state_word(3), "3");
  EXPECT_EQ(route_type_word(RTN_BLACKHOLE), "blackhole");
  EXPECT_EQ(route_protocol_word(RTPROT_DHCP), "dhcp");
  EXPECT_EQ(route_protocol_word(99), "99");
  EXPECT_EQ(table_word(254), "main");
  EXPECT_EQ(table_word(100), "100");
  EXPECT_EQ(scope_word(RT_SCOPE_LINK), "link");
  EXPECT_EQ(network_text(Ipv4(), 0), "default");
  EXPECT_EQ(network_text(Ipv4::of(10, 0, 0, 0), 8), "10.0.0.0/8");
}

netlink::Rule rule(int family, uint32_t priority, uint32_t table) {
  netlink::Rule made;
  made.family = family;
  made.priority = priority;
  made.table = table;
  made.action = FR_ACT_TO_TBL;
  return made;
}

TEST(RoutingRule, TheUsualOnesAreThoseOfEveryNamespace) {
  EXPECT_TRUE(is_usual(rule(AF_INET, 0, RT_TABLE_LOCAL)));
  EXPECT_TRUE(is_usual(rule(AF_INET6, 32766, RT_TABLE_MAIN)));
  EXPECT_TRUE(is_usual(rule(AF_INET, 32767, RT_TABLE_DEFAULT)));
  EXPECT_FALSE(is_usual(rule(AF_INET, 32766, 100)));
  netlink::Rule marked = rule(AF_INET, 32766, RT_TABLE_MAIN);
  marked.mark = 1;
  EXPECT_FALSE(is_usual(marked));
  netlink::Rule suppressing = rule(AF_INET, 32766, RT_TABLE_MAIN);
  suppressing.suppressed_prefix_bits = 0;
  EXPECT_FALSE(is_usual(suppressing));
}

TEST(RoutingRule, IsToldAsIpDoes) {
  netlink::Rule some = rule(AF_INET, 100, 777);
  EXPECT_EQ(selector_text(some), "all");
  EXPECT_EQ(action_text(some), "lookup 777");
  some.inverted = true;
  some.source = {Ipv4::of(10, 0, 0, 0), 8};
  some.in_link = "eth0";
  some.mark = 1, some.mark_mask = 0xff;
  some.ip_protocol = IPPROTO_TCP;
  some.destination_ports = {80, 90};
  some.uids = {0, 9};
  some.suppressed_prefix_bits = 0;
  EXPECT_EQ(selector_text(some), "not from 10.0.0.0/8 iif eth0 fwmark 0x1/0xff uidrange 0-9 ipproto tcp dport 80-90");
  EXPECT_EQ(action_text(some), "lookup 777 suppress_prefixlength 0");
  some.action = FR_ACT_BLACKHOLE;
  EXPECT_EQ(action_text(some), "blackhole");
}

DeviceView device(int index, const char* name, const char* kind) {
  DeviceView made;
  made.index = index;
  made.name = name;
  made.kind = kind;
  return made;
}

/// One: eth0 <-> v of two, which is a port of br0; tap0. Two: br0, v, and vlan5 on br0.
std::vector<NamespaceView> two_namespaces() {
  NamespaceView one, two;
  one.inode = 10, one.name = "one";
  two.inode = 20, two.name = "two";
  DeviceView eth = device(2, "eth0", "veth"), v = device(5, "v", "veth"), vlan = device(6, "vlan5", "vlan");
  eth.peer = DeviceElsewhere{20, "", 5, ""};
  v.peer = DeviceElsewhere{10, "", 2, ""};
  v.master = "br0";
  vlan.peer = DeviceElsewhere{20, "", 4, ""};
  one.devices = {eth, device(3, "tap0", "tap")};
  two.devices = {device(4, "br0", "bridge"), v, vlan};
  return {one, two};
}

TEST(Wires, PeersGetTheirNames) {
  auto all = two_namespaces();
  name_peers(all[0], all);
  EXPECT_EQ(all[0].devices[0].peer->namespace_name, "two");
  EXPECT_EQ(all[0].devices[0].peer->name, "v");
}

TEST(Wires, StandEachOnce) {
  const auto wires = wires_between(two_namespaces(), {});
  ASSERT_EQ(wires.size(), 4u);
  EXPECT_EQ(wires[0].kind, Wire::Kind::veth);
  EXPECT_EQ(wires[0].one, (WireEnd{10, 2}));
  EXPECT_EQ(wires[0].other, (WireEnd{20, 5}));
  EXPECT_EQ(wires[1].kind, Wire::Kind::tap);
  EXPECT_FALSE(wires[1].program);
  EXPECT_EQ(wires[2].kind, Wire::Kind::port);
  EXPECT_EQ(wires[2].other, (WireEnd{20, 4}));
  EXPECT_EQ(wires[3].kind, Wire::Kind::over);
}

TEST(Wires, AVethWhoseOtherEndIsNotSeenStandsWithoutIt) {
  auto all = two_namespaces();
  all.pop_back();
  const auto wires = wires_between(all, {});
  ASSERT_EQ(wires.size(), 2u);
  EXPECT_FALSE(wires[0].other);
}

TEST(Wires, ATapIsHeldByWhoHasTheOneOfThatNamespace) {
  auto all = two_namespaces();
  const std::vector<OpenTap> taps = {
      {"tap0", 99, {1, "other"}, 20}, {"tap0", 10, {2, "postern"}, 20}, {"tap1", 10, {3, "no"}, 20}};
  name_holders(all[0], taps);
  ASSERT_EQ(all[0].devices[1].holders.size(), 1u);
  EXPECT_EQ(all[0].devices[1].holders[0].pid, 2);
  const auto wires = wires_between(all, taps);
  ASSERT_TRUE(wires[1].program);
  EXPECT_EQ(wires[1].program->name, "postern");
  EXPECT_EQ(wires[1].program_netns, 20u);
}

TEST(Wires, ATapOfAnUnknownNamespaceIsTakenByNameOnlyIfThereIsNoOther) {
  auto all = two_namespaces();
  const OpenTap first{"tap0", 0, {1, "postern"}, 20}, second{"tap0", 0, {2, "other"}, 20};
  name_holders(all[0], {first, second});
  EXPECT_TRUE(all[0].devices[1].holders.empty());
  name_holders(all[0], {first});
  EXPECT_EQ(all[0].devices[1].holders.size(), 1u);
}

}  // namespace
}  // namespace postern::inspect
