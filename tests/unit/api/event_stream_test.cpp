#include "postern/api/event_stream.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::api {
namespace {

std::string take_all(EventStream& stream) {
  std::string all;
  while (!stream.waiting().empty()) {
    const std::string_view some = stream.waiting();
    all += some;
    stream.take(some.size());
  }
  return all;
}

TEST(EventStream, GivesLinesInTheirOrderInPiecesOfAnySize) {
  EventStream stream;
  stream.push("one");
  stream.push("two");
  EXPECT_EQ(stream.waiting(), "one\ntwo\n");
  stream.take(5);
  stream.push("three");
  EXPECT_EQ(take_all(stream), "wo\nthree\n");
}

TEST(EventStream, TellsOnceThatThereIsMoreUntilAllIsTaken) {
  EventStream stream;
  int told = 0;
  stream.on_more([&] { ++told; });
  stream.push("one");
  stream.push("two");
  EXPECT_EQ(told, 1);
  stream.take(4);
  stream.push("three");
  EXPECT_EQ(told, 1);
  take_all(stream);
  stream.push("four");
  EXPECT_EQ(told, 2);
}

TEST(EventStream, HoldsNoMoreThanItMayAndCountsTheRest) {
  EventStream stream;
  const std::string line(1'000, 'x');
  constexpr uint64_t kPushed = 400;
  for (uint64_t i = 0; i < kPushed; ++i) stream.push(line);
  EXPECT_LE(stream.waiting().size(), EventStream::kMostBytes);
  const uint64_t kept = stream.waiting().size() / (line.size() + 1);
  stream.take(stream.waiting().size());
  EXPECT_EQ(take_all(stream), "{\"lost\":" + std::to_string(kPushed - kept) + "}\n");
  stream.push("next");
  EXPECT_EQ(take_all(stream), "next\n");
}

TEST(EventStream, SaysWhenNothingNeedBeMade) {
  EventStream stream;
  EXPECT_FALSE(stream.is_behind());
  const std::string line(1'000, 'x');
  while (!stream.is_behind()) stream.push(line);  // all but the last were taken
  stream.lose();
  stream.take(stream.waiting().size() / 4);
  EXPECT_TRUE(stream.is_behind());
  stream.take(stream.waiting().size());
  EXPECT_FALSE(stream.is_behind());
  EXPECT_EQ(take_all(stream), "{\"lost\":2}\n");
}

TEST(EventStream, TellsOfALossBeforeWhatCameAfterIt) {
  EventStream stream;
  const std::string line(1'000, 'x');
  for (int i = 0; i < 400; ++i) stream.push(line);
  stream.take(stream.waiting().size() - 10);
  stream.push("next");
  const std::string rest = take_all(stream);
  const size_t lost = rest.find("{\"lost\":"), next = rest.find("next\n");
  ASSERT_NE(lost, rest.npos);
  EXPECT_LT(lost, next);
}

}  // namespace
}  // namespace postern::api
