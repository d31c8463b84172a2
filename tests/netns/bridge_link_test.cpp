// bridge_link_test.cpp - bridges, their ports and veth pairs against the running kernel. ip(8) prepares and bears witness.
//
//   a network namespace of the test's own:   lo   near ──veth── far
//   and sometimes another, where nobody is:  lo
#include "postern/netlink/bridge_link.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <optional>
#include <string>
#include <vector>

#include "postern/netlink/link.h"
#include "postern/netlink/socket.h"

#include "own_namespace.h"

namespace postern::netlink {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;

class BridgeLink : public testing::Test {
 protected:
  void SetUp() override {
    if (!enter_own_namespaces()) GTEST_SKIP() << "missing: user namespaces";
    run("ip link add near type veth peer name far");
    socket = value(Socket::open());
    near = value(find_link(*socket, "near")).index;
  }

  std::optional<Socket> socket;
  int near = 0;
};

constexpr Mac kMac{{0x02, 0x50, 0, 0, 0, 7}};

TEST_F(BridgeLink, AddsABridge) {
  const int index = value(add_bridge(*socket, {.name = "br0", .mac = kMac, .mtu_bytes = 9000, .alias = "postern: br0"}));
  const Link bridge = value(find_link(*socket, "br0"));
  EXPECT_EQ(bridge.index, index);
  EXPECT_EQ(bridge.kind, "bridge");
  EXPECT_EQ(bridge.mac, kMac);
  EXPECT_EQ(bridge.mtu_bytes, 9000u);
  EXPECT_EQ(bridge.alias, "postern: br0");
  EXPECT_FALSE(bridge.up);
  EXPECT_THAT(output_of("ip -d link show br0"), AllOf(HasSubstr(" forward_delay 0 "), HasSubstr(" stp_state 0 ")));
}

TEST_F(BridgeLink, ABridgeKeepsItsMacAndMtuWhenPortsComeAndGo) {
  value(add_bridge(*socket, {.name = "br0", .mac = kMac, .mtu_bytes = 9000, .alias = {}}));
  run("ip link set near address 02:00:00:00:00:01 && ip link set near master br0");
  EXPECT_EQ(value(find_link(*socket, "br0")).mtu_bytes, 9000u);
  EXPECT_EQ(value(find_link(*socket, "br0")).mac, kMac);
  run("ip link set near nomaster");
  EXPECT_EQ(value(find_link(*socket, "br0")).mtu_bytes, 9000u);
  EXPECT_EQ(value(find_link(*socket, "br0")).mac, kMac);
}

TEST_F(BridgeLink, ABridgeThatCannotBeLeavesNothing) {
  EXPECT_TRUE(fails_with(std::errc::file_exists, add_bridge(*socket, {.name = "near", .mac = kMac, .alias = {}})));
  EXPECT_TRUE(
      fails_with(std::errc::result_out_of_range, add_bridge(*socket, {.name = std::string(16, 'b'), .mac = kMac, .alias = {}})));
  EXPECT_TRUE(fails_with(std::errc::result_out_of_range,
                         add_bridge(*socket, {.name = "br0", .mac = kMac, .alias = std::string(256, 'a')})));
  EXPECT_TRUE(fails_with(std::errc::invalid_argument,
                         add_bridge(*socket, {.name = "br0", .mac = kMac, .mtu_bytes = 1 << 20, .alias = {}})));
  EXPECT_EQ(value(links(*socket)).size(), 3u);
}

TEST_F(BridgeLink, ABridgesNameAndAliasMayBeAsLongAsTheKernelsOwn) {
  const std::string name(15, 'b'), alias(255, 'a');
  value(add_bridge(*socket, {.name = name, .mac = kMac, .alias = alias}));
  EXPECT_EQ(value(find_link(*socket, name)).alias, alias);
}

/// A network namespace that nobody is in.
UniqueFd make_namespace() {
  const UniqueFd own(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (::unshare(CLONE_NEWNET) < 0) throw std::runtime_error("unshare");
  UniqueFd made(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (::setns(own.get(), CLONE_NEWNET) < 0) throw std::runtime_error("setns");
  return made;
}

/// The links of the namespace `fd`.
std::vector<Link> links_of(const UniqueFd& fd) {
  const UniqueFd own(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (::setns(fd.get(), CLONE_NEWNET) < 0) throw std::runtime_error("setns");
  Socket there = value(Socket::open());
  if (::setns(own.get(), CLONE_NEWNET) < 0) throw std::runtime_error("setns");
  return value(links(there));
}

TEST_F(BridgeLink, AddsAVethFromABridgeIntoANamespace) {
  const UniqueFd container = make_namespace();
  const int bridge = value(add_bridge(*socket, {.name = "br0", .mac = kMac, .mtu_bytes = 1400, .alias = {}}));
  ASSERT_TRUE(ok(add_veth(*socket, {.name = "veth0",
                                    .master = bridge,
                                    .mtu_bytes = 1400,
                                    .peer_name = "eth0",
                                    .peer_mac = Mac{{0x02, 0x50, 0, 0, 0, 8}},
                                    .peer_namespace = container.get()})));
  const Link own = value(find_link(*socket, "veth0"));
  EXPECT_EQ(own.master, bridge);
  EXPECT_EQ(own.kind, "veth");
  EXPECT_EQ(own.mtu_bytes, 1400u);
  EXPECT_NE(own.mac, Mac());
  EXPECT_FALSE(own.up);
  EXPECT_TRUE(fails_with(std::errc::no_such_device, find_link(*socket, "eth0")));
  EXPECT_THAT(links_of(container), Contains(AllOf(Field(&Link::name, "eth0"), Field(&Link::mac, Mac{{0x02, 0x50, 0, 0, 0, 8}}),
                                                  Field(&Link::mtu_bytes, 1400u), Field(&Link::kind, "veth"))));
}

TEST_F(BridgeLink, AVethWhoseNameIsTakenSaysWhich) {
  const UniqueFd container = make_namespace();
  NewVeth veth{.name = "veth0", .peer_name = "lo", .peer_mac = kMac, .peer_namespace = container.get()};
  const Status inside = add_veth(*socket, veth);
  EXPECT_TRUE(fails_with(std::errc::file_exists, inside));
  EXPECT_THAT(inside.error().message(), HasSubstr("lo is taken in the other namespace"));
  EXPECT_TRUE(fails_with(std::errc::no_such_device, find_link(*socket, "veth0"))) << "all or nothing";
  veth.name = "near", veth.peer_name = "eth0";
  const Status outside = add_veth(*socket, veth);
  EXPECT_TRUE(fails_with(std::errc::file_exists, outside));
  EXPECT_THAT(outside.error().message(), HasSubstr("near is taken"));
  EXPECT_EQ(links_of(container).size(), 1u) << "all or nothing";
}

TEST_F(BridgeLink, AVethThatCannotBeIsAnError) {
  const NewVeth good{.name = "veth0", .peer_name = "eth0", .peer_mac = kMac};
  NewVeth bad = good;
  bad.peer_name = std::string(300, 'p');
  EXPECT_TRUE(fails_with(std::errc::result_out_of_range, add_veth(*socket, bad)));
  bad = good;
  bad.master = 1;  // lo has no ports
  EXPECT_TRUE(fails_with(std::errc::operation_not_supported, add_veth(*socket, bad)));
  EXPECT_TRUE(fails_with(std::errc::no_such_device, find_link(*socket, "veth0")));
  EXPECT_TRUE(ok(add_veth(*socket, good))) << "both ends here";
  EXPECT_EQ(value(find_link(*socket, "eth0")).mac, kMac);
}

TEST_F(BridgeLink, SetsABridgePort) {
  const int bridge = value(add_bridge(*socket, {.name = "br0", .mac = kMac, .alias = {}}));
  ASSERT_TRUE(ok(add_veth(*socket, {.name = "veth0", .master = bridge, .peer_name = "eth0", .peer_mac = kMac})));
  const int port = value(find_link(*socket, "veth0")).index;
  ASSERT_TRUE(ok(configure_bridge_port(*socket, port, {.isolated = true, .hairpin = false})));
  EXPECT_THAT(output_of("ip -d link show veth0"), AllOf(HasSubstr(" isolated on "), HasSubstr(" hairpin off ")));
  ASSERT_TRUE(ok(configure_bridge_port(*socket, port, {.isolated = false, .hairpin = true})));
  EXPECT_THAT(output_of("ip -d link show veth0"), AllOf(HasSubstr(" isolated off "), HasSubstr(" hairpin on ")));
  EXPECT_TRUE(fails_with(std::errc::operation_not_supported, configure_bridge_port(*socket, near, {})));
  EXPECT_TRUE(fails_with(std::errc::no_such_device, configure_bridge_port(*socket, 4711, {})));
}

}  // namespace
}  // namespace postern::netlink
