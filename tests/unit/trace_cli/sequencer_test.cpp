#include "sequencer.h"

#include <gmock/gmock.h>

#include "events.h"

namespace postern::trace_cli {
namespace {

using journey::Event, journey::Point;
using ::testing::ElementsAre;

const journey::Rule kDrops{
    .chain = "inet postern forward", .text = "ip daddr 192.0.2.2 drop", .verdict = "drop", .handle = 4, .hook = "forward"};
const journey::Rule kJumps{
    .chain = "inet postern forward", .text = "jump blue", .verdict = "jump blue", .handle = 3, .hook = "forward"};

std::vector<Point> points(const std::vector<Event>& events) {
  std::vector<Point> all;
  all.reserve(events.size());
  for (const Event& event : events) all.push_back(event.point);
  return all;
}

Event drop_of(uint64_t time_ns, const journey::Packet& packet) {
  Event drop = seen(time_ns, Point::drop, packet);
  drop.drop = journey::Drop{"NETFILTER_DROP", "nft_do_chain"};
  return drop;
}

TEST(Sequencer, EventsLeaveInTheOrderOfTheirTime) {
  Sequencer sequencer;
  for (const uint64_t time : {30U, 10U, 20U}) sequencer.add(seen(time, Point::ingress, echo(1)));
  const auto taken = sequencer.take(25);
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].time_ns, 10U);
  EXPECT_EQ(taken[1].time_ns, 20U);
  EXPECT_FALSE(sequencer.empty());
  EXPECT_EQ(sequencer.take_all().size(), 1U);
  EXPECT_TRUE(sequencer.empty());
}

TEST(Sequencer, EventsOfOneTimeStayAsTheyCame) {
  Sequencer sequencer;
  sequencer.add(seen(10, Point::prerouting, echo(1)));
  sequencer.add(seen(10, Point::after_dnat, echo(1)));
  EXPECT_THAT(points(sequencer.take_all()), ElementsAre(Point::prerouting, Point::after_dnat));
}

TEST(Sequencer, ADropSeenByTheKernelAndARuleToldOfAreOneEvent) {
  for (const bool rule_first : {true, false}) {
    Sequencer sequencer;
    Event end = told(200, Point::drop, echo(1), kDrops);
    end.drop = journey::Drop{"nft rule", kDrops.chain};
    sequencer.add(seen(90, Point::after_dnat, echo(1)));
    if (!rule_first) sequencer.add(drop_of(100, echo(1)));
    sequencer.add(told(199, Point::rule, echo(1), kDrops));
    sequencer.add(end);
    if (rule_first) sequencer.add(drop_of(100, echo(1)));
    const auto taken = sequencer.take_all();
    ASSERT_THAT(points(taken), ElementsAre(Point::after_dnat, Point::drop));
    EXPECT_EQ(taken[1].drop->reason, "NETFILTER_DROP");
    EXPECT_EQ(taken[1].drop->where, "nft_do_chain");
    ASSERT_TRUE(taken[1].rule);
    EXPECT_EQ(taken[1].rule->text, kDrops.text);
    EXPECT_EQ(taken[1].time_ns, 100U) << "by the kernel's clock";
  }
}

TEST(Sequencer, AnotherPacketsDropTakesNoRule) {
  Sequencer sequencer;
  Event end = told(200, Point::drop, echo(1), kDrops);
  end.drop = journey::Drop{"nft rule", kDrops.chain};
  sequencer.add(drop_of(100, echo(2)));
  sequencer.add(end);
  Event elsewhere = drop_of(110, echo(1));
  elsewhere.network.inode = 2;
  sequencer.add(elsewhere);
  const auto taken = sequencer.take_all();
  ASSERT_EQ(taken.size(), 3U);
  EXPECT_FALSE(taken[0].rule);
  EXPECT_FALSE(taken[1].rule);
}

TEST(Sequencer, ADropThatOnlyTheRuleTellsOfStays) {
  Sequencer sequencer;
  Event end = told(200, Point::drop, echo(1), kDrops);
  end.drop = journey::Drop{"nft rule", kDrops.chain};
  sequencer.add(told(199, Point::rule, echo(1), kDrops));
  sequencer.add(end);
  EXPECT_THAT(points(sequencer.take_all()), ElementsAre(Point::drop)) << "and says it once";
}

TEST(Sequencer, ARuleStandsBehindThePointBeforeItsChain) {
  Sequencer sequencer;
  sequencer.add(seen(10, Point::ingress, echo(1)));
  sequencer.add(seen(20, Point::after_dnat, echo(1)));
  sequencer.add(seen(30, Point::forward, echo(1)));
  sequencer.add(told(100, Point::rule, echo(1), kJumps));
  const auto taken = sequencer.take_all();
  EXPECT_THAT(points(taken), ElementsAre(Point::ingress, Point::after_dnat, Point::rule, Point::forward));
  EXPECT_EQ(taken[2].clock, Event::Clock::arrival) << "it is a guess all the same";
}

TEST(Sequencer, ARuleOfAPacketThatNobodyElseSawKeepsItsTime) {
  Sequencer sequencer;
  sequencer.add(seen(20, Point::after_dnat, echo(2)));
  sequencer.add(seen(30, Point::forward, echo(2)));
  sequencer.add(told(100, Point::rule, echo(1), kJumps));
  EXPECT_THAT(points(sequencer.take_all()), ElementsAre(Point::after_dnat, Point::forward, Point::rule));
}

TEST(Sequencer, HoldsNoMoreThanItMayAndCountsTheRest) {
  Sequencer sequencer;
  for (size_t i = 0; i < Sequencer::kMost + 3; ++i) {
    journey::Event event;
    event.time_ns = i;
    sequencer.add(std::move(event));
  }
  EXPECT_EQ(sequencer.lost(), 3u);
  EXPECT_EQ(sequencer.take_all().size(), Sequencer::kMost);
}

}  // namespace
}  // namespace postern::trace_cli
