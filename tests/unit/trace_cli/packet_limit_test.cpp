#include "packet_limit.h"

#include <gmock/gmock.h>

#include "events.h"

namespace postern::trace_cli {
namespace {

using journey::Point;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kSecond = 1'000'000'000;

TEST(PacketLimit, TheFirstPacketsPassAndNoOther) {
  PacketLimit limit(1);
  limit.add(seen(1, Point::ingress, echo(1)));
  limit.add(seen(2, Point::ingress, echo(2)));
  limit.add(seen(3, Point::egress, echo(1)));
  const auto passed = limit.take_all();
  ASSERT_THAT(passed, SizeIs(2));
  EXPECT_EQ(passed[0].time_ns, 1U);
  EXPECT_EQ(passed[1].time_ns, 3U);
}

TEST(PacketLimit, EachEventPassesOnce) {
  PacketLimit limit(2);
  limit.add(seen(1, Point::ingress, echo(1)));
  EXPECT_THAT(limit.take(kSecond), SizeIs(1));
  EXPECT_THAT(limit.take(2 * kSecond), IsEmpty());
  limit.add(seen(2, Point::egress, echo(1)));
  EXPECT_THAT(limit.take(3 * kSecond), SizeIs(1));
  EXPECT_THAT(limit.take_all(), IsEmpty());
}

TEST(PacketLimit, IsReachedWhenThePacketsHaveComeToRest) {
  PacketLimit limit(1);
  EXPECT_FALSE(limit.is_reached(kSecond));
  limit.add(seen(kSecond, Point::ingress, echo(1)));
  (void)limit.take(kSecond + 1);
  EXPECT_FALSE(limit.is_reached(kSecond + 1)) << "it may go on";
  EXPECT_TRUE(limit.is_reached(kSecond + std::chrono::nanoseconds(PacketLimit::kRest).count()));
  limit.add(seen(3 * kSecond, Point::ingress, echo(2)));
  (void)limit.take(3 * kSecond + 1);
  EXPECT_TRUE(limit.is_reached(3 * kSecond + 1)) << "others are not waited for";
}

TEST(PacketLimit, KeepsNoPacketThatMayNotPass) {
  PacketLimit limit(1);
  for (uint16_t i = 0; i < 1000; ++i) limit.add(seen(kSecond + i, Point::ingress, echo(i)));
  EXPECT_THAT(limit.take(2 * kSecond), SizeIs(1));
  EXPECT_EQ(limit.kept(), 1U);
}

TEST(PacketLimit, KeepsNoPacketForEver) {
  constexpr uint64_t kPackets = 300;
  PacketLimit limit(kPackets);
  size_t passed = 0, most_kept = 0;
  uint64_t now = 0;
  for (uint16_t i = 0; i < 2 * kPackets; ++i) {
    now += kSecond / 2;
    limit.add(seen(now, Point::ingress, echo(i)));
    limit.add(seen(now + 1, Point::egress, echo(i)));
    passed += limit.take(now + 2).size();
    most_kept = std::max(most_kept, limit.kept());
    if (limit.is_reached(now + kSecond)) break;
  }
  passed += limit.take_all().size();
  EXPECT_EQ(passed, 2 * kPackets) << "each of its packets, with both its events";
  EXPECT_LT(most_kept, 30U) << "some seconds of them";
}

TEST(PacketLimit, IsNotReachedByFewerPackets) {
  PacketLimit limit(2);
  limit.add(seen(1, Point::ingress, echo(1)));
  (void)limit.take(kSecond);
  EXPECT_FALSE(limit.is_reached(100 * kSecond));
}

}  // namespace
}  // namespace postern::trace_cli
