#include "postern/page/host_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>

namespace postern::page {
namespace {

using namespace inspect;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kHostile = "</script><img src=x onerror=alert(1)>";

HostView two_namespaces() {
  HostView host;
  host.host = "lab";
  NamespaceView& first = host.namespaces.emplace_back();
  first.inode = 4026531840;
  first.name = "host";
  first.is_host = true;
  DeviceView& device = first.devices.emplace_back();
  device.index = 7;
  device.name = "veth0";
  device.kind = "veth";
  device.up = true;
  device.mtu_bytes = 1500;
  device.addresses.push_back({"10.0.0.1/24", "global", false, false});
  device.peer = DeviceElsewhere{4026532000, "blue", 2, "eth0"};
  RouteView& route = first.routes.emplace_back();
  route.family = AF_INET6;
  route.destination = "default";
  route.metric = 7;
  first.sysctls.emplace_back("net.ipv4.ip_forward", "1");
  NamespaceView& second = host.namespaces.emplace_back();
  second.inode = 4026532000;
  second.name = kHostile;
  second.unread = {"rules: not permitted"};
  second.devices.emplace_back().index = 2;
  host.wires = {{Wire::Kind::veth, {4026531840, 7}, WireEnd{4026532000, 2}, std::nullopt, 0},
                {Wire::Kind::tap, {4026532000, 2}, std::nullopt, Program{4711, "postern"}, 4026531840}};
  return host;
}

nlohmann::json data_of(const std::string& page) {
  const std::string_view mark = "id=\"data\">";
  const size_t begin = page.find(mark) + mark.size();
  return nlohmann::json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

TEST(HostPage, DataSaysWhatTheViewSays) {
  const auto data = data_of(host_page(two_namespaces()));
  EXPECT_EQ(data["host"], "lab");
  const auto& device = data["namespaces"][0]["devices"][0];
  EXPECT_EQ(device["name"], "veth0");
  EXPECT_EQ(device["mtu"], 1500);
  EXPECT_EQ(device["up"], true);
  EXPECT_EQ(device["addresses"][0]["address"], "10.0.0.1/24");
  EXPECT_EQ(device["peer"]["namespace"], "blue");
  EXPECT_EQ(data["namespaces"][0]["routes"][0]["family"], 6);
  EXPECT_EQ(data["namespaces"][0]["routes"][0]["metric"], 7);
  EXPECT_EQ(data["namespaces"][0]["sysctls"][0]["value"], "1");
  EXPECT_EQ(data["namespaces"][1]["unread"][0], "rules: not permitted");
  EXPECT_EQ(data["wires"][0], (nlohmann::json{{"kind", "veth"},
                                              {"one", {{"netns", 4026531840}, {"device", 7}}},
                                              {"other", {{"netns", 4026532000}, {"device", 2}}}}));
  EXPECT_EQ(data["wires"][1]["program"]["name"], "postern");
  EXPECT_EQ(data["wires"][1]["program_netns"], 4026531840);
}

TEST(HostPage, HostileNamesAreDataOnly) {
  const std::string page = host_page(two_namespaces());
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_EQ(data_of(page)["namespaces"][1]["name"], kHostile);
}

TEST(HostPage, CanBeReadWithoutJavaScript) {
  const std::string page = host_page(two_namespaces());
  EXPECT_THAT(page, HasSubstr("host (netns 4026531840)\n  veth0 veth 10.0.0.1/24 -&gt; eth0 in blue\n"));
}

TEST(HostPage, TheSameViewMakesTheSamePage) { EXPECT_EQ(host_page(two_namespaces()), host_page(two_namespaces())); }

TEST(HostPage, OfNothingIsStillAPage) { EXPECT_TRUE(data_of(host_page({})).is_object()); }

}  // namespace
}  // namespace postern::page
