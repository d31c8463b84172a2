#include "postern/flow/flow_key.h"

#include <gtest/gtest.h>

#include <set>

namespace postern::flow {
namespace {

const FlowKey kKey{*parse_ip("10.0.2.100"), Port{40'000}, *parse_ip("192.0.2.1"), Port{443}};

TEST(FlowKey, IsBothAddressesAndBothPorts) {
  FlowKey other = kKey;
  EXPECT_EQ(other, kKey);
  other.guest = *parse_ip("10.0.2.101");
  EXPECT_NE(other, kKey);
  other = kKey, other.guest_port = Port{40'001};
  EXPECT_NE(other, kKey);
  other = kKey, other.remote = *parse_ip("fd00::1");
  EXPECT_NE(other, kKey);
  other = kKey, other.remote_port = Port{444};
  EXPECT_NE(other, kKey);
}

TEST(FlowKey, EveryPartAndTheSecretGoIntoTheHash) {
  const auto of = [](const char* guest, uint16_t guest_port, const char* remote, uint16_t remote_port) {
    return hash({*parse_ip(guest), Port{guest_port}, *parse_ip(remote), Port{remote_port}}, {1, 2});
  };
  const std::set<uint64_t> hashes = {
      of("10.0.2.100", 40'000, "192.0.2.1", 443),
      of("10.0.2.101", 40'000, "192.0.2.1", 443),
      of("10.0.2.100", 40'001, "192.0.2.1", 443),
      of("10.0.2.100", 40'000, "192.0.2.2", 443),
      of("10.0.2.100", 40'000, "192.0.2.1", 444),
      of("192.0.2.1", 443, "10.0.2.100", 40'000),
      of("::a00:264", 40'000, "192.0.2.1", 443),
      of("10.0.2.100", 40'000, "::c000:201", 443),
      of("fd00::1", 40'000, "2001:db8::1", 443),
      of("fd00::1", 40'000, "2001:db8::2", 443),
      hash(kKey, {1, 3}),
  };
  EXPECT_EQ(hashes.size(), 11u);
  EXPECT_EQ(of("10.0.2.100", 40'000, "192.0.2.1", 443), hash(kKey, {1, 2}));
}

}  // namespace
}  // namespace postern::flow
