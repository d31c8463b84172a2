#include "postern/base/address.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

static_assert(Cidr4::make(Ipv4::of(10, 0, 2, 99), 24)->contains(Ipv4::of(10, 0, 2, 15)));
static_assert(Cidr4::make(Ipv4::of(10, 0, 2, 99), 24)->broadcast() == Ipv4::of(10, 0, 2, 255));

TEST(Cidr4, RejectsPrefixLongerThan32Bits) { EXPECT_FALSE(Cidr4::make(Ipv4::of(10, 0, 0, 0), 33)); }

TEST(Cidr4, ParsesANetworkAndNothingElse) {
  EXPECT_EQ(Cidr4::parse("10.0.2.0/24")->to_string(), "10.0.2.0/24");
  for (const char* bad :
       {"", "24", "10.0.2.0", "10.0.2.1/24", "10.0.2.0/", "10.0.2.0/33", "10.0.2.0/24x", "300.1.1.0/24", "/24"}) {
    EXPECT_FALSE(Cidr4::parse(bad)) << bad;
  }
}

TEST(Cidr4, OverlapIsSymmetric) {
  const auto wide = *Cidr4::parse("10.0.0.0/8");
  const auto narrow = *Cidr4::parse("10.0.2.0/24");
  EXPECT_TRUE(wide.overlaps(narrow));
  EXPECT_TRUE(narrow.overlaps(wide));
  EXPECT_FALSE(narrow.overlaps(*Cidr4::parse("10.0.3.0/24")));
  EXPECT_TRUE(Cidr4::make({}, 0)->overlaps(narrow));
}

TEST(Address, TextFormsGoRound) {
  EXPECT_EQ(to_string(*parse_ip("192.0.2.7")), "192.0.2.7");
  EXPECT_EQ(to_string(*parse_ip("2001:DB8:0::1")), "2001:db8::1");
  EXPECT_FALSE(parse_ip("192.0.2"));
  EXPECT_FALSE(parse_ip("fe80::1%eth0"));
  EXPECT_EQ((Mac{{2, 0, 0xab, 0, 0, 1}}).to_string(), "02:00:ab:00:00:01");
}

TEST(Address, EndsWhereItsTextEnds) {
  using namespace std::string_view_literals;
  EXPECT_FALSE(parse_ip("192.0.2.1\0"sv));
  EXPECT_FALSE(parse_ip("192.0.2.1\0 and more"sv));
  EXPECT_FALSE(parse_ip("2001:db8::1\0"sv));
  EXPECT_FALSE(parse_ip("\0"sv));
}

TEST(Address, SlaacFollowsRfc4291AppendixA) {
  const auto address = slaac_address(*Ipv6::parse("fd00::"), Mac{{0x12, 0xb2, 0xf9, 0x0f, 0x0a, 0x20}});
  EXPECT_EQ(address.to_string(), "fd00::10b2:f9ff:fe0f:a20");
}

}  // namespace
}  // namespace postern
