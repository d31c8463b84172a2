#include "recent_ports.h"

#include <gtest/gtest.h>

#include <set>

namespace postern::relay {
namespace {

using std::chrono::seconds;

const IpAddress kGuest = *parse_ip("10.0.2.100");
constexpr TimePoint kNow{std::chrono::hours(1)};

TEST(RecentPorts, RemembersUntilTheTimeIsUp) {
  RecentPorts ports({1, 2});
  const uint64_t key = ports.key(kGuest, Port{4000});
  EXPECT_FALSE(ports.contains(key, kNow));
  ports.remember(key, kNow + seconds(240));
  EXPECT_TRUE(ports.contains(key, kNow + seconds(239)));
  EXPECT_FALSE(ports.contains(key, kNow + seconds(240)));
}

TEST(RecentPorts, TheLastTimeGivenCounts) {
  RecentPorts ports({1, 2});
  const uint64_t key = ports.key(kGuest, Port{4000});
  ports.remember(key, kNow + seconds(240));
  ports.remember(key, kNow + seconds(10));
  EXPECT_FALSE(ports.contains(key, kNow + seconds(10)));
}

TEST(RecentPorts, KeysDifferByAddressPortAndSecret) {
  const RecentPorts ports({1, 2}), others({1, 3});
  const std::set<uint64_t> keys = {ports.key(kGuest, Port{1}), ports.key(kGuest, Port{2}),
                                   ports.key(*parse_ip("10.0.2.101"), Port{1}), ports.key(*parse_ip("fd00::64"), Port{1}),
                                   others.key(kGuest, Port{1})};
  EXPECT_EQ(keys.size(), 5u);
}

TEST(RecentPorts, ForgetsWhoWouldExpireFirstWhenASetIsFull) {
  RecentPorts ports({1, 2});
  constexpr uint64_t kSets = RecentPorts::kPorts / 4;  // keys that differ by a multiple of it share a set
  for (uint64_t i = 1; i <= 4; ++i) ports.remember(i * kSets, kNow + seconds(10 * (5 - i)));
  ports.remember(5 * kSets, kNow + seconds(1));
  for (uint64_t i = 1; i <= 5; ++i) EXPECT_EQ(ports.contains(i * kSets, kNow), i != 4) << i;
}

TEST(RecentPorts, HoldsMostOfAThousandPortsAtOnce) {
  RecentPorts ports({1, 2});
  for (uint16_t port = 0; port < 1'000; ++port) ports.remember(ports.key(kGuest, Port{port}), kNow + seconds(240));
  int held = 0;
  for (uint16_t port = 0; port < 1'000; ++port) held += ports.contains(ports.key(kGuest, Port{port}), kNow);
  EXPECT_GE(held, 950);
}

}  // namespace
}  // namespace postern::relay
