// delay_line_test.cpp - what a cable promises: order, the delay, nothing lost below its bound.
#include "delay_line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace postern::lab {
namespace {

using namespace std::chrono_literals;

constexpr size_t kTwoFrames = 2 * DelayLine::kLargestFrame;
const TimePoint kStart{};

void put(DelayLine& line, const std::string& frame, TimePoint now) {
  std::copy(frame.begin(), frame.end(), line.room().begin());
  line.take(frame.size(), now);
}

std::string get(DelayLine& line, TimePoint now) {
  const auto due = line.due(now);
  std::string frame(due.begin(), due.end());
  if (!frame.empty()) line.pop();
  return frame;
}

TEST(DelayLine, HandsOutAFrameAfterTheDelayAndNotBefore) {
  DelayLine line(10ms, kTwoFrames);
  EXPECT_EQ(line.next_due(), std::nullopt);
  put(line, "frame", kStart);
  EXPECT_EQ(line.next_due(), kStart + 10ms);
  EXPECT_EQ(get(line, kStart + 9999us), "");
  EXPECT_EQ(get(line, kStart + 10ms), "frame");
  EXPECT_EQ(line.next_due(), std::nullopt);
}

TEST(DelayLine, KeepsTheOrder) {
  DelayLine line(10ms, kTwoFrames);
  put(line, "first", kStart);
  put(line, "second", kStart);
  put(line, "third", kStart + 1ms);
  EXPECT_EQ(get(line, kStart + 10ms), "first");
  EXPECT_EQ(get(line, kStart + 10ms), "second");
  EXPECT_EQ(get(line, kStart + 10ms), "");
  EXPECT_EQ(get(line, kStart + 11ms), "third");
}

TEST(DelayLine, LosesAndCountsWhatFindsItFull) {
  DelayLine line(10ms, kTwoFrames);
  const std::string large(DelayLine::kLargestFrame, 'x');
  for (int i = 0; i < 5; ++i) put(line, large, kStart);
  EXPECT_EQ(line.lost(), 3U);
  EXPECT_EQ(get(line, kStart + 10ms), large);
  put(line, "again", kStart + 10ms);
  EXPECT_EQ(line.lost(), 3U);
  EXPECT_EQ(get(line, kStart + 10ms), large);
  EXPECT_EQ(get(line, kStart + 20ms), "again");
}

// The ring is as small as may be, so that it wraps all the time and at every offset.
TEST(DelayLine, ChangesNoByteWhereverAFrameLies) {
  DelayLine line(0ms, kTwoFrames + 1000);
  std::mt19937 random(1);  // the same frames in every run
  std::deque<std::string> under_way;
  for (int i = 0; i < 300; ++i) {
    const std::string frame(1 + random() % (i % 2 ? 100 : DelayLine::kLargestFrame), static_cast<char>('a' + i % 26));
    const uint64_t lost = line.lost();
    put(line, frame, kStart);
    if (line.lost() == lost) under_way.push_back(frame);
    for (auto out = random() % 4; out > 0 && !under_way.empty(); --out) {
      ASSERT_EQ(get(line, kStart), under_way.front());
      under_way.pop_front();
    }
  }
  EXPECT_LT(line.lost(), 150U);
}

}  // namespace
}  // namespace postern::lab
