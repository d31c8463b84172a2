#include "wish.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::cni {
namespace {

using bridge::PortRange;
using bridge::Protocol;
using testing::ElementsAre;

PortRange port(uint16_t host, uint16_t container, Protocol protocol = Protocol::tcp, std::optional<IpAddress> address = {}) {
  return {protocol, address, Port{host}, Port{host}, Port{container}};
}

TEST(CniBridgeName, IsTheNetworksWhereItFits) {
  EXPECT_EQ(bridge_name("podman"), "podman");
  EXPECT_EQ(bridge_name("fifteenletters5"), "fifteenletters5");
}

TEST(CniBridgeName, IsABeginningAndAHashWhereItDoesNot) {
  const std::string name = bridge_name("kubernetes-pod-network");
  EXPECT_EQ(name, "kubern-" + name.substr(7));
  EXPECT_EQ(name.size(), 15U);
  EXPECT_EQ(name, bridge_name("kubernetes-pod-network"));
  EXPECT_NE(name, bridge_name("kubernetes-pod-networl"));
}

TEST(CniBridgeName, IsOneThatTheEngineTakesWhateverTheNetworksIs) {
  for (const char* const network : {"-x", ".", "_", "a b", "a/../b", "\xc3\xbc", "../../etc/passwd", "sixteenletters16"}) {
    EXPECT_TRUE(is_bridge_name(bridge_name(network))) << network << " became " << bridge_name(network);
  }
  EXPECT_FALSE(is_bridge_name(""));
  EXPECT_FALSE(is_bridge_name(".."));
  EXPECT_FALSE(is_bridge_name("_x"));
}

TEST(CniSubnet, HasItsFirstAddressAsGatewayUnlessItNamesOne) {
  EXPECT_EQ(to_string(*parse_subnet("10.88.0.0/16")), "10.88.0.1/16");
  EXPECT_EQ(to_string(*parse_subnet("10.88.0.254/24")), "10.88.0.254/24");
  EXPECT_EQ(to_string(*parse_subnet("fd00:88::/64")), "fd00:88::1/64");
}

TEST(CniSubnet, HasRoomForAGatewayAndAContainer) {
  EXPECT_TRUE(parse_subnet("10.88.0.0/30"));
  for (const char* const text :
       {"10.88.0.0/31", "10.88.0.0/32", "10.88.0.0", "fd00::/127", "0.0.0.0/0", "10.88.0.0/33", "10.88.0.0/", "x/8", ""}) {
    EXPECT_FALSE(parse_subnet(text)) << text;
  }
}

TEST(CniAddress, MayComeWithoutAPrefix) {
  EXPECT_EQ(to_string(*parse_address("10.88.0.5/24")), "10.88.0.5/24");
  EXPECT_EQ(to_string(*parse_address("10.88.0.5")), "10.88.0.5/32");
  EXPECT_EQ(to_string(*parse_address("fd00::5")), "fd00::5/128");
  EXPECT_FALSE(parse_address("10.88.0.5/-1"));
}

TEST(CniNetworkAround, AnAddressIsThatOfTheGateway) {
  EXPECT_EQ(network_around(*parse_address("10.88.3.5/16"), std::nullopt), *parse_subnet("10.88.0.0/16"));
  EXPECT_EQ(network_around(*parse_address("10.88.3.5/16"), parse_ip("10.88.9.9")), *parse_subnet("10.88.9.9/16"));
  EXPECT_EQ(to_string(network_around(*parse_address("fd00:1:2:3:4::5/60"), std::nullopt)), "fd00:1:2::1/60");
}

TEST(CniPorts, OneBehindTheOtherAreOneRange) {
  std::vector<PortRange> ports;
  for (uint16_t i = 0; i < 1000; ++i) ports.push_back(port(static_cast<uint16_t>(10999 - i), static_cast<uint16_t>(20999 - i)));
  const auto ranges = folded(ports);
  ASSERT_EQ(ranges.size(), 1U);
  EXPECT_EQ(ranges[0].first.number, 10000);
  EXPECT_EQ(ranges[0].last.number, 10999);
  EXPECT_EQ(ranges[0].container_first.number, 20000);
}

TEST(CniPorts, StayApartWhereTheyLeadElsewhere) {
  const auto address = parse_ip("127.0.0.1");
  const auto ranges =
      folded({port(80, 8080), port(81, 8082), port(82, 8083, Protocol::udp), port(83, 8084, Protocol::udp, address)});
  EXPECT_THAT(ranges,
              ElementsAre(port(80, 8080), port(81, 8082), port(82, 8083, Protocol::udp), port(83, 8084, Protocol::udp, address)));
}

TEST(CniPorts, ThatStandThereTwiceStandThereOnce) {
  EXPECT_THAT(folded({port(80, 80), port(80, 80)}), ElementsAre(port(80, 80)));
}

TEST(CniPorts, DoNotRunOverTheLast) {
  EXPECT_THAT(folded({port(65535, 1), port(1, 65535)}), ElementsAre(port(1, 65535), port(65535, 1)));
  EXPECT_EQ(folded({port(1, 65535), port(2, 1)}).size(), 2U) << "65535 + 1 is not port 0";
}

bridge::Network network() {
  bridge::Network network;
  network.spec.name = "blue";
  network.spec.subnets = {*parse_subnet("10.88.0.0/24")};
  network.spec.mtu_bytes = 1500;
  return network;
}

TEST(CniWish, ThatSaysNothingContradictsNothing) {
  bridge::Network other = network();
  other.spec.egress = bridge::Egress::nowhere;
  other.spec.isolation = bridge::Isolation::full;
  EXPECT_EQ(NetworkWish{.bridge = "blue"}.contradiction(other), std::nullopt);
}

TEST(CniWish, NamesWhatTheNetworkIsNot) {
  NetworkWish wish{.bridge = "blue", .subnets = {*parse_subnet("10.88.0.0/24")}, .mtu_bytes = 1500};
  EXPECT_EQ(wish.contradiction(network()), std::nullopt);
  wish.egress = bridge::Egress::nowhere;
  EXPECT_EQ(wish.contradiction(network()), "internal");
  EXPECT_EQ((NetworkWish{.subnets = {*parse_subnet("10.88.0.0/16")}}.contradiction(network())), "subnets");
  EXPECT_EQ((NetworkWish{.subnets = {*parse_subnet("10.88.0.2/24")}}.contradiction(network())), "subnets") << "another gateway";
  EXPECT_EQ((NetworkWish{.ipv6 = true}.contradiction(network())), "ipv6");
  EXPECT_EQ((NetworkWish{.isolation = bridge::Isolation::full}.contradiction(network())), "isolate");
  EXPECT_EQ((NetworkWish{.inter_container = bridge::InterContainer::blocked}.contradiction(network())), "icc");
  EXPECT_EQ((NetworkWish{.masquerade = bridge::Masquerade::off}.contradiction(network())), "masquerade");
  EXPECT_EQ((NetworkWish{.mtu_bytes = 1400}.contradiction(network())), "mtu");
  EXPECT_EQ((NetworkWish{.external = "eth1"}.contradiction(network())), "external");
  EXPECT_EQ((NetworkWish{.names = false}.contradiction(network())), "names");
}

TEST(CniWish, LeavesToTheEngineWhatItDoesNotSay) {
  const bridge::NetworkSpec spec = NetworkWish{.bridge = "blue", .egress = bridge::Egress::nowhere}.spec();
  EXPECT_EQ(spec.name, "blue");
  EXPECT_EQ(spec.egress, bridge::Egress::nowhere);
  EXPECT_EQ(spec.names, bridge::NetworkSpec().names);
  EXPECT_EQ(spec.isolation, bridge::NetworkSpec().isolation);
  EXPECT_TRUE(spec.subnets.empty());
}

}  // namespace
}  // namespace postern::cni
