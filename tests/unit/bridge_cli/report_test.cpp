#include "report.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace postern::bridge_cli {
namespace {

bridge::Network blue() {
  bridge::Network network;
  network.spec.name = "blue";
  network.spec.subnets = {{*parse_ip("10.5.0.254"), 24}};
  network.spec.mtu_bytes = 1500;
  network.mac = *Mac::parse("02:00:5e:00:53:01");
  return network;
}

bridge::Endpoint web() {
  bridge::Endpoint endpoint;
  endpoint.network = "blue";
  endpoint.id = "web";
  endpoint.target = {"/run/netns/web", 4, 4026531840};
  endpoint.interface = "eth0";
  endpoint.host_interface = "pv1a2b3c";
  endpoint.addresses = {{*parse_ip("10.5.0.2"), 24}, {*parse_ip("fd00:5::2"), 64}};
  endpoint.names = {"web"};
  bridge::PortRange range;
  range.first = range.last = {8080};
  range.container_first = {80};
  endpoint.ports = {range};
  return endpoint;
}

TEST(BridgeReport, UpAndAttachAreOneLine) {
  EXPECT_EQ(up_text(blue()), "blue: 10.5.0.0/24\n");
  EXPECT_EQ(addresses_text(web().addresses), "10.5.0.2/24 fd00:5::2/64");
}

TEST(BridgeReport, ListIsATable) {
  EXPECT_EQ(list_text({{blue(), {web()}}}),
            "NAME  SUBNETS      ENDPOINTS  EGRESS      ISOLATION  MTU\n"
            "blue  10.5.0.0/24  1          everywhere  published  1500\n");
}

TEST(BridgeReport, ProblemsNameTheirRemedy) {
  EXPECT_EQ(problems_text({{"rules", "the table is missing", "postern bridge reload"}, {"x", "y", ""}}),
            "rules: the table is missing (postern bridge reload)\nx: y\n");
  EXPECT_EQ(problems_text({}), "");
}

TEST(BridgeReport, JsonHasTheNamesThatAreAPromise) {
  const auto inspected = nlohmann::json::parse(inspect_json({blue(), {web()}}));
  EXPECT_EQ(inspected["version"], 1);
  const auto& network = inspected["network"];
  EXPECT_EQ(network["name"], "blue");
  EXPECT_EQ(network["subnets"][0]["network"], "10.5.0.0/24");
  EXPECT_EQ(network["subnets"][0]["gateway"], "10.5.0.254");
  EXPECT_EQ(network["subnets"][0]["prefix_bits"], 24);
  EXPECT_EQ(network["mtu"], 1500);
  EXPECT_EQ(network["mac"], "02:00:5e:00:53:01");
  EXPECT_EQ(network["internal"], false);
  EXPECT_TRUE(network["external"].is_null());
  EXPECT_EQ(network["isolate"], "published");
  EXPECT_EQ(network["icc"], true);
  EXPECT_EQ(network["masquerade"], true);
  EXPECT_EQ(network["names"], true);
  const auto& endpoint = inspected["endpoints"][0];
  EXPECT_EQ(endpoint["id"], "web");
  EXPECT_EQ(endpoint["addresses"], (nlohmann::json{"10.5.0.2/24", "fd00:5::2/64"}));
  EXPECT_EQ(endpoint["namespace"]["path"], "/run/netns/web");
  EXPECT_EQ(endpoint["namespace"]["inode"], 4026531840u);
  EXPECT_TRUE(endpoint["ports"][0]["host_address"].is_null());
  EXPECT_EQ(endpoint["ports"][0]["container_first"], 80);
  EXPECT_EQ(nlohmann::json::parse(endpoint_json(web()))["endpoint"], endpoint);
  EXPECT_EQ(nlohmann::json::parse(network_json(blue()))["network"], network);
  EXPECT_EQ(nlohmann::json::parse(list_json({{blue(), {web()}}}))["networks"][0]["endpoints"], 1);
  EXPECT_EQ(nlohmann::json::parse(ports_json({web()}))["ports"][0]["id"], "web");
}

TEST(BridgeReport, JsonOfChecksTellsTheVerdict) {
  EXPECT_EQ(nlohmann::json::parse(problems_json({}))["good"], true);
  EXPECT_EQ(nlohmann::json::parse(problems_json({{"rules", "gone", "reload"}}))["problems"][0]["object"], "rules");
  const auto report = nlohmann::json::parse(findings_json({{"nftables", Verdict::missing, "none", "all", "modprobe"}}));
  EXPECT_EQ(report["bridge_works"], false);
  EXPECT_EQ(report["checks"][0]["status"], "missing");
  EXPECT_EQ(nlohmann::json::parse(findings_json({{"forward", Verdict::limited, "x", "y", "z"}}))["bridge_works"], true);
}

TEST(BridgeReport, BytesThatAreNoTextAreReplaced) {
  bridge::Endpoint endpoint = web();
  endpoint.target.path = "/run/\xff";
  EXPECT_FALSE(endpoint_json(endpoint).empty());
}

}  // namespace
}  // namespace postern::bridge_cli
