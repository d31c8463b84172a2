// netlink_test.cpp - the netlink room against the running kernel. ip(8) prepares and bears witness.
//
//   a network namespace of the test's own:   lo   near ──veth── far
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "postern/netlink/address.h"
#include "postern/netlink/link.h"
#include "postern/netlink/monitor.h"
#include "postern/netlink/route.h"
#include "postern/netlink/socket.h"
#include "postern/netlink/source_address.h"

#include "own_namespace.h"

namespace postern::netlink {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Ipv4 kOwn4 = Ipv4::of(198, 51, 100, 2);
constexpr Ipv4 kGateway4 = Ipv4::of(198, 51, 100, 1);
const Ipv6 kOwn6 = *Ipv6::parse("2001:db8:1::2");
const Ipv6 kGateway6 = *Ipv6::parse("2001:db8:1::1");

constexpr auto kEui64 = LinkSettings::AddressGeneration::eui64;

class Netlink : public testing::Test {
 protected:
  void SetUp() override {
    if (!enter_own_namespaces()) GTEST_SKIP() << "missing: user namespaces";
    run("ip link add near type veth peer name far && ip link set lo up");
    socket = value(Socket::open());
    near = value(find_link(*socket, "near")).index;
  }

  /// Both ends up, so that there is a carrier, and both families on `near`.
  void bring_up() {
    run("ip link set far up");
    ASSERT_TRUE(ok(set_up(*socket, near)));
    ASSERT_TRUE(ok(add_address(*socket, near, kOwn4, 24)));
    ASSERT_TRUE(ok(add_address(*socket, near, kOwn6, 64)));
  }

  std::optional<Socket> socket;
  int near = 0;
};

/// Polls until `done`, woken by the kernel; false after ten seconds.
bool watch(AddressMonitor& monitor, const std::function<bool()>& done) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (value(monitor.poll()), !done()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd wait{monitor.fd(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) <= 0) return false;
  }
  return true;
}

TEST_F(Netlink, FindsALinkByName) {
  const Link link = value(find_link(*socket, "near"));
  EXPECT_EQ(link.name, "near");
  EXPECT_EQ(link.index, std::stoi(output_of("ip -o link show near")));
  EXPECT_EQ(link.kind, "veth");
  EXPECT_EQ(link.mtu_bytes, 1500u);
  EXPECT_FALSE(link.up);
  EXPECT_THAT(output_of("ip link show near"), HasSubstr(link.mac.to_string()));
  EXPECT_EQ(value(find_link(*socket, "lo")).kind, "");
}

TEST_F(Netlink, ListsEveryLinkWithItsMasterAndAlias) {
  run("ip link add br0 type bridge && ip link set near master br0 alias 'mine: near'");
  std::vector<Link> table = value(links(*socket));
  std::vector<std::string> names;
  names.reserve(table.size());
  for (const Link& link : table) names.push_back(link.name);
  EXPECT_THAT(names, testing::UnorderedElementsAre("lo", "near", "far", "br0"));
  const Link found = value(find_link(*socket, "near"));
  EXPECT_EQ(found.master, value(find_link(*socket, "br0")).index);
  EXPECT_EQ(found.alias, "mine: near");
  EXPECT_THAT(table, Contains(AllOf(Field(&Link::name, "near"), Field(&Link::index, near), Field(&Link::master, found.master),
                                    Field(&Link::alias, "mine: near"), Field(&Link::kind, "veth"))));
  EXPECT_THAT(table, Contains(AllOf(Field(&Link::name, "far"), Field(&Link::master, 0), Field(&Link::alias, ""))));
}

TEST_F(Netlink, ListsMoreLinksThanOneDatagramHolds) {
  run("for i in $(seq 1 100); do echo link add v$i type veth peer name w$i; done | ip -batch -");
  EXPECT_EQ(value(links(*socket)).size(), 203u);
}

TEST_F(Netlink, DeletesALink) {
  ASSERT_TRUE(ok(delete_link(*socket, near)));
  EXPECT_TRUE(fails_with(std::errc::no_such_device, find_link(*socket, "near")));
  EXPECT_TRUE(fails_with(std::errc::no_such_device, find_link(*socket, "far"))) << "the other end goes with it";
  EXPECT_TRUE(fails_with(std::errc::no_such_device, delete_link(*socket, near)));
  EXPECT_TRUE(fails_with(std::errc::operation_not_supported, delete_link(*socket, 1))) << "lo";
}

