#include "bridge_program.h"

#include <gtest/gtest.h>

namespace postern::cli {
namespace {

TEST(BridgeReply, TheGatewaysAreWhereNamesAreAsked) {
  const auto network = read_bridge_network(
      R"({"version": 1, "network": {"name": "blue", "subnets": [{"network": "10.5.0.0/24", "gateway": "10.5.0.1"},)"
      R"( {"network": "fd00:5::/64", "gateway": "fd00:5::1"}], "internal": false, "names": true}})");
  ASSERT_TRUE(network) << network.error().message();
  EXPECT_EQ(network->gateways, (std::vector{*parse_ip("10.5.0.1"), *parse_ip("fd00:5::1")}));
  EXPECT_TRUE(network->answers_names);
  EXPECT_TRUE(network->reaches_host);
}

TEST(BridgeReply, AnInternalNetworkDoesNotReachTheHost) {
  const auto network = read_bridge_network(R"({"network": {"subnets": [{"gateway": "10.5.0.1"}], "internal": true}})");
  ASSERT_TRUE(network);
  EXPECT_FALSE(network->reaches_host);
  EXPECT_FALSE(network->answers_names);
}

TEST(BridgeReply, WhatIsNoReplyIsAnError) {
  for (const char* bad : {"", "x", "[]", "{}", R"({"network": 1})", R"({"network": {}})", R"({"network": {"subnets": [1]}})",
                          R"({"network": {"subnets": [{"gateway": "x"}]}})"}) {
    EXPECT_FALSE(read_bridge_network(bad)) << bad;
  }
}

}  // namespace
}  // namespace postern::cli
