#include "pace.h"

#include <gtest/gtest.h>

namespace postern::relay {
namespace {

using namespace std::chrono_literals;

class PaceOfAConversation : public testing::Test {
 protected:
  PaceOfAConversation() {
    for (int i = 0; i < Pace::kPausesInARow; ++i) pace.note(10us, 120);
  }
  Pace pace;
};

TEST(Pace, PollsOnlyAfterManyShortPauses) {
  Pace pace;
  for (int i = 0; i < Pace::kPausesInARow; ++i) {
    EXPECT_EQ(pace.polling(), 0us);
    pace.note(10us, 120);
  }
  EXPECT_EQ(pace.polling(), Pace::kPolling);
}

TEST_F(PaceOfAConversation, IsKeptWhileItGoesOn) {
  for (int i = 0; i < 1000; ++i) pace.note(Pace::kShortPause, Pace::kSmallBytes);
  EXPECT_EQ(pace.polling(), Pace::kPolling);
}

TEST_F(PaceOfAConversation, IsLostByOneLongPause) {
  pace.note(Pace::kShortPause + 1us, 120);
  EXPECT_EQ(pace.polling(), 0us);
}

TEST_F(PaceOfAConversation, IsLostByBulk) {
  pace.note(10us, Pace::kSmallBytes + 1);
  EXPECT_EQ(pace.polling(), 0us);
}

}  // namespace
}  // namespace postern::relay
