// report_test.cpp - the text and the JSON of a fixed view.
#include "postern/inspect/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "example_view.h"

namespace postern::inspect {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

TEST(InspectText, IsOneScreen) {
  EXPECT_EQ(namespace_text(example_view()), R"(blue: network namespace 4026532301, nginx (4711), the caller's own, also called web
Devices
  lo    loopback  up          mtu 65536                     127.0.0.1/8
                                                            ::1/128
  eth0  veth      up          mtu 1500   02:00:5e:00:53:01  10.0.0.2/24                      <-> vblue of host, port of br0, "of blue"
                                                            fe80::1/64 tentative deprecated
  tap0  tap       no carrier  mtu 1400                                                       held by postern (99)
Routes
  default                      via 10.0.0.1  dev eth0  proto boot
  default (IPv6)  unreachable                dev lo    proto kernel  table 100 metric 1024 src 10.0.0.2
Routing rules
  100  IPv6  from fd00::/8  lookup 100
Neighbours
  10.0.0.1  02:00:5e:00:53:02  eth0  reachable
  10.0.0.9                     eth0  failed
Listening
  tcp  [::]:80       nginx (4711), nginx (4712)
  udp  127.0.0.1:53
Packet filter
  inet filter input: filter at input of eth0, priority -5, policy drop
    tcp dport 22 accept
    jump more
    ... and 3 more
  inet filter more
    drop
  (2 chains that no packet meets, or too many, are left off)
Settings
  net.ipv4.ip_forward  = 1
Connections remembered: 12 of 262144
Not read
  something: it was not to be had
)");
}

TEST(InspectText, AnEmptyNamespaceSaysSo) {
  NamespaceView view;
  view.name = "netns 5";
  view.inode = 5;
  EXPECT_EQ(namespace_text(view), R"(netns 5: network namespace 5
Devices: none
Routes: none
Routing rules: the usual ones
Neighbours: none
Listening: nobody
Packet filter: no chain at a hook
Settings: not read
)");
}

TEST(InspectText, ARefusedPacketFilterIsNotAnEmptyOne) {
  NamespaceView view;
  view.unread = {"rules of nftables: not permitted"};
  EXPECT_THAT(namespace_text(view), HasSubstr("Packet filter: not read\n"));
}

TEST(InspectText, APeerThatCannotBeSeenIsToldSo) {
  NamespaceView view = example_view();
  view.devices[1].peer = DeviceElsewhere{0, "", 7, ""};
  EXPECT_THAT(namespace_text(view), HasSubstr("<-> link 7 of a namespace that cannot be seen"));
}

/// Every text of the view that is somebody else's.
NamespaceView hostile_view() {
  const std::string bad = "\033[2J\nx";
  NamespaceView view = example_view();
  view.name = bad;
  view.names = {bad, bad + "2"};
  view.resident->name = bad;
  for (DeviceView& device : view.devices) {
    device.name = device.alias = device.kind = device.master = bad;
    device.holders = {{1, bad}};
    device.peer = DeviceElsewhere{1, bad, 1, bad};
  }
  for (RouteView& route : view.routes) route.device = bad;
  for (RuleView& rule : view.rules) rule.selector = bad;
  for (NeighbourView& neighbour : view.neighbours) neighbour.device = bad;
  for (ListenerView& listener : view.listeners) listener.programs = {{1, bad}};
  for (ChainView& chain : view.chains) {
    chain.table = chain.name = chain.device = bad;
    chain.rules = {bad};
  }
  view.sysctls = {{bad, bad}};
  view.unread = {bad};
  return view;
}

TEST(InspectText, NoControlCharacterReachesTheTerminal) {
  const std::string text = namespace_text(hostile_view());
  EXPECT_THAT(text, Not(HasSubstr("\033")));
  EXPECT_THAT(text, Not(HasSubstr("\nx")));
  EXPECT_THAT(text, HasSubstr("\\x1b[2J\\x0ax"));
  HostView host{.host = "\033h", .kernel = "\033k", .namespaces = {hostile_view()}, .wires = {}, .unread = {"\033u"}};
  EXPECT_THAT(host_text(host), Not(HasSubstr("\033")));
}

TEST(InspectText, AHostIsItsNamespacesWithTheirDevices) {
  NamespaceView closed;
  closed.inode = 6;
  closed.name = "red";
  closed.unread = {"all of it: EPERM"};
  const HostView host{.host = "h", .kernel = "6.1", .namespaces = {example_view(), closed}, .wires = {}, .unread = {"others"}};
  const std::string text = host_text(host);
  EXPECT_THAT(text, HasSubstr("h, Linux 6.1: 2 network namespaces\n"));
  EXPECT_THAT(text, HasSubstr("<-> vblue of host"));
  EXPECT_THAT(text, HasSubstr("red: network namespace 6\nNot read\n  all of it: EPERM\n"));
  EXPECT_THAT(text, HasSubstr("Not read\n  others\n"));
}

TEST(InspectJson, HasTheDocumentedShape) {
  const Json json = Json::parse(namespace_json(example_view()));
  EXPECT_EQ(json["version"], 1);
  const Json& view = json["namespace"];
  EXPECT_EQ(view["inode"], 4026532301);
  EXPECT_EQ(view["resident"], (Json{{"pid", 4711}, {"name", "nginx"}}));
  EXPECT_EQ(view["devices"][1]["peer"], Json::parse(R"({"netns":{"inode":4026531840,"name":"host"},"index":7,"name":"vblue"})"));
  EXPECT_EQ(view["devices"][0]["peer"], Json());
  EXPECT_EQ(view["devices"][1]["addresses"][1]["tentative"], true);
  EXPECT_EQ(view["routes"][1]["family"], 6);
  EXPECT_EQ(view["routes"][0]["source"], Json());
  EXPECT_EQ(view["chains"][0]["priority"], -5);
  EXPECT_EQ(view["chains"][1]["priority"], Json());
  EXPECT_EQ(view["sysctls"]["net.ipv4.ip_forward"], "1");
  EXPECT_EQ(view["conntrack"]["entries"], 12);
  EXPECT_EQ(view["unread"].size(), 1u);
}

TEST(InspectJson, ANamespaceThatIsNotKnownIsNull) {
  NamespaceView view = example_view();
  view.devices[1].peer = DeviceElsewhere{0, "", 7, ""};
  const Json json = Json::parse(namespace_json(view));
  EXPECT_EQ(json["namespace"]["devices"][1]["peer"], Json::parse(R"({"netns":null,"index":7,"name":null})"));
}

TEST(InspectJson, NamesOfAnyBytesAreStillJson) {
  NamespaceView view = hostile_view();
  view.devices[0].name = "\xff\xfe";
  EXPECT_FALSE(Json::parse(namespace_json(view), nullptr, false).is_discarded());
}

TEST(InspectJson, AHostHasItsWires) {
  HostView host{.host = "h", .kernel = "6.1", .namespaces = {example_view()}, .wires = {}, .unread = {}};
  host.wires.push_back({.kind = Wire::Kind::veth, .one = {5, 2}, .other = WireEnd{6, 3}, .program = {}});
  host.wires.push_back(
      {.kind = Wire::Kind::tap, .one = {5, 3}, .other = {}, .program = Program{9, "postern"}, .program_netns = 6});
  const Json json = Json::parse(host_json(host));
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["wires"][0], Json::parse(R"({"kind":"veth","one":{"netns":5,"device":2},"other":{"netns":6,"device":3},
                                              "program":null,"program_netns":null})"));
  EXPECT_EQ(json["wires"][1]["program"]["name"], "postern");
  EXPECT_EQ(json["wires"][1]["program_netns"], 6);
}

}  // namespace
}  // namespace postern::inspect