TEST_F(Netlink, RemovesAnAddressOfEitherFamily) {
  bring_up();
  ASSERT_TRUE(ok(remove_address(*socket, near, kOwn4, 24)));
  EXPECT_THAT(value(addresses(*socket)), Not(Contains(Field(&Address::address, IpAddress(kOwn4)))));
  EXPECT_TRUE(fails_with(std::errc::address_not_available, remove_address(*socket, near, kOwn4, 24)));
  EXPECT_TRUE(fails_with(std::errc::address_not_available, remove_address(*socket, near, kOwn6, 96))) << "another prefix";
  ASSERT_TRUE(ok(remove_address(*socket, near, kOwn6, 64)));
  EXPECT_THAT(value(addresses(*socket)), Not(Contains(Field(&Address::address, IpAddress(kOwn6)))));
  EXPECT_TRUE(fails_with(std::errc::invalid_argument, remove_address(*socket, near, kOwn6, 300)));
}

TEST_F(Netlink, AnUnknownLinkIsNoSuchDevice) {
  EXPECT_TRUE(fails_with(std::errc::no_such_device, find_link(*socket, "nowhere")));
  EXPECT_TRUE(fails_with(std::errc::no_such_device, find_link(*socket, "a-name-of-16-byt")));
  EXPECT_TRUE(fails_with(std::errc::no_such_device, set_up(*socket, 4711)));
  EXPECT_TRUE(fails_with(std::errc::no_such_device, add_address(*socket, 4711, kOwn4, 24)));
}

TEST_F(Netlink, ConfiguresALinkAtOnce) {
  const Mac mac{{0x52, 0x54, 0, 0x12, 0x34, 0x56}};
  const LinkSettings settings{.mtu_bytes = 9000, .mac = mac, .tx_queue_len = 4321, .address_generation = {}, .up = true};
  ASSERT_TRUE(ok(configure_link(*socket, near, settings)));
  const Link link = value(find_link(*socket, "near"));
  EXPECT_EQ(link.mtu_bytes, 9000u);
  EXPECT_EQ(link.mac, mac);
  EXPECT_TRUE(link.up);
  EXPECT_THAT(output_of("ip link show near"), HasSubstr("qlen 4321"));
}

TEST_F(Netlink, LeavesUnnamedLinkSettingsAlone) {
  const Link before = value(find_link(*socket, "near"));
  ASSERT_TRUE(ok(configure_link(*socket, near, {})));
  const Link after = value(find_link(*socket, "near"));
  EXPECT_EQ(after.mtu_bytes, before.mtu_bytes);
  EXPECT_EQ(after.mac, before.mac);
  EXPECT_FALSE(after.up);
}

TEST_F(Netlink, Eui64MakesTheFirstAddressFromTheMac) {
  // An ifb has its carrier, and with it its first address, the moment it goes up; by default that is not of the MAC here.
  if (std::system("PATH=/usr/sbin:/sbin:$PATH; ip link add late type ifb") != 0) GTEST_SKIP() << "missing: ifb";
  run("echo 3 > /proc/sys/net/ipv6/conf/late/addr_gen_mode");
  const Link late = value(find_link(*socket, "late"));
  ASSERT_TRUE(ok(configure_link(*socket, late.index,
                                {.mtu_bytes = {}, .mac = {}, .tx_queue_len = {}, .address_generation = kEui64, .up = true})));
  const IpAddress expected = slaac_address(*Ipv6::parse("fe80::"), late.mac);
  EXPECT_THAT(value(addresses(*socket)),
              Contains(AllOf(Field(&Address::link_index, late.index), Field(&Address::address, expected))));
}

