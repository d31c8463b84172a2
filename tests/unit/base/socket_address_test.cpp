#include "postern/base/socket_address.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(SocketAddress, HoldsAnIpv4AddressAndAPort) {
  const SocketAddress name(Ipv4::of(192, 0, 2, 7), Port{443});
  EXPECT_EQ(name.family(), AF_INET);
  EXPECT_EQ(name.size(), sizeof(sockaddr_in));
  EXPECT_EQ(name.address(), IpAddress(Ipv4::of(192, 0, 2, 7)));
  EXPECT_EQ(name.port(), Port{443});
  EXPECT_EQ(reinterpret_cast<const sockaddr_in*>(name.get())->sin_port, htons(443));
}

TEST(SocketAddress, HoldsAnIpv6AddressAPortAndALink) {
  const Ipv6 address = *Ipv6::parse("fe80::1");
  const SocketAddress name(address, Port{53}, 4);
  EXPECT_EQ(name.family(), AF_INET6);
  EXPECT_EQ(name.size(), sizeof(sockaddr_in6));
  EXPECT_EQ(name.address(), IpAddress(address));
  EXPECT_EQ(name.port(), Port{53});
  EXPECT_EQ(reinterpret_cast<const sockaddr_in6*>(name.get())->sin6_scope_id, 4u);
}

TEST(SocketAddress, OfNoFamilyIsRoomForACall) {
  SocketAddress name;
  EXPECT_EQ(*name.room(), sizeof(sockaddr_storage));
  EXPECT_EQ(name.address(), std::nullopt);
  EXPECT_EQ(name.port(), Port{});
}

TEST(OutboundTowards, IsTheAddressOfTheFamily) {
  const Ipv4 own4 = Ipv4::of(192, 0, 2, 1);
  const Ipv6 own6 = *Ipv6::parse("2001:db8::1");
  const auto towards = [&](const char* destination) { return outbound_towards(*parse_ip(destination), own4, own6); };
  EXPECT_EQ(towards("203.0.113.9"), IpAddress(own4));
  EXPECT_EQ(towards("192.0.2.1"), IpAddress(own4));
  EXPECT_EQ(towards("2001:db8::9"), IpAddress(own6));
  EXPECT_EQ(outbound_towards(*parse_ip("203.0.113.9"), {}, own6), std::nullopt);
  EXPECT_EQ(outbound_towards(*parse_ip("2001:db8::9"), own4, {}), std::nullopt);
}

}  // namespace
}  // namespace postern
