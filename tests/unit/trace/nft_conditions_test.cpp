#include "nft_conditions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../journey/packets.h"

namespace postern::trace {
namespace {

using namespace journey::test;

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using enum journey::Following::Extent;

TEST(ConditionsToMark, AreTheFiltersWherePacketsAreFollowed) {
  EXPECT_THAT(conditions_to_mark(filter("src host 10.0.0.2"), packet), ElementsAre("ip saddr 10.0.0.2"));
}

TEST(ConditionsToMark, AreThoseOfAnswersToo) {
  EXPECT_THAT(conditions_to_mark(filter("src host 10.0.0.2 and tcp dst port 80"), connection),
              ElementsAre("ip saddr 10.0.0.2 tcp dport 80", "ip daddr 10.0.0.2 tcp sport 80"));
}

TEST(ConditionsToMark, SayTheSameOnce) {
  EXPECT_THAT(conditions_to_mark(filter("icmp"), connection), ElementsAre("meta l4proto icmp"));
  EXPECT_THAT(conditions_to_mark(filter("host 10.0.0.2"), connection), ElementsAre("ip saddr 10.0.0.2", "ip daddr 10.0.0.2"));
}

TEST(ConditionsToMark, AreNoneForEveryPacket) {
  EXPECT_THAT(conditions_to_mark(filter(""), packet), IsEmpty());
  EXPECT_THAT(conditions_to_mark(filter(""), connection), IsEmpty());
}

TEST(SidesExchanged, LeaveTheRestAsItIs) {
  EXPECT_EQ(with_sides_exchanged("ip6 saddr != 2001:db8::/32 meta l4proto { tcp, udp } th dport 1-1023"),
            "ip6 daddr != 2001:db8::/32 meta l4proto { tcp, udp } th sport 1-1023");
}

}  // namespace
}  // namespace postern::trace