TEST_F(Netlink, Eui64SaysSoWhereIpv6IsOff) {
  run("ip link set near mtu 1000");
  const Status status =
      configure_link(*socket, near, {.mtu_bytes = {}, .mac = {}, .tx_queue_len = {}, .address_generation = kEui64, .up = true});
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().is(std::errc::address_family_not_supported)) << status.error().message();
  EXPECT_THAT(status.error().message(), HasSubstr("is IPv6 off, or the MTU below 1280?"));
  EXPECT_FALSE(value(find_link(*socket, "near")).up) << "something was changed all the same";
}

TEST_F(Netlink, AddsAddressesOfBothFamilies) {
  bring_up();
  EXPECT_THAT(output_of("ip -4 addr show near"), HasSubstr("inet 198.51.100.2/24 brd 198.51.100.255 scope global"));
  EXPECT_THAT(output_of("ip -6 addr show near"), HasSubstr("inet6 2001:db8:1::2/64 scope global nodad"));
  EXPECT_TRUE(fails_with(std::errc::file_exists, add_address(*socket, near, kOwn4, 24)));
}

TEST_F(Netlink, ListsAddressesOfBothFamilies) {
  bring_up();
  const auto table = value(addresses(*socket));
  const auto is = [&](int link, const char* text, unsigned bits, uint8_t scope) {
    return AllOf(Field(&Address::link_index, link), Field(&Address::address, *parse_ip(text)), Field(&Address::prefix_bits, bits),
                 Field(&Address::scope, scope), Field(&Address::tentative, false));
  };
  EXPECT_THAT(table, Contains(is(1, "127.0.0.1", 8, RT_SCOPE_HOST)));
  EXPECT_THAT(table, Contains(is(1, "::1", 128, RT_SCOPE_HOST)));
  EXPECT_THAT(table, Contains(is(near, "198.51.100.2", 24, RT_SCOPE_UNIVERSE)));
  EXPECT_THAT(table, Contains(is(near, "2001:db8:1::2", 64, RT_SCOPE_UNIVERSE)));
}

TEST_F(Netlink, ATableOfManyPartsIsReadWhole) {
  run("for i in $(seq 1 2000); do echo addr add 198.18.$((i / 250)).$((i % 250 + 1))/32 dev near; done | ip -batch -");
  EXPECT_EQ(value(addresses(*socket)).size(), 2000u + 2u);  // and lo's two
}

TEST_F(Netlink, RefusalsCarryTheKernelsWords) {
  const Status mtu = configure_link(*socket, near, {.mtu_bytes = 1'000'000, .mac = {}, .tx_queue_len = {}});
  ASSERT_FALSE(mtu);
  EXPECT_TRUE(mtu.error().is(std::errc::invalid_argument));
  EXPECT_THAT(mtu.error().context, HasSubstr("mtu greater than device maximum"));

  bring_up();
  const Status route = add_default_route(*socket, near, Ipv4::of(192, 0, 2, 1));
  ASSERT_FALSE(route);
  EXPECT_TRUE(route.error().is(std::errc::network_unreachable));
  EXPECT_THAT(route.error().context, HasSubstr("Nexthop has invalid gateway"));
}

TEST_F(Netlink, AnImpossiblePrefixIsRefused) {
  EXPECT_TRUE(fails_with(std::errc::invalid_argument, add_address(*socket, near, kOwn4, 33)));
  EXPECT_TRUE(fails_with(std::errc::invalid_argument, add_address(*socket, near, kOwn6, 129)));
  EXPECT_TRUE(fails_with(std::errc::invalid_argument, add_address(*socket, near, kOwn4, 256 + 24)));
}

TEST_F(Netlink, AddsDefaultRoutesOfBothFamilies) {
  bring_up();
  EXPECT_FALSE(has_default_route(value(routes(*socket)), AF_INET));
  EXPECT_FALSE(has_default_route(value(routes(*socket)), AF_INET6));
  ASSERT_TRUE(ok(add_default_route(*socket, near, kGateway4)));
  ASSERT_TRUE(ok(add_default_route(*socket, near, kGateway6)));
  EXPECT_THAT(output_of("ip -4 route"), HasSubstr("default via 198.51.100.1 dev near"));
  EXPECT_THAT(output_of("ip -6 route"), HasSubstr("default via 2001:db8:1::1 dev near"));
  const auto table = value(routes(*socket));
  EXPECT_TRUE(has_default_route(table, AF_INET));
  EXPECT_TRUE(has_default_route(table, AF_INET6));
  EXPECT_THAT(table, Contains(AllOf(Field(&Route::prefix_bits, 0u), Field(&Route::gateway, IpAddress(kGateway4)),
                                    Field(&Route::out_link, near), Field(&Route::table, uint32_t{RT_TABLE_MAIN}))));
}

