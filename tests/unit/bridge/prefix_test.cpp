#include "prefix.h"

#include <gtest/gtest.h>

namespace postern::bridge {
namespace {

IpAddress ip(const char* text) { return *parse_ip(text); }
Subnet subnet(const char* gateway, unsigned prefix_bits) { return {ip(gateway), prefix_bits}; }

std::string above_text(const char* base, uint64_t offset) {
  const auto found = above(ip(base), offset);
  return found ? to_string(*found) : "none";
}

std::string usable_text(const char* gateway, unsigned prefix_bits) {
  const auto found = usable(subnet(gateway, prefix_bits));
  return found ? std::to_string(found->first) + ".." + std::to_string(found->last) : "none";
}

TEST(Prefix, IsSharedWithinAFamily) {
  EXPECT_TRUE(share_prefix(ip("10.209.0.1"), ip("10.209.0.254"), 24));
  EXPECT_FALSE(share_prefix(ip("10.209.0.1"), ip("10.209.1.1"), 24));
  EXPECT_TRUE(share_prefix(ip("10.209.0.1"), ip("10.209.1.1"), 23));
  EXPECT_TRUE(share_prefix(ip("0.0.0.0"), ip("255.255.255.255"), 0));
  EXPECT_FALSE(share_prefix(ip("10.0.0.0"), ip("10.0.0.1"), 32));
  EXPECT_TRUE(share_prefix(ip("fd00::1"), ip("fd00::2"), 64));
  EXPECT_FALSE(share_prefix(ip("fd00::1"), ip("fd00::2"), 127));
  EXPECT_TRUE(share_prefix(ip("fd00::2"), ip("fd00::3"), 127));
  EXPECT_FALSE(share_prefix(ip("0.0.0.0"), ip("::"), 0)) << "families share nothing";
}

TEST(Prefix, OverlapIsThatOfTheShorterOne) {
  EXPECT_TRUE(overlap(subnet("10.0.0.1", 8), subnet("10.209.3.1", 24)));
  EXPECT_TRUE(overlap(subnet("10.209.3.1", 24), subnet("10.0.0.1", 8)));
  EXPECT_FALSE(overlap(subnet("10.209.3.1", 24), subnet("10.209.2.1", 24)));
  EXPECT_FALSE(overlap(subnet("10.0.0.1", 8), subnet("fd00::1", 8)));
  EXPECT_TRUE(overlap(subnet("fd00::1", 64), subnet("fd00::ff00:0:0:1", 72)));
}

TEST(Prefix, TheFirstOfItHasNoBitsBehindIt) {
  EXPECT_EQ(to_string(first_of(ip("10.209.7.255"), 22)), "10.209.4.0");
  EXPECT_EQ(to_string(first_of(ip("10.209.7.255"), 0)), "0.0.0.0");
  EXPECT_EQ(to_string(first_of(ip("10.209.7.255"), 32)), "10.209.7.255");
  EXPECT_EQ(to_string(first_of(ip("fd00:1:2:3ff::1"), 59)), "fd00:1:2:3e0::");
  EXPECT_EQ(to_string(first_of(ip("fd00::1"), 128)), "fd00::1");
}

TEST(Prefix, CountingUpwardsCarries) {
  EXPECT_EQ(above_text("10.0.0.0", 0), "10.0.0.0");
  EXPECT_EQ(above_text("10.0.0.255", 1), "10.0.1.0");
  EXPECT_EQ(above_text("10.0.255.255", 0x101), "10.1.1.0");
  EXPECT_EQ(above_text("9.255.255.255", 1), "10.0.0.0");
  EXPECT_EQ(above_text("fd00::ffff:ffff:ffff:ffff", 1), "fd00:0:0:1::");
  EXPECT_EQ(above_text("fd00::", UINT64_MAX), "fd00::ffff:ffff:ffff:ffff");
  EXPECT_EQ(above_text("fd00::1", UINT64_MAX), "fd00:0:0:1::");
  EXPECT_EQ(above_text("fd00::ff", UINT64_MAX), "fd00:0:0:1::fe");
}

TEST(Prefix, NothingIsBeyondTheLastAddress) {
  EXPECT_EQ(above_text("255.255.255.254", 1), "255.255.255.255");
  EXPECT_EQ(above_text("255.255.255.255", 1), "none");
  EXPECT_EQ(above_text("0.0.0.0", UINT32_MAX), "255.255.255.255");
  EXPECT_EQ(above_text("0.0.0.0", uint64_t{UINT32_MAX} + 1), "none");
  EXPECT_EQ(above_text("0.0.0.1", UINT64_MAX), "none");
  EXPECT_EQ(above_text("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1), "none");
  EXPECT_EQ(above_text("ffff:ffff:ffff:ffff::1", UINT64_MAX), "none");
}

TEST(Prefix, AnOffsetIsFoundAgain) {
  EXPECT_EQ(offset_in(subnet("10.209.0.1", 24), ip("10.209.0.255")), 255U);
  EXPECT_EQ(offset_in(subnet("10.209.0.1", 16), ip("10.209.1.2")), 258U);
  EXPECT_EQ(offset_in(subnet("10.209.0.1", 24), ip("10.209.1.0")), std::nullopt);
  EXPECT_EQ(offset_in(subnet("10.209.0.1", 24), ip("fd00::1")), std::nullopt);
  EXPECT_EQ(offset_in(subnet("0.0.0.1", 0), ip("255.255.255.255")), UINT32_MAX);
  EXPECT_EQ(offset_in(subnet("fd00::1", 64), ip("fd00::ffff:ffff:ffff:ffff")), UINT64_MAX);
  EXPECT_EQ(offset_in(subnet("fd00::1", 63), ip("fd00:0:0:1::")), std::nullopt) << "2^64 does not fit";
  EXPECT_EQ(offset_in(subnet("fd00::1", 63), ip("fd00::5")), 5U);
}

TEST(Prefix, WhatContainersMayBeGiven) {
  EXPECT_EQ(usable_text("10.209.0.1", 24), "1..254");
  EXPECT_EQ(usable_text("10.209.0.1", 30), "1..2");
  EXPECT_EQ(usable_text("10.209.0.1", 31), "0..1") << "RFC 3021";
  EXPECT_EQ(usable_text("10.209.0.1", 32), "none");
  EXPECT_EQ(usable_text("0.0.0.1", 0), "1..4294967294");
  EXPECT_EQ(usable_text("fd00::1", 64), "1..4294967295");
  EXPECT_EQ(usable_text("fd00::1", 120), "1..255") << "IPv6 has no broadcast";
  EXPECT_EQ(usable_text("fd00::1", 127), "0..1") << "RFC 6164";
  EXPECT_EQ(usable_text("fd00::1", 128), "none");
}

TEST(Prefix, ASubnetIsWrittenByItsNetwork) {
  EXPECT_EQ(subnet("10.209.3.7", 22).network(), "10.209.0.0/22");
  EXPECT_EQ(subnet("fd00::1", 64).network(), "fd00::/64");
}

}  // namespace
}  // namespace postern::bridge
