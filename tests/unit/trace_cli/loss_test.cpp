#include "loss.h"

#include <gtest/gtest.h>

namespace postern::trace_cli {
namespace {

TEST(Loss, TellsEventsAndMessagesOfRulesApart) {
  EXPECT_EQ(Loss{}.text(), "");
  EXPECT_EQ((Loss{.events = 3}).text(), "3 events were lost: more came than could be taken");
  EXPECT_EQ((Loss{.rule_messages = 4}).text(), "4 messages about rules were lost, perhaps of packets that were not asked for");
  EXPECT_EQ(
      (Loss{.events = 3, .rule_messages = 4}).text(),
      "3 events were lost: more came than could be taken; 4 messages about rules were lost, perhaps of packets that were not "
      "asked for");
}

}  // namespace
}  // namespace postern::trace_cli