TEST_F(Netlink, ListsRoutesOfAllTablesButOwnAddresses) {
  bring_up();
  run("ip route add 10.0.2.0/24 via 198.51.100.1 table 4711 metric 7");
  run("ip -6 route add unreachable 2001:db8:2::/48");
  run("ip route add 203.0.113.0/24 nexthop via 198.51.100.1 nexthop via 198.51.100.3");
  const auto table = value(routes(*socket));
  const auto to = [](const char* text, unsigned bits) {
    return AllOf(Field(&Route::destination, *parse_ip(text)), Field(&Route::prefix_bits, bits));
  };
  EXPECT_THAT(table, Contains(AllOf(to("10.0.2.0", 24), Field(&Route::table, 4711u), Field(&Route::metric, 7u))));
  EXPECT_THAT(table, Contains(AllOf(to("198.51.100.0", 24), Field(&Route::gateway, std::nullopt))));
  EXPECT_THAT(table, Contains(AllOf(to("2001:db8:1::", 64), Field(&Route::out_link, near))));
  EXPECT_THAT(table, Contains(AllOf(to("2001:db8:2::", 48), Field(&Route::type, uint8_t{RTN_UNREACHABLE}))));
  EXPECT_THAT(table, Contains(to("203.0.113.0", 24)).Times(2));
  EXPECT_THAT(table, Not(Contains(to("198.51.100.2", 32)))) << "a local route";
  EXPECT_THAT(table, Not(Contains(to("127.0.0.0", 8)))) << "a local route";
}

TEST_F(Netlink, AnUnreachableDefaultIsNoWayOut) {
  run("ip -6 route add unreachable default dev lo metric 4294967295 && ip route add default dev lo");
  const auto table = value(routes(*socket));
  EXPECT_THAT(table, Contains(Field(&Route::prefix_bits, 0u)).Times(2));
  EXPECT_FALSE(has_default_route(table, AF_INET6));
  EXPECT_FALSE(has_default_route(table, AF_INET));
}

TEST(NetlinkRoute, ARefusingDefaultIsNoWayOut) {
  Route route{.family = AF_INET6, .destination = Ipv6(), .gateway = {}, .out_link = 2, .type = RTN_UNREACHABLE};
  EXPECT_FALSE(has_default_route({&route, 1}, AF_INET6));
  route.type = RTN_UNICAST;
  EXPECT_TRUE(has_default_route({&route, 1}, AF_INET6));
}

TEST_F(Netlink, AMultipathDefaultIsAWayOut) {
  bring_up();
  run("ip route add default nexthop via 198.51.100.1 nexthop via 198.51.100.3");
  EXPECT_TRUE(has_default_route(value(routes(*socket)), AF_INET));
}

TEST_F(Netlink, ASocketKeepsItsNamespace) {
  ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
  EXPECT_EQ(value(find_link(*socket, "near")).index, near);
  Socket elsewhere = value(Socket::open());
  EXPECT_TRUE(fails_with(std::errc::no_such_device, find_link(elsewhere, "near")));
}

TEST_F(Netlink, OutboundAddressIsWhatRoutingChooses) {
  EXPECT_TRUE(fails_with(std::errc::network_unreachable, outbound_address(AF_INET)));
  EXPECT_FALSE(outbound_address(AF_INET6));
  bring_up();
  ASSERT_TRUE(ok(add_default_route(*socket, near, kGateway4)));
  ASSERT_TRUE(ok(add_default_route(*socket, near, kGateway6)));
  EXPECT_EQ(value(outbound_address(AF_INET)), IpAddress(kOwn4));
  EXPECT_EQ(value(outbound_address(AF_INET6)), IpAddress(kOwn6));
}

