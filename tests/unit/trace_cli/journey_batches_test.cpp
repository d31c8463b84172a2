#include "journey_batches.h"

#include <gmock/gmock.h>

#include "events.h"

namespace postern::trace_cli {
namespace {

using journey::Point;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kSecond = 1'000'000'000;

TEST(JourneyBatches, APacketThatMayStillMoveIsKept) {
  JourneyBatches batches;
  batches.add(seen(kSecond, Point::ingress, echo(1)));
  batches.add(seen(2 * kSecond, Point::egress, echo(1)));
  EXPECT_THAT(batches.take_settled(kSecond + 1), IsEmpty()) << "it was seen since";
  const auto settled = batches.take_settled(2 * kSecond + 1);
  ASSERT_THAT(settled, SizeIs(1));
  EXPECT_THAT(settled[0].hops, SizeIs(2));
  EXPECT_THAT(batches.take_all(), IsEmpty());
}

TEST(JourneyBatches, WhatHasComeToRestDoesNotWaitForTheRest) {
  JourneyBatches batches;
  batches.add(seen(kSecond, Point::ingress, echo(1)));
  batches.add(seen(5 * kSecond, Point::ingress, echo(2)));
  const auto settled = batches.take_settled(4 * kSecond);
  ASSERT_THAT(settled, SizeIs(1));
  EXPECT_EQ(settled[0].hops[0].event.packet->icmp_sequence, 1);
  const auto rest = batches.take_all();
  ASSERT_THAT(rest, SizeIs(1));
  EXPECT_EQ(rest[0].hops[0].event.packet->icmp_sequence, 2);
}

TEST(JourneyBatches, AQuestionWaitsForItsAnswer) {
  JourneyBatches batches;
  batches.add(seen(kSecond, Point::egress, echo(1)));
  journey::Packet reply = echo(1, "192.0.2.2", "10.0.0.2");
  reply.icmp_type = 0;
  reply.ip_id = 5;
  batches.add(seen(2 * kSecond, Point::ingress, reply));
  EXPECT_THAT(batches.take_settled(kSecond + 1), IsEmpty());
  const auto settled = batches.take_settled(3 * kSecond);
  ASSERT_THAT(settled, SizeIs(2));
  EXPECT_EQ(settled[1].answers, 0U);
}

TEST(JourneyBatches, AnswersAreNumberedAnewInEachBatch) {
  JourneyBatches batches;
  batches.add(seen(kSecond, Point::egress, echo(1)));
  batches.add(seen(9 * kSecond, Point::egress, echo(2)));
  journey::Packet reply = echo(2, "192.0.2.2", "10.0.0.2");
  reply.icmp_type = 0;
  reply.ip_id = 5;
  batches.add(seen(9 * kSecond + 1, Point::ingress, reply));
  EXPECT_THAT(batches.take_settled(8 * kSecond), SizeIs(1));
  const auto rest = batches.take_all();
  ASSERT_THAT(rest, SizeIs(2));
  EXPECT_EQ(rest[1].answers, 0U);
}

}  // namespace
}  // namespace postern::trace_cli
