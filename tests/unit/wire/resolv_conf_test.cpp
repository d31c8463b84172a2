#include "postern/wire/resolv_conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::wire {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ResolvConf, NameServersKeepTheirZoneAndOrder) {
  EXPECT_THAT(name_servers("# nameserver 192.0.2.9\nnameserver 192.0.2.1\n nameserver\tfe80::1%eth0 x\nsearch lan\n"),
              ElementsAre("192.0.2.1", "fe80::1%eth0"));
}

TEST(ResolvConf, WhatIsNoNameserverLineIsPassedOver) {
  EXPECT_THAT(name_servers("nameserver\nnameservers 192.0.2.1\n\n\n"), IsEmpty());
  EXPECT_THAT(name_servers(""), IsEmpty());
}

}  // namespace
}  // namespace postern::wire