TEST_F(Netlink, LoopbackIsNoOutboundAddress) {
  run("ip route add default dev lo src 127.0.0.1 metric 2");
  EXPECT_TRUE(fails_with(std::errc::address_not_available, outbound_address(AF_INET)));
  run("ip route add default dev lo metric 1");  // no address of lo's fits: the kernel answers 0.0.0.0
  EXPECT_TRUE(fails_with(std::errc::address_not_available, outbound_address(AF_INET)));
}

TEST_F(Netlink, TheAddressOfALinkIsItsWidest) {
  run("ip addr add 169.254.7.7/16 dev near scope link");
  run("ip -6 addr add 2001:db8:9::9/64 dev near preferred_lft 0");
  bring_up();
  EXPECT_EQ(value(address_of_link(*socket, "near", AF_INET)), IpAddress(kOwn4));
  EXPECT_EQ(value(address_of_link(*socket, "near", AF_INET6)), IpAddress(kOwn6));
  EXPECT_TRUE(fails_with(std::errc::no_such_device, address_of_link(*socket, "nowhere", AF_INET)));
  EXPECT_TRUE(fails_with(std::errc::address_not_available, address_of_link(*socket, "far", AF_INET)));
  EXPECT_TRUE(fails_with(std::errc::address_not_available, address_of_link(*socket, "far", AF_INET6))) << "fe80:: only";
}

TEST_F(Netlink, OnlyAnOwnAddressIsASource) {
  bring_up();
  EXPECT_TRUE(ok(check_source_address(kOwn4)));
  EXPECT_TRUE(ok(check_source_address(kOwn6)));
  EXPECT_TRUE(fails_with(std::errc::address_not_available, check_source_address(Ipv4::of(203, 0, 113, 1))));
  EXPECT_TRUE(fails_with(std::errc::address_not_available, check_source_address(*Ipv6::parse("2001:db8:ffff::1"))));
}

TEST_F(Netlink, MonitorSeesWhatIsAddedAfterItWasOpened) {
  AddressMonitor monitor(value(AddressMonitor::open_socket()), near);
  EXPECT_FALSE(value(monitor.poll()));
  bring_up();
  EXPECT_TRUE(watch(monitor, [&] { return monitor.address() == kOwn6; }));
  EXPECT_FALSE(monitor.has_default_route());
  ASSERT_TRUE(ok(add_default_route(*socket, near, kGateway6)));
  EXPECT_TRUE(watch(monitor, [&] { return monitor.has_default_route(); }));
}

TEST_F(Netlink, MonitorLearnsByADumpWhatWasThereBefore) {
  bring_up();
  ASSERT_TRUE(ok(add_default_route(*socket, near, kGateway6)));
  AddressMonitor monitor(value(AddressMonitor::open_socket()), near);
  (void)value(monitor.poll());  // of an address the kernel tells once more, when it has looked for a duplicate
  EXPECT_FALSE(monitor.has_default_route());
  ASSERT_TRUE(ok(monitor.request_dump()));
  EXPECT_TRUE(watch(monitor, [&] { return monitor.address() == kOwn6 && monitor.has_default_route(); }));
}

TEST_F(Netlink, MonitorIgnoresOtherLinks) {
  bring_up();
  ASSERT_TRUE(ok(add_default_route(*socket, near, kGateway6)));
  AddressMonitor monitor(value(AddressMonitor::open_socket()), near + 100);
  ASSERT_TRUE(ok(monitor.request_dump()));
  run("ip -6 addr add 2001:db8:3::1/64 dev far nodad");
  EXPECT_FALSE(value(monitor.poll()));
  EXPECT_EQ(monitor.address(), std::nullopt);
  EXPECT_FALSE(monitor.has_default_route());
}

TEST_F(Netlink, MonitorWaitsUntilAnAddressIsNoLongerTentative) {
  // Without a carrier duplicate address detection does not begin; the default route tells that the dump has come so far.
  ASSERT_TRUE(ok(set_up(*socket, near)));
  run("ip -6 addr add 2001:db8:1::2/64 dev near && ip -6 route add default dev near");
  EXPECT_THAT(value(addresses(*socket)), Contains(AllOf(Field(&Address::address, kOwn6), Field(&Address::tentative, true))));
  AddressMonitor monitor(value(AddressMonitor::open_socket()), near);
  ASSERT_TRUE(ok(monitor.request_dump()));
  ASSERT_TRUE(watch(monitor, [&] { return monitor.has_default_route(); }));
  EXPECT_EQ(monitor.address(), std::nullopt);
  run("ip link set far up");
  EXPECT_TRUE(watch(monitor, [&] { return monitor.address() == kOwn6; }));
}

