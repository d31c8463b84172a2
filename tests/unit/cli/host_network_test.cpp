#include "host_network.h"

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace postern::cli {
namespace {

netlink::Route route_to(std::string_view network) {
  const Cidr4 cidr = *Cidr4::parse(network);
  netlink::Route route;
  route.family = AF_INET;
  route.destination = cidr.network();
  route.prefix_bits = cidr.prefix_bits();
  route.type = RTN_UNICAST;
  return route;
}

TEST(FirstFreeNetwork, IsTheUsualOneWhereNothingIsInItsWay) {
  EXPECT_EQ(first_free_network(std::vector{route_to("192.0.2.0/24")})->to_string(), "10.0.2.0/24");
}

TEST(FirstFreeNetwork, ADefaultRouteIsInNobodysWay) {
  EXPECT_EQ(first_free_network(std::vector{route_to("0.0.0.0/0")})->to_string(), "10.0.2.0/24");
}

TEST(FirstFreeNetwork, PassesOverWhatOverlaps) {
  EXPECT_EQ(first_free_network(std::vector{route_to("10.0.2.0/24")})->to_string(), "10.0.3.0/24");
  EXPECT_EQ(first_free_network(std::vector{route_to("10.0.2.15/32"), route_to("10.0.3.0/25")})->to_string(), "10.0.4.0/24");
}

TEST(FirstFreeNetwork, SaysWhatToDoWhereAllAreTaken) {
  const auto network = first_free_network(std::vector{route_to("10.0.0.0/8")});
  ASSERT_FALSE(network);
  EXPECT_NE(network.error().message().find("--cidr"), std::string::npos);
}

/// Whether no socket was asked for: none could be had. (The choice of max_flows raises the limit again.)
bool is_chosen_without_the_host(const NetworkOptions& options) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit none{.rlim_cur = 0, .rlim_max = limit.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  const bool chosen = choose_network(options).has_value();
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return chosen;
}

TEST(ChooseNetwork, ReadsTheHostsRoutesOnlyWhereTheyDecide) {
  NetworkOptions options;
  EXPECT_FALSE(is_chosen_without_the_host(options));
  options.cidr = Cidr4::parse("10.0.2.0/24");
  EXPECT_FALSE(is_chosen_without_the_host(options)) << "IPv6 where the host has it";
  options.mtu_bytes = 1279;
  EXPECT_TRUE(is_chosen_without_the_host(options));
  options.mtu_bytes = 1500;
  for (const Choice ipv6 : {Choice::on, Choice::off}) {
    options.ipv6 = ipv6;
    EXPECT_TRUE(is_chosen_without_the_host(options));
  }
  options.cidr.reset();
  EXPECT_FALSE(is_chosen_without_the_host(options));
}

TEST(Nameservers, AreOfTheFamiliesTheHostHasServersOf) {
  VirtualNetwork network;
  const auto texts = [&](std::string_view resolv_conf) {
    std::string all;
    for (const IpAddress& server : nameservers(resolv_conf, network)) all += to_string(server) + " ";
    return all;
  };
  EXPECT_EQ(texts("nameserver 192.0.2.1\n"), "10.0.2.3 ");
  EXPECT_EQ(texts("nameserver 2001:db8::1\n"), "fd00::3 ");
  EXPECT_EQ(texts("nameserver ::1\nnameserver 192.0.2.1\n"), "10.0.2.3 fd00::3 ");
  EXPECT_EQ(texts(""), "10.0.2.3 ");
  network.stack.ipv6 = false;
  EXPECT_EQ(texts("nameserver 2001:db8::1\n"), "10.0.2.3 ");
}

}  // namespace
}  // namespace postern::cli
