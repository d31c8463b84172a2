#include "postern/wire/address_class.h"

#include <gtest/gtest.h>

namespace postern::wire {
namespace {

TEST(AddressClass, MartiansAreWhatASocketTakesForTheHostItself) {
  for (const char* martian : {"127.0.0.1", "127.255.255.255", "0.0.0.0", "0.1.2.3", "::", "::1", "::127.0.0.1", "::ffff:ffff",
                              "::ffff:127.0.0.1", "::ffff:192.0.2.1", "::ffff:0.0.0.0"}) {
    EXPECT_TRUE(is_martian(*parse_ip(martian))) << martian;
  }
}

TEST(AddressClass, OthersAreNoMartians) {
  for (const char* other : {"126.255.255.255", "128.0.0.0", "1.0.0.0", "10.0.2.2", "255.255.255.255", "::1:0:0", "::fffe:0:0",
                            "::1:ffff:0:0", "100::", "fd00::2", "fe80::1", "ff02::1", "::ff:ffff:0:0"}) {
    EXPECT_FALSE(is_martian(*parse_ip(other))) << other;
  }
}

TEST(AddressClass, GroupsAreMulticastAndTheLimitedBroadcast) {
  for (const char* group : {"224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1", "ff0e::1"}) {
    EXPECT_TRUE(is_group(*parse_ip(group))) << group;
  }
  for (const char* single : {"223.255.255.255", "240.0.0.0", "255.255.255.254", "fe80::1", "::1", "2001:db8::ff"}) {
    EXPECT_FALSE(is_group(*parse_ip(single))) << single;
  }
}

TEST(AddressClass, UnspecifiedIsAllZerosAndNothingElse) {
  EXPECT_TRUE(is_unspecified(*parse_ip("0.0.0.0")));
  EXPECT_TRUE(is_unspecified(*parse_ip("::")));
  EXPECT_FALSE(is_unspecified(*parse_ip("0.0.0.1")));
  EXPECT_FALSE(is_unspecified(*parse_ip("::1")));
}

}  // namespace
}  // namespace postern::wire