TEST_F(Netlink, MonitorForgetsAnAddressThatIsDeleted) {
  bring_up();
  AddressMonitor monitor(value(AddressMonitor::open_socket()), near);
  run("ip -6 addr add 2001:db8:3::3/64 dev near nodad");
  ASSERT_TRUE(ok(monitor.request_dump()));
  ASSERT_TRUE(watch(monitor, [&] { return monitor.address().has_value(); }));

  const Ipv6 first = *monitor.address();
  const Ipv6 second = first == kOwn6 ? *Ipv6::parse("2001:db8:3::3") : kOwn6;
  run("ip -6 addr del " + first.to_string() + "/64 dev near");
  EXPECT_TRUE(watch(monitor, [&] { return monitor.address() == second; }));
  run("ip -6 addr del " + second.to_string() + "/64 dev near");
  EXPECT_TRUE(watch(monitor, [&] { return !monitor.address(); }));
  EXPECT_FALSE(monitor.link_gone());
}

// Nothing but the route changes: another dump on its way could bring the second one together with the announcement.
TEST_F(Netlink, MonitorForgetsARouteThatIsDeleted) {
  bring_up();
  run("ip -6 route add default dev near metric 1 && ip -6 route add default dev near metric 2");
  AddressMonitor monitor(value(AddressMonitor::open_socket()), near);
  ASSERT_TRUE(ok(monitor.request_dump()));
  ASSERT_TRUE(watch(monitor, [&] { return monitor.has_default_route(); }));
  run("ip -6 route del default dev near metric 1");
  EXPECT_TRUE(watch(monitor, [&] { return !monitor.has_default_route(); })) << "the announcement";
  EXPECT_TRUE(watch(monitor, [&] { return monitor.has_default_route(); })) << "the other one";
  run("ip -6 route del default dev near metric 2");
  EXPECT_TRUE(watch(monitor, [&] { return !monitor.has_default_route(); }));
}

TEST_F(Netlink, MonitorSeesARouteReplaced) {
  bring_up();
  AddressMonitor monitor(value(AddressMonitor::open_socket()), near);
  ASSERT_TRUE(ok(add_default_route(*socket, near, kGateway6)));
  ASSERT_TRUE(watch(monitor, [&] { return monitor.has_default_route(); }));
  run("ip -6 route replace default dev far");
  EXPECT_TRUE(watch(monitor, [&] { return !monitor.has_default_route(); }));
}

TEST_F(Netlink, MonitorSeesTheLinkGo) {
  bring_up();
  AddressMonitor monitor(value(AddressMonitor::open_socket()), near);
  ASSERT_TRUE(ok(monitor.request_dump()));
  ASSERT_TRUE(watch(monitor, [&] { return monitor.address().has_value(); }));
  run("ip link del near");
  EXPECT_TRUE(watch(monitor, [&] { return monitor.link_gone() && !monitor.address(); }));
}

TEST_F(Netlink, MonitorStaysWhenTheLinkLeavesABridge) {
  run("ip link add name br0 type bridge && ip link set near master br0");
  AddressMonitor monitor(value(AddressMonitor::open_socket()), near);
  run("ip link set near nomaster");  // announced as RTM_DELLINK, of family AF_BRIDGE
  bring_up();
  EXPECT_TRUE(watch(monitor, [&] { return monitor.address() == kOwn6; }));
  EXPECT_FALSE(monitor.link_gone());
}

