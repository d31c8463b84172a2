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
  EXPECT_THAT(batches.take_settled(kSecond + 1).journeys, IsEmpty()) << "it was seen since";
  const auto settled = batches.take_settled(2 * kSecond + 1).journeys;
  ASSERT_THAT(settled, SizeIs(1));
  EXPECT_THAT(settled[0].hops, SizeIs(2));
  EXPECT_THAT(batches.take_all().journeys, IsEmpty());
}

TEST(JourneyBatches, WhatHasComeToRestDoesNotWaitForTheRest) {
  JourneyBatches batches;
  batches.add(seen(kSecond, Point::ingress, echo(1)));
  batches.add(seen(5 * kSecond, Point::ingress, echo(2)));
  const auto settled = batches.take_settled(4 * kSecond).journeys;
  ASSERT_THAT(settled, SizeIs(1));
  EXPECT_EQ(settled[0].hops[0].event.packet->icmp_sequence, 1);
  const auto rest = batches.take_all().journeys;
  ASSERT_THAT(rest, SizeIs(1));
  EXPECT_EQ(rest[0].hops[0].event.packet->icmp_sequence, 2);
}

journey::Packet reply_to(uint16_t sequence) {
  journey::Packet reply = echo(sequence, "192.0.2.2", "10.0.0.2");
  reply.icmp_type = 0;
  reply.ip_id = 5U + sequence;
  return reply;
}

TEST(JourneyBatches, AQuestionStandsBeforeItsAnswer) {
  JourneyBatches batches;
  journey::Event dropped = seen(3 * kSecond, Point::drop, echo(1));  // of a copy
  batches.add(seen(kSecond, Point::egress, echo(1)));
  batches.add(seen(2 * kSecond, Point::ingress, reply_to(1)));
  batches.add(dropped);
  EXPECT_THAT(batches.take_settled(2 * kSecond + 1).journeys, IsEmpty()) << "the answer is at rest, what it answers is not";
  const auto settled = batches.take_settled(4 * kSecond).journeys;
  ASSERT_THAT(settled, SizeIs(2));
  EXPECT_EQ(settled[1].answers, 0U);
}

TEST(JourneyBatches, AreNumberedThroughTheWholeTrace) {
  JourneyBatches batches;
  batches.add(seen(kSecond, Point::egress, echo(1)));
  batches.add(seen(9 * kSecond, Point::egress, echo(2)));
  batches.add(seen(9 * kSecond + 1, Point::ingress, reply_to(2)));
  const auto first = batches.take_settled(8 * kSecond);
  EXPECT_EQ(first.first, 0U);
  EXPECT_THAT(first.journeys, SizeIs(1));
  const auto rest = batches.take_all();
  EXPECT_EQ(rest.first, 1U);
  ASSERT_THAT(rest.journeys, SizeIs(2));
  EXPECT_EQ(rest.journeys[1].answers, 1U);
}

TEST(JourneyBatches, AnAnswerKnowsAQuestionThatWasGivenAway) {
  JourneyBatches batches;
  batches.add(seen(kSecond, Point::egress, echo(1)));
  batches.add(seen(kSecond + 1, Point::egress, echo(2)));
  EXPECT_THAT(batches.take_settled(2 * kSecond).journeys, SizeIs(2));
  batches.add(seen(7 * kSecond, Point::ingress, reply_to(2)));
  const auto late = batches.take_all();
  ASSERT_THAT(late.journeys, SizeIs(1));
  EXPECT_EQ(late.first, 2U);
  EXPECT_EQ(late.journeys[0].answers, 1U);
}

/// Each segment of a connection answers the one before.
TEST(JourneyBatches, AConnectionThatIsNeverQuietIsShownAsItGoes) {
  JourneyBatches batches;
  size_t shown = 0, answers = 0;
  constexpr uint64_t kEvery = kSecond / 10, kSegments = 600;
  for (uint64_t i = 0; i < kSegments; ++i) {
    const bool asks = i % 2 == 0;
    journey::Packet segment = echo(0, asks ? "10.0.0.2" : "192.0.2.2", asks ? "192.0.2.2" : "10.0.0.2");
    segment.protocol = 6;
    segment.icmp_type = 0;
    segment.icmp_id = 0;
    segment.source_port = Port{static_cast<uint16_t>(asks ? 40000 : 80)};
    segment.destination_port = Port{static_cast<uint16_t>(asks ? 80 : 40000)};
    segment.tcp_flags = 0x18;
    segment.tcp_sequence = static_cast<uint32_t>(1000 + i / 2);
    segment.tcp_acknowledgment = static_cast<uint32_t>(1000 + (i + 1) / 2);
    segment.ip_id = static_cast<uint16_t>(i);
    const uint64_t now = (i + 1) * kEvery;
    batches.add(seen(now, Point::ingress, segment));
    const auto batch = batches.take_settled(now > kSecond ? now - kSecond : 0);
    EXPECT_EQ(batch.first, shown);
    shown += batch.journeys.size();
    for (const journey::Journey& each : batch.journeys) {
      if (!each.answers) continue;
      EXPECT_LT(*each.answers, shown);
      ++answers;
    }
  }
  EXPECT_GT(shown, kSegments - 25) << "what has rested a second, seen every half of one";
  EXPECT_GT(answers, kSegments - 25);
}

}  // namespace
}  // namespace postern::trace_cli
