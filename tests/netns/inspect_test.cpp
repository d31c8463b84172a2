// inspect_test.cpp - an inspection against the running kernel. ip(8) and nft(8) prepare.
//
//   the test's own namespace          another, which a child holds
//     br0 ── v ═════════ veth ═════════ eth0 10.9.0.2, a rule of nftables, a socket that listens
#include "postern/inspect/inspect.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "postern/inspect/report.h"

#include "own_namespace.h"
#include "resident.h"

namespace postern::inspect {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

/// Listens at port 8080 of all addresses, to the end of the process.
bool listen_there() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(8080);
  return ::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 && ::listen(listener, 1) == 0;
}

bool open_tap_there() {
  const int tap = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  ifreq request{};
  std::string("tap7").copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  return tap >= 0 && ::ioctl(tap, TUNSETIFF, &request) == 0;
}

netns::Census census() { return value(netns::take_census()); }
NamespaceView inspect(const std::string& target) {
  const netns::Census all = census();
  return value(inspect_namespace(value(netns::find_namespace(target, all)), all));
}
const DeviceView* device(const NamespaceView& view, std::string_view name) {
  const auto found = std::ranges::find(view.devices, name, &DeviceView::name);
  return found == view.devices.end() ? nullptr : &*found;
}

/// With our own namespace in it so often that not all of them can be open at once; to the end of the process.
netns::Census more_than_descriptors(netns::Census census) {
  constexpr rlim_t kDescriptors = 64;
  const netns::SeenNamespace own = *std::ranges::find(census.namespaces, true, &netns::SeenNamespace::is_own);
  census.namespaces.insert(census.namespaces.begin(), kDescriptors, own);
  const rlimit limit{kDescriptors, kDescriptors};
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return census;
}

class Inspect : public testing::Test {
 protected:
  void SetUp() override {
    if (!enter_own_namespaces()) GTEST_SKIP() << "missing: user namespaces";
  }
  void connect(const Resident& other) {
    run("ip link add br0 type bridge && ip link set br0 up && ip address add 10.9.0.1/24 dev br0");
    run("ip link add v master br0 type veth peer name eth0 netns " + other.pid() + " && ip link set v up");
    run("nsenter -n -t " + other.pid() + " sh -c 'ip link set eth0 up && ip address add 10.9.0.2/24 dev eth0 && " +
        "ip route add default via 10.9.0.1 && ip rule add priority 7 fwmark 0x5 lookup 100 && " +
        "ip neighbour add 10.9.0.9 lladdr 02:00:5e:00:53:09 nud permanent dev eth0'");
  }
  static bool in_new_namespace() { return ::unshare(CLONE_NEWNET) == 0 && listen_there(); }
};

TEST_F(Inspect, AWireLeadsToTheDeviceOfTheOtherNamespaceByName) {
  const Resident other(in_new_namespace);
  ASSERT_TRUE(other.good());
  connect(other);
  const NamespaceView there = inspect(other.pid());
  const DeviceView* eth0 = device(there, "eth0");
  ASSERT_TRUE(eth0 && eth0->peer);
  EXPECT_EQ(eth0->peer->name, "v");
  EXPECT_EQ(eth0->peer->netns, value(netns::identity_of(std::string("/proc/self/ns/net"))).inode);
  EXPECT_EQ(eth0->peer->namespace_name, netns::short_name(*census().find(eth0->peer->netns)));
  EXPECT_EQ(eth0->kind, "veth");
  EXPECT_EQ(there.resident->pid, std::stoi(other.pid()));

  const NamespaceView here = inspect("self");
  const DeviceView* v = device(here, "v");
  ASSERT_TRUE(v && v->peer);
  EXPECT_TRUE(here.is_own);
  EXPECT_EQ(v->master, "br0");
  EXPECT_EQ(v->peer->name, "eth0");
  EXPECT_EQ(v->peer->netns, there.inode);
  EXPECT_EQ(v->peer->namespace_name, there.name);
}

