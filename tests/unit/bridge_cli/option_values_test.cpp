#include "option_values.h"

#include <gtest/gtest.h>

namespace postern::bridge_cli {
namespace {

bridge::Subnet subnet(const char* gateway, unsigned prefix_bits) { return {*parse_ip(gateway), prefix_bits}; }

template <class Meant>
std::string error_of(const Result<Meant>& result) {
  return result ? "taken" : result.error().message();
}

TypedUp up(std::string name) {
  TypedUp typed;
  typed.network = std::move(name);
  return typed;
}

TypedAttach attach(std::string target) {
  TypedAttach typed;
  typed.network = "blue";
  typed.target = std::move(target);
  return typed;
}

TEST(BridgeUp, NothingTypedIsDockersDefault) {
  const auto options = to_up_options(up("blue"));
  ASSERT_TRUE(options) << error_of(options);
  EXPECT_EQ(options->spec.name, "blue");
  EXPECT_TRUE(options->spec.subnets.empty());
  EXPECT_FALSE(options->spec.mtu_bytes);
  EXPECT_TRUE(options->spec.names);
  EXPECT_EQ(options->spec.isolation, bridge::Isolation::published);
  EXPECT_EQ(options->spec.inter_container, bridge::InterContainer::allowed);
  EXPECT_EQ(options->spec.masquerade, bridge::Masquerade::on);
  EXPECT_EQ(options->spec.egress, bridge::Egress::everywhere);
  EXPECT_EQ(options->ip_forward, bridge::IpForward::automatic);
  EXPECT_EQ(options->existing, UpOptions::Existing::is_an_error);
}

TEST(BridgeUp, EveryOptionReachesItsPlace) {
  TypedUp typed = up("blue");
  typed.isolate = "full";
  typed.icc = "off";
  typed.mtu = "1400";
  typed.external = "eth1";
  typed.ip_forward = "never";
  typed.subnets = {"10.5.0.0/24", "fd00:5::/64"};
  typed.no_masquerade = typed.no_names = typed.if_missing = typed.json = true;
  const auto options = to_up_options(typed);
  ASSERT_TRUE(options) << error_of(options);
  EXPECT_EQ(options->spec.isolation, bridge::Isolation::full);
  EXPECT_EQ(options->spec.inter_container, bridge::InterContainer::blocked);
  EXPECT_EQ(options->spec.mtu_bytes, 1400u);
  EXPECT_EQ(options->spec.external, "eth1");
  EXPECT_EQ(options->ip_forward, bridge::IpForward::never);
  EXPECT_EQ(options->spec.subnets, (std::vector{subnet("10.5.0.1", 24), subnet("fd00:5::1", 64)}));
  EXPECT_EQ(options->spec.masquerade, bridge::Masquerade::off);
  EXPECT_FALSE(options->spec.names);
  EXPECT_EQ(options->existing, UpOptions::Existing::is_taken);
  EXPECT_EQ(options->output, Output::json);
}

TEST(BridgeUp, NamesAreThoseOfALink) {
  for (const char* good : {"b", "blue-1_x.y", "123456789012345"}) EXPECT_TRUE(check_network_name(good)) << good;
  for (const char* bad : {"", ".", "..", "-x", ".x", "a/b", "a b", "a:b", "1234567890123456", "bl\xc3\xbc"}) {
    EXPECT_FALSE(check_network_name(bad)) << bad;
  }
}

TEST(BridgeUp, MtuHasTheLeastOfItsFamilies) {
  TypedUp typed = up("blue");
  for (const char* good : {"68", "1280", "65535"}) {
    typed.mtu = good;
    EXPECT_TRUE(to_up_options(typed)) << good;
  }
  for (const char* bad : {"67", "65536", "-1", "1400x", " 1400"}) {
    typed.mtu = bad;
    EXPECT_FALSE(to_up_options(typed)) << bad;
  }
  typed.mtu = "1279";
  typed.ipv6 = true;
  EXPECT_EQ(error_of(to_up_options(typed)), "--mtu 1279: IPv6 needs at least 1280");
  typed.ipv6 = false;
  typed.subnets = {"fd00:5::/64"};
  EXPECT_EQ(error_of(to_up_options(typed)), "--mtu 1279: IPv6 needs at least 1280");
}

TEST(BridgeUp, WordsAreOneOfAFew) {
  TypedUp typed = up("blue");
  typed.isolate = "half";
  EXPECT_EQ(error_of(to_up_options(typed)), "--isolate half: is none of published, full, open");
  typed = up("blue");
  typed.icc = "yes";
  EXPECT_EQ(error_of(to_up_options(typed)), "--icc yes: is none of on, off");
  typed = up("blue");
  typed.ip_forward = "1";
  EXPECT_EQ(error_of(to_up_options(typed)), "--ip-forward 1: is none of auto, require, never");
}

TEST(BridgeUp, OneSubnetAFamily) {
  TypedUp typed = up("blue");
  typed.subnets = {"10.5.0.0/24", "10.6.0.0/24"};
  EXPECT_EQ(error_of(to_up_options(typed)), "--subnet 10.6.0.0/24: the network has an IPv4 subnet already, and can have one");
}

TEST(BridgeUp, AnInternalNetworkLeavesByNoInterface) {
  TypedUp typed = up("blue");
  typed.internal = true;
  ASSERT_TRUE(to_up_options(typed));
  EXPECT_EQ(to_up_options(typed)->spec.egress, bridge::Egress::nowhere);
  typed.external = "eth0";
  EXPECT_FALSE(to_up_options(typed));
  typed.internal = false;
  typed.external = "eth0/1";
  EXPECT_FALSE(to_up_options(typed));
}

TEST(BridgeSubnet, NamesTheNetworkOrTheGateway) {
  EXPECT_EQ(*parse_subnet("10.5.0.0/24"), subnet("10.5.0.1", 24));
  EXPECT_EQ(*parse_subnet("10.5.0.254/24"), subnet("10.5.0.254", 24));
  EXPECT_EQ(*parse_subnet("10.5.1.0/16"), subnet("10.5.1.0", 16));
  EXPECT_EQ(*parse_subnet("10.5.0.4/30"), subnet("10.5.0.5", 30));
  EXPECT_EQ(*parse_subnet("fd00:5::/64"), subnet("fd00:5::1", 64));
  EXPECT_EQ(*parse_subnet("fd00:5::fe/64"), subnet("fd00:5::fe", 64));
  EXPECT_EQ(*parse_subnet("fd00:5::4/126"), subnet("fd00:5::5", 126));
}

TEST(BridgeSubnet, RefusesWhatNobodyCanBeIn) {
  for (const char* bad : {"",
                          "10.5.0.0",
                          "10.5.0.0/",
                          "10.5.0.0/31",
                          "10.5.0.0/7",
                          "10.5.0.0/24x",
                          "10.5.0/24",
                          "10.5.0.255/24",
                          "127.0.0.0/8",
                          "0.0.0.0/8",
                          "224.0.0.0/8",
                          "255.0.0.0/8",
                          "fd00::/127",
                          "fe80::/64",
                          "ff00::/8",
                          "::/64",
                          "::1/64",
                          "/24",
                          "10.5.0.0/-1",
                          "10.5.0.0/4294967320"}) {
    EXPECT_FALSE(parse_subnet(bad)) << bad;
  }
}

TEST(BridgePorts, WithoutAnAddressEveryOneIsMeant) {
  const auto all = parse_port_range("8080:80");
  ASSERT_TRUE(all);
  EXPECT_FALSE(all->host_address);
  EXPECT_EQ(all->first.number, 8080);
  EXPECT_EQ(all->last.number, 8080);
  EXPECT_EQ(all->container_first.number, 80);
  EXPECT_EQ(all->protocol, bridge::Protocol::tcp);
  EXPECT_EQ(parse_port_range("0.0.0.0:8080:80")->host_address, *parse_ip("0.0.0.0"));
  EXPECT_EQ(parse_port_range("[::]:8080:80")->host_address, *parse_ip("::"));
  EXPECT_EQ(parse_port_range("127.0.0.1:53:5353/udp")->host_address, *parse_ip("127.0.0.1"));
  EXPECT_EQ(parse_port_range("127.0.0.1:53:5353/udp")->protocol, bridge::Protocol::udp);
  EXPECT_EQ(parse_port_range("10000-19999:20000-29999/udp")->count(), 10000u);
}

TEST(BridgePorts, AnAddressIsOneThatPacketsHave) {
  EXPECT_EQ(error_of(parse_port_range("[::ffff:192.0.2.1]:8080:80")),
            "[::ffff:192.0.2.1]:8080:80: it is an IPv4 address in IPv6's form (write it as IPv4: 192.0.2.1:8080:80)");
  EXPECT_TRUE(error_of(parse_port_range("[fe80::1]:8080:80")).starts_with("[fe80::1]:8080:80: a link-local address"));
  EXPECT_TRUE(parse_port_range("[::fffe:192.0.2.1]:8080:80"));
  EXPECT_TRUE(parse_port_range("[fec0::1]:8080:80"));
}

TEST(BridgeAttach, ANumberIsAProcess) {
  EXPECT_EQ(to_attach_options(attach("4711"))->spec.namespace_path, "/proc/4711/ns/net");
  EXPECT_EQ(to_attach_options(attach("/run/netns/web"))->spec.namespace_path, "/run/netns/web");
  for (const char* bad : {"", "0", "99999999999"}) EXPECT_FALSE(to_attach_options(attach(bad))) << bad;
}

TEST(BridgeAttach, EveryOptionReachesItsPlace) {
  TypedAttach typed = attach("4711");
  typed.interface = "net0";
  typed.id = "web-1";
  typed.mac = "02:00:5e:00:53:01";
  typed.addresses = {"10.5.0.7", "fd00:5::7"};
  typed.publish = {"80:80", "[::1]:53:53/udp"};
  typed.names = {"web", "www.example"};
  const auto options = to_attach_options(typed);
  ASSERT_TRUE(options) << error_of(options);
  EXPECT_EQ(options->spec.network, "blue");
  EXPECT_EQ(options->spec.interface, "net0");
  EXPECT_EQ(options->spec.id, "web-1");
  EXPECT_EQ(options->spec.mac->to_string(), "02:00:5e:00:53:01");
  EXPECT_EQ(options->spec.addresses, (std::vector{*parse_ip("10.5.0.7"), *parse_ip("fd00:5::7")}));
  EXPECT_EQ(options->spec.ports.size(), 2u);
  EXPECT_EQ(options->spec.names, (std::vector<std::string>{"web", "www.example"}));
}

TEST(BridgeAttach, EachErrorQuotesWhatIsWrong) {
  struct Case {
    std::string TypedAttach::*option;
    const char* text;
    const char* error;
  };
  const Case cases[] = {
      {&TypedAttach::mac, "02:00:5e", "--mac 02:00:5e: is not a MAC address, as 02:00:5e:00:53:01"},
      {&TypedAttach::mac, "03:00:5e:00:53:01", "--mac 03:00:5e:00:53:01: is a group address; a device needs an individual one"},
      {&TypedAttach::mac, "00:00:00:00:00:00", "--mac 00:00:00:00:00:00: is all zero"},
      {&TypedAttach::interface, "all", "--name all: is no name for one: under /proc/sys/net"},
      {&TypedAttach::network, "default", "NAME default: is no name for one: under /proc/sys/net"},
      {&TypedAttach::interface, "eth0/1", "--name eth0/1: is no name of an interface (1 to 15 characters without blanks"},
      {&TypedAttach::id, "../x", "--id ../x: is not an id"},
  };
  for (const auto& [option, text, error] : cases) {
    TypedAttach typed = attach("1");
    typed.*option = text;
    EXPECT_TRUE(error_of(to_attach_options(typed)).starts_with(error)) << error_of(to_attach_options(typed));
  }
}

TEST(BridgeAttach, OneAddressAFamily) {
  TypedAttach typed = attach("1");
  typed.addresses = {"10.5.0.7", "10.5.0.8"};
  EXPECT_EQ(error_of(to_attach_options(typed)), "--ip 10.5.0.8: an address of that family is named already");
  typed.addresses = {"10.5.0"};
  EXPECT_EQ(error_of(to_attach_options(typed)), "--ip 10.5.0: is not an IP address");
}

TEST(BridgeAttach, HostNamesAreWhatDnsHas) {
  TypedAttach typed = attach("1");
  for (const char* good : {"web", "a.b-c", "7"}) {
    typed.names = {good};
    EXPECT_TRUE(to_attach_options(typed)) << good;
  }
  for (const char* bad : {"", ".", "a..b", "-a", "a-", "a b", "a/b", "a.", ".a", "a\nb", "a_b", "10.0.0.1"}) {
    typed.names = {bad};
    EXPECT_FALSE(to_attach_options(typed)) << bad;
  }
}

TEST(BridgeDetach, TakesTheDefaultInterface) {
  EXPECT_EQ(to_detach_options({.network = "blue", .which = "web", .interface = ""})->interface, "eth0");
  EXPECT_FALSE(to_detach_options({.network = "blue", .which = "", .interface = ""}));
  EXPECT_FALSE(to_detach_options({.network = "b/ue", .which = "web", .interface = ""}));
}

TEST(BridgePorts, AddAndRmNeedAllThreeAndLsNone) {
  using Action = PortsOptions::Action;
  const auto add = to_ports_options({.action = "add", .operands = {"blue", "web", "80:80", "90:90"}});
  ASSERT_TRUE(add) << error_of(add);
  EXPECT_EQ(add->action, Action::add);
  EXPECT_EQ(add->network, "blue");
  EXPECT_EQ(add->id, "web");
  EXPECT_EQ(add->ports.size(), 2u);
  EXPECT_EQ(to_ports_options({.action = "rm", .operands = {"blue", "web", "80:80"}})->action, Action::remove);
  EXPECT_EQ(to_ports_options({.action = "ls", .operands = {}, .json = true})->output, Output::json);
  EXPECT_EQ(to_ports_options({.action = "ls", .operands = {"blue", "web"}})->id, "web");
  EXPECT_FALSE(to_ports_options({.action = "ls", .operands = {"blue", "web", "80:80"}}));
  EXPECT_FALSE(to_ports_options({.action = "add", .operands = {"blue", "web"}}));
  EXPECT_FALSE(to_ports_options({.action = "add", .operands = {"blue", "web", "80"}}));
  EXPECT_FALSE(to_ports_options({.action = "add", .operands = {"blue", "web", "80:80"}, .json = true}));
  EXPECT_FALSE(to_ports_options({.action = "up", .operands = {}}));
}

}  // namespace
}  // namespace postern::bridge_cli
