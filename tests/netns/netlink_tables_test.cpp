// netlink_tables_test.cpp - what of the kernel's tables is only read, against the running kernel. ip(8) prepares.
//
//   a network namespace of the test's own:   near ──veth── far      out ──veth──┐ another namespace, which a child holds
//                                                                              ╰─ in
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>

#include "postern/base/unique_fd.h"
#include "postern/netlink/link.h"
#include "postern/netlink/namespace_id.h"
#include "postern/netlink/neighbour.h"
#include "postern/netlink/route.h"
#include "postern/netlink/rule.h"

#include "own_namespace.h"
#include "resident.h"

namespace postern::netlink {
namespace {

bool in_new_namespace() { return ::unshare(CLONE_NEWNET) == 0; }
UniqueFd network_of(const Resident& other) {
  return UniqueFd(::open(("/proc/" + other.pid() + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
}

class NetlinkTables : public testing::Test {
 protected:
  void SetUp() override {
    if (!enter_own_namespaces()) GTEST_SKIP() << "missing: user namespaces";
    run("ip link add near type veth peer name far && ip link set lo up && ip link set near up && ip link set far up");
    run("ip address add 198.51.100.2/24 dev near && ip address add 2001:db8:1::2/64 dev near nodad");
    socket = value(Socket::open());
  }
  Link link(const char* name) { return value(find_link(*socket, name)); }

  std::optional<Socket> socket;
};

TEST_F(NetlinkTables, AVethNamesItsPeerInThisNamespace) {
  EXPECT_EQ(link("near").peer, link("far").index);
  EXPECT_EQ(link("far").peer, link("near").index);
  EXPECT_FALSE(link("near").peer_namespace);
  EXPECT_EQ(link("lo").peer, 0);
}

TEST_F(NetlinkTables, StateFollowsThePeer) {
  EXPECT_EQ(link("near").state, IF_OPER_UP);
  EXPECT_TRUE(link("near").carrier);
  run("ip link set far down");
  EXPECT_EQ(link("near").state, IF_OPER_LOWERLAYERDOWN);
  EXPECT_FALSE(link("near").carrier);
  EXPECT_TRUE(link("near").up);
}

TEST_F(NetlinkTables, TellsLoopbackTapAndTun) {
  if (::access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "missing: tun";
  run("ip tuntap add tap7 mode tap && ip tuntap add tun7 mode tun");
  EXPECT_TRUE(link("tap7").tap);
  EXPECT_EQ(link("tap7").kind, "tun");
  EXPECT_FALSE(link("tun7").tap);
  EXPECT_TRUE(link("lo").loopback);
  EXPECT_FALSE(link("tap7").loopback);
}

TEST_F(NetlinkTables, ALinkThatLeadsOutNamesTheNamespaceByItsId) {
  const Resident other(in_new_namespace);
  ASSERT_TRUE(other.good());
  run("ip link add out type veth peer name in netns " + other.pid());
  const Link out = link("out");
  ASSERT_TRUE(out.peer_namespace);
  EXPECT_NE(out.peer, 0);
  const UniqueFd there = network_of(other);
  ASSERT_TRUE(there);
  EXPECT_EQ(value(namespace_id(*socket, there.get())), out.peer_namespace);
}

TEST_F(NetlinkTables, AStrangeNamespaceHasNoId) {
  const Resident other(in_new_namespace);
  ASSERT_TRUE(other.good());
  EXPECT_EQ(value(namespace_id(*socket, network_of(other).get())), std::nullopt);
  const UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(fails_with(std::errc::invalid_argument, namespace_id(*socket, file.get())));
}

TEST_F(NetlinkTables, ARouteTellsTheSourceThatItGives) {
  const auto all = value(routes(*socket));
  const auto own = std::ranges::find_if(all, [](const Route& route) { return route.prefix_bits == 24; });
  ASSERT_NE(own, all.end());
  EXPECT_EQ(own->source, IpAddress(Ipv4::of(198, 51, 100, 2)));
}

TEST_F(NetlinkTables, ListsTheRulesThatANamespaceBeginsWith) {
  const auto all = value(rules(*socket));
  const auto count = [&](int family) { return std::ranges::count(all, family, &Rule::family); };
  EXPECT_EQ(count(AF_INET), 3);
  EXPECT_EQ(count(AF_INET6), 2);
  EXPECT_EQ(all.front().priority, 0u);
  EXPECT_EQ(all.front().table, static_cast<uint32_t>(RT_TABLE_LOCAL));
  EXPECT_EQ(all.front().action, FR_ACT_TO_TBL);
}

TEST_F(NetlinkTables, ARuleTellsAllOfItsConditions) {
  run("ip rule add priority 100 from 198.51.100.0/24 to 203.0.113.7 iif near fwmark 0x1/0xff uidrange 0-0 table 777");
  run("ip -6 rule add priority 101 not ipproto tcp dport 80-90 oif far blackhole");
  const auto all = value(rules(*socket));
  const auto first = std::ranges::find(all, 100u, &Rule::priority), second = std::ranges::find(all, 101u, &Rule::priority);
  ASSERT_NE(first, all.end());
  ASSERT_NE(second, all.end());
  ASSERT_TRUE(first->source && first->destination && first->uids);
  EXPECT_EQ(first->source->address, IpAddress(Ipv4::of(198, 51, 100, 0)));
  EXPECT_EQ(first->source->prefix_bits, 24u);
  EXPECT_EQ(first->destination->prefix_bits, 32u);
  EXPECT_EQ(first->in_link, "near");
  EXPECT_EQ(first->mark, 1u);
  EXPECT_EQ(first->mark_mask, 0xffu);
  EXPECT_EQ(first->uids->last, 0u);
  EXPECT_EQ(first->table, 777u);
  EXPECT_FALSE(first->inverted);
  EXPECT_TRUE(second->inverted);
  EXPECT_EQ(second->family, AF_INET6);
  EXPECT_EQ(second->action, FR_ACT_BLACKHOLE);
  EXPECT_EQ(second->ip_protocol, IPPROTO_TCP);
  ASSERT_TRUE(second->destination_ports);
  EXPECT_EQ(second->destination_ports->first, 80U);
  EXPECT_EQ(second->destination_ports->last, 90U);
  EXPECT_EQ(second->out_link, "far");
}

TEST_F(NetlinkTables, ListsNeighboursOfBothFamilies) {
  run("ip neighbour add 198.51.100.9 lladdr 02:00:5e:00:53:09 nud permanent dev near");
  run("ip neighbour add 2001:db8:1::9 lladdr 02:00:5e:00:53:19 nud stale dev near");
  const auto all = value(neighbours(*socket));
  const auto of = [&](const IpAddress& address) { return std::ranges::find(all, address, &Neighbour::address); };
  const auto ipv4 = of(Ipv4::of(198, 51, 100, 9)), ipv6 = of(*Ipv6::parse("2001:db8:1::9"));
  ASSERT_NE(ipv4, all.end());
  ASSERT_NE(ipv6, all.end());
  EXPECT_EQ(ipv4->state, NUD_PERMANENT);
  EXPECT_EQ(ipv4->mac, Mac::parse("02:00:5e:00:53:09"));
  EXPECT_EQ(ipv4->link_index, link("near").index);
  EXPECT_EQ(ipv6->state, NUD_STALE);
  for (const Neighbour& neighbour : all) EXPECT_EQ(neighbour.state & NUD_NOARP, 0) << to_string(neighbour.address);
}

}  // namespace
}  // namespace postern::netlink