TEST_F(Inspect, TellsTheWholeStack) {
  const Resident other(in_new_namespace);
  ASSERT_TRUE(other.good());
  connect(other);
  const NamespaceView there = inspect(other.pid());
  EXPECT_THAT(device(there, "eth0")->addresses, Contains(testing::Field(&AddressView::address, "10.9.0.2/24")));
  EXPECT_THAT(there.routes, Contains(testing::AllOf(testing::Field(&RouteView::destination, "default"),
                                                    testing::Field(&RouteView::gateway, "10.9.0.1"),
                                                    testing::Field(&RouteView::device, "eth0"))));
  ASSERT_EQ(there.rules.size(), 1u);
  EXPECT_EQ(there.rules[0].priority, 7u);
  EXPECT_EQ(there.rules[0].selector, "fwmark 0x5");
  EXPECT_EQ(there.rules[0].action, "lookup 100");
  EXPECT_THAT(there.neighbours, Contains(testing::AllOf(testing::Field(&NeighbourView::address, "10.9.0.9"),
                                                        testing::Field(&NeighbourView::state, "permanent"))));
  ASSERT_EQ(there.listeners.size(), 1u);
  EXPECT_EQ(there.listeners[0].address, "0.0.0.0");
  EXPECT_EQ(there.listeners[0].port, 8080);
  ASSERT_EQ(there.listeners[0].programs.size(), 1u);
  EXPECT_EQ(std::to_string(there.listeners[0].programs[0].pid), other.pid());
  EXPECT_THAT(there.sysctls, Contains(Pair("net.ipv4.ip_forward", "0")));
}

TEST_F(Inspect, TellsTheRulesThatPacketsMeet) {
  if (output_of("nft list ruleset 2>&1 && echo works").find("works") == std::string::npos) GTEST_SKIP() << "missing: nftables";
  run("nft 'add table inet f; add chain inet f in { type filter hook input priority 3; policy drop; }; add chain inet f sub;"
      " add chain inet f alone; add rule inet f in tcp dport 22 jump sub; add rule inet f sub accept'");
  const NamespaceView view = inspect("self");
  ASSERT_EQ(view.chains.size(), 2u);
  EXPECT_EQ(view.chains[0].hook, "input");
  EXPECT_EQ(view.chains[0].priority, 3);
  EXPECT_EQ(view.chains[0].policy, "drop");
  EXPECT_THAT(view.chains[0].rules, ElementsAre("tcp dport 22 jump sub"));
  EXPECT_THAT(view.chains[1].rules, ElementsAre("accept"));
  EXPECT_EQ(view.chains_left_off, 1u);
}