TEST_F(Netlink, MonitorMakesGoodWhatWasLost) {
  AddressMonitor monitor(value(AddressMonitor::open_socket()), near);
  const int little = 1;  // the kernel's least: a few announcements
  ASSERT_EQ(::setsockopt(monitor.fd(), SOL_SOCKET, SO_RCVBUF, &little, sizeof little), 0);
  run("ip link set far up && for i in $(seq 1 100); do echo addr add 2001:db8:5::$i/64 dev far nodad; done | ip -batch -");
  bring_up();
  ASSERT_TRUE(ok(add_default_route(*socket, near, kGateway6)));
  EXPECT_TRUE(watch(monitor, [&] { return monitor.address() == kOwn6 && monitor.has_default_route(); }));
}

TEST_F(Netlink, MonitorBelievesOnlyTheKernel) {
  AddressMonitor monitor(value(AddressMonitor::open_socket()), near);
  sockaddr_nl target{};
  socklen_t size = sizeof target;
  ASSERT_EQ(::getsockname(monitor.fd(), reinterpret_cast<sockaddr*>(&target), &size), 0);
  struct {
    nlmsghdr message;
    ifaddrmsg address;
    nlattr attribute;
    in6_addr octets;
  } forged{{sizeof forged, RTM_NEWADDR, 0, 0, 0},
           {AF_INET6, 64, 0, RT_SCOPE_UNIVERSE, static_cast<uint32_t>(near)},
           {sizeof(nlattr) + sizeof(in6_addr), IFA_ADDRESS},
           kOwn6.to_wire()};
  const UniqueFd forger(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  target.nl_groups = 0;
  ASSERT_EQ(::sendto(forger.get(), &forged, sizeof forged, 0, reinterpret_cast<sockaddr*>(&target), sizeof target),
            static_cast<ssize_t>(sizeof forged));
  EXPECT_FALSE(value(monitor.poll()));
  EXPECT_EQ(monitor.address(), std::nullopt);
}

/// Sends `fd` over the socket pair's end `channel`, unix(7).
void pass(int channel, int fd) {
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  *header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  ASSERT_EQ(::sendmsg(channel, &message, 0), 1);
}

UniqueFd take(int channel) {
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  int fd = -1;
  if (::recvmsg(channel, &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message))
    std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  return UniqueFd(fd);
}

TEST_F(Netlink, MonitorWorksInAnotherProcessAndNamespace) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd outside(ends[0]), inside(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {  // opens the socket in the first namespace and changes that one when told
    bring_up();
    pass(inside.get(), value(AddressMonitor::open_socket()).get());
    char byte;
    const bool told = ::read(inside.get(), &byte, 1) == 1;
    ::_exit(told && add_default_route(*socket, near, kGateway6) ? 0 : 1);
  }
  ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
  AddressMonitor monitor(take(outside.get()), near);
  ASSERT_TRUE(ok(monitor.request_dump()));
  EXPECT_TRUE(watch(monitor, [&] { return monitor.address() == kOwn6; }));
  EXPECT_FALSE(monitor.has_default_route());
  ASSERT_EQ(::write(outside.get(), "g", 1), 1);
  EXPECT_TRUE(watch(monitor, [&] { return monitor.has_default_route(); }));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(NetlinkOrdinaryUser, SetsUpItsOwnNamespace) {
  constexpr int kSkipped = 77;
  const pid_t child = ::fork();
  if (child == 0) {
    const bool root = ::geteuid() == 0;
    if (root && (::setresgid(65534, 65534, 65534) < 0 || ::setresuid(65534, 65534, 65534) < 0)) ::_exit(1);
    // A change of uid hides /proc/self from its owner until the next exec, prctl(2) PR_SET_DUMPABLE.
    if (::prctl(PR_SET_DUMPABLE, 1) < 0) ::_exit(2);
    if (!enter_own_namespaces()) ::_exit(kSkipped);
    Socket socket = value(Socket::open());
    const bool done = configure_link(socket, 1, {.mtu_bytes = 16384, .mac = {}, .tx_queue_len = {}, .up = true}) &&
                      add_address(socket, 1, kOwn4, 24) && add_address(socket, 1, kOwn6, 64) &&
                      add_default_route(socket, 1, kGateway4) && value(find_link(socket, "lo")).mtu_bytes == 16384;
    ::_exit(done ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kSkipped) GTEST_SKIP() << "missing: user namespaces of ordinary users";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace postern::netlink