TEST_F(Inspect, AHostHasEachWireOnceAndSaysWhoHoldsATap) {
  if (::access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "missing: tun";
  const Resident other([] { return ::unshare(CLONE_NEWNET) == 0 && open_tap_there(); });
  ASSERT_TRUE(other.good());
  connect(other);
  const HostView host = inspect_host(census());
  const ino_t here = value(netns::identity_of(std::string("/proc/self/ns/net"))).inode;
  const auto is_ours = [&](const Wire& wire) { return wire.one.netns == here || (wire.other && wire.other->netns == here); };
  const auto count = [&](Wire::Kind kind) {
    return std::ranges::count_if(host.wires, [&](const Wire& wire) { return wire.kind == kind && is_ours(wire); });
  };
  EXPECT_EQ(count(Wire::Kind::veth), 1);
  EXPECT_EQ(count(Wire::Kind::port), 1);
  const auto tap = std::ranges::find_if(host.wires, [&](const Wire& wire) {
    const DeviceView* end = find(host, wire.one);
    return wire.kind == Wire::Kind::tap && end && end->name == "tap7" && wire.program &&
           std::to_string(wire.program->pid) == other.pid();
  });
  ASSERT_NE(tap, host.wires.end());
  EXPECT_EQ(tap->program_netns, find(host, tap->one.netns)->inode);
}

TEST_F(Inspect, TwoTapsOfOneNameHaveEachItsOwnHolder) {
  if (::access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "missing: tun";
  const auto with_tap = [] { return ::unshare(CLONE_NEWNET) == 0 && open_tap_there(); };
  const Resident one(with_tap), other(with_tap);
  ASSERT_TRUE(one.good() && other.good());
  for (const Resident* each : {&one, &other}) {
    const NamespaceView view = inspect(each->pid());
    const DeviceView* tap = device(view, "tap7");
    ASSERT_TRUE(tap);
    ASSERT_EQ(tap->holders.size(), 1u);
    EXPECT_EQ(std::to_string(tap->holders[0].pid), each->pid());
  }
}

TEST_F(Inspect, ThereMayBeMoreNamespacesThanDescriptors) {
  const Resident other(in_new_namespace);
  ASSERT_TRUE(other.good());
  connect(other);
  const netns::Census all = more_than_descriptors(census());
  const NamespaceView here = value(inspect_namespace(value(netns::find_namespace("self", all)), all));
  const DeviceView* v = device(here, "v");
  ASSERT_TRUE(v && v->peer);
  EXPECT_EQ(v->peer->netns, value(netns::identity_of("/proc/" + other.pid() + "/ns/net")).inode);
  EXPECT_EQ(v->peer->name, "eth0");
}

TEST_F(Inspect, ANamespaceThatGoesMeanwhileIsNoFailureOfTheRest) {
  Resident other(in_new_namespace);
  ASSERT_TRUE(other.good());
  const netns::Census before = census();
  const ino_t inode = value(netns::identity_of("/proc/" + other.pid() + "/ns/net")).inode;
  other.end();
  const HostView host = inspect_host(before);
  const NamespaceView* gone = find(host, inode);
  ASSERT_TRUE(gone);
  EXPECT_TRUE(gone->devices.empty());
  EXPECT_THAT(gone->unread, Contains(HasSubstr("has gone")));
  EXPECT_TRUE(device(*find(host, value(netns::identity_of(std::string("/proc/self/ns/net"))).inode), "lo"));
}

TEST_F(Inspect, AProgramsNameReachesNoTerminalAsItIs) {
  const Resident other([] { return ::prctl(PR_SET_NAME, "\033[2Jx") == 0 && ::unshare(CLONE_NEWNET) == 0 && listen_there(); });
  ASSERT_TRUE(other.good());
  const std::string text = namespace_text(inspect(other.pid()));
  EXPECT_EQ(text.find('\033'), std::string::npos);
  EXPECT_THAT(text, HasSubstr("\\x1b[2Jx ("));
}

TEST(InspectOrdinaryUser, LooksIntoHisOwnNamespacesAndSaysWhatHeMayNotSee) {
  const Resident theirs([] { return become_nobody() && enter_own_namespaces() && listen_there(); });
  if (!theirs.good()) GTEST_SKIP() << "missing: user namespaces of ordinary users";
  const pid_t looker = ::fork();
  if (looker == 0) {
    if (!become_nobody()) ::_exit(1);
    const NamespaceView his = inspect(theirs.pid());
    const bool whole = his.listeners.size() == 1 && his.listeners[0].programs.size() == 1 && his.unread.empty();
    if (!whole) std::fputs(namespace_text(his).c_str(), stderr);
    const NamespaceView here = inspect("self");
    const bool said =
        std::ranges::any_of(here.unread, [](const std::string& line) { return line.starts_with("rules of nftables"); });
    if (!said) std::fputs(namespace_text(here).c_str(), stderr);
    ::_exit(whole && said && device(here, "lo") ? 0 : 2);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(looker, &status, 0), looker);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(InspectOrdinaryUser, MayHaveMoreNamespacesThanDescriptors) {
  const Resident theirs([] { return become_nobody() && enter_own_namespaces() && listen_there(); });
  if (!theirs.good()) GTEST_SKIP() << "missing: user namespaces of ordinary users";
  const pid_t looker = ::fork();
  if (looker == 0) {
    if (!become_nobody()) ::_exit(1);
    const netns::Census all = more_than_descriptors(census());
    const auto handle = netns::find_namespace(theirs.pid(), all);
    const auto his = handle ? inspect_namespace(*handle, all) : Failure(handle.error());
    if (!his) std::fputs(his.error().message().c_str(), stderr);
    ::_exit(his && his->listeners.size() == 1 ? 0 : 2);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(looker, &status, 0), looker);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(InspectOrdinaryUser, MayNotLookIntoAnothers) {
  if (::getuid() != 0) GTEST_SKIP() << "missing: root, who would be the other";
  const Resident roots([] { return ::unshare(CLONE_NEWNET) == 0; });
  ASSERT_TRUE(roots.good());
  const pid_t looker = ::fork();
  if (looker == 0) {
    if (!become_nobody()) ::_exit(1);
    const auto handle = netns::find_namespace(roots.pid(), census());
    ::_exit(!handle && handle.error().is(std::errc::permission_denied) ? 0 : 2);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(looker, &status, 0), looker);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

}  // namespace
}  // namespace postern::inspect
