#include "retained.h"

#include <gtest/gtest.h>

#include <random>

#include "stream_bytes.h"

namespace postern::flow {
namespace {

using namespace test;

/// A stream whose byte i has the number kOrigin + i; the numbers go round early.
constexpr Sequence kOrigin{0xffff'f000};

class RetainedTest : public testing::Test {
 protected:
  void send_chunk(size_t length, size_t begin = 64) {
    Chunk chunk = *pool_.take(begin + length);
    const std::vector<uint8_t> bytes = stream_bytes(sent_, length);
    std::copy(bytes.begin(), bytes.end(), chunk.data() + begin);
    retained_.append(kOrigin + sent_, std::move(chunk), length, begin);
    sent_ += length;
  }
  bool send_copy(size_t length) {
    if (!retained_.append(kOrigin + sent_, pool_, stream_bytes(sent_, length))) return false;
    sent_ += length;
    return true;
  }
  /// The bytes from the position on that it would send again.
  std::vector<uint8_t> again(uint64_t position, size_t most) {
    const Gathered gathered = retained_.gather(kOrigin + position, most, parts_);
    std::vector<uint8_t> bytes = joined(std::span(parts_).first(gathered.parts));
    EXPECT_EQ(bytes.size(), gathered.bytes);
    return bytes;
  }

  ChunkPool pool_{64 * ChunkPool::kSlabBytes};
  Retained retained_;
  uint64_t sent_ = 0;
  std::array<iovec, 1'024> parts_;
};

TEST_F(RetainedTest, GivesAnyStretchAgain) {
  for (const size_t length : {1'460u, 60'000u, 1u, 20'000u}) send_chunk(length);
  EXPECT_EQ(retained_.bytes(), sent_);
  EXPECT_EQ(retained_.first(), kOrigin);
  EXPECT_EQ(retained_.end(), kOrigin + sent_);
  for (const uint64_t from : {0u, 1u, 1'459u, 1'460u, 4'095u, 4'096u, 61'459u, 61'460u, 61'461u, 81'460u}) {
    EXPECT_EQ(again(from, 1'460), stream_bytes(from, std::min<size_t>(1'460, sent_ - from))) << from;
    EXPECT_EQ(again(from, 1'000'000), stream_bytes(from, sent_ - from)) << from;
  }
}

TEST_F(RetainedTest, OutsideOfWhatIsRetainedThereIsNothing) {
  EXPECT_TRUE(again(0, 100).empty());
  send_chunk(1'000);
  retained_.acknowledge(kOrigin + 10);
  EXPECT_TRUE(again(9, 100).empty());
  EXPECT_EQ(again(10, 100), stream_bytes(10, 100));
  EXPECT_TRUE(again(1'000, 100).empty());
  EXPECT_TRUE(again(1'001, 100).empty());
}

TEST_F(RetainedTest, AnAcknowledgmentFreesWholeChunksAndTrimsTheNext) {
  send_chunk(2'000, 0);
  send_chunk(16'000, 0);
  retained_.acknowledge(kOrigin + 1'999);
  EXPECT_EQ(pool_.used_bytes(), 2'048 + 16'384u);
  retained_.acknowledge(kOrigin + 2'100);
  EXPECT_EQ(pool_.used_bytes(), 16'384u);
  EXPECT_EQ(retained_.first(), kOrigin + 2'100);
  EXPECT_EQ(retained_.bytes(), 15'900u);
  EXPECT_EQ(again(2'100, 20'000), stream_bytes(2'100, 15'900));
}

TEST_F(RetainedTest, AnOldAcknowledgmentDoesNothing) {
  send_chunk(1'000);
  retained_.acknowledge(kOrigin + 500);
  for (const uint64_t old : {500u, 499u, 0u}) retained_.acknowledge(kOrigin + old);
  retained_.acknowledge(kOrigin - 5);
  EXPECT_EQ(retained_.bytes(), 500u);
}

TEST_F(RetainedTest, AnAcknowledgmentOfTheFinFreesAllBytesAndNoMore) {
  send_chunk(1'000);
  retained_.acknowledge(kOrigin + 1'001);
  EXPECT_TRUE(retained_.empty());
  EXPECT_EQ(retained_.end(), kOrigin + 1'000);
  EXPECT_EQ(pool_.used_bytes(), 0u);
}

TEST_F(RetainedTest, WhatIsEmptyBeginsAtAnyNumber) {
  send_chunk(1'000);
  retained_.clear();
  retained_.append(Sequence{7}, *pool_.take(10), 10);
  EXPECT_EQ(retained_.first(), Sequence{7});
  EXPECT_EQ(retained_.end(), Sequence{17});
}

TEST_F(RetainedTest, SmallCopiesShareAChunk) {
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(send_copy(20));
  EXPECT_EQ(pool_.used_bytes(), 2'048u);
  EXPECT_EQ(again(30, 1'000), stream_bytes(30, 1'000));
}

TEST_F(RetainedTest, ACopyThatFindsNoRoomLeavesAllAsItWas) {
  EXPECT_TRUE(send_copy(2'000));
  std::vector<Chunk> others;
  while (auto chunk = pool_.take(2'048)) others.push_back(*std::move(chunk));
  EXPECT_FALSE(send_copy(100));
  EXPECT_EQ(retained_.end(), kOrigin + 2'000);
  EXPECT_TRUE(send_copy(48));
  EXPECT_EQ(again(0, 10'000), stream_bytes(0, 2'048));
}

TEST_F(RetainedTest, AGapIsABugOfOurs) {
  send_chunk(10);
  EXPECT_DEATH(retained_.append(kOrigin + 11, *pool_.take(1), 1), "sequence == end");
}

TEST_F(RetainedTest, AgreesWithTheStreamOverAnyHistory) {
  std::mt19937 random(9293);
  uint64_t acknowledged = 0;
  for (int step = 0; step < 4'000; ++step) {
    const size_t magnitude = random() % 16, length = random() % (size_t{1} << magnitude);
    if (retained_.bytes() < 1 << 20) {
      random() % 2 == 0 ? send_chunk(length, random() % 256) : static_cast<void>(send_copy(length));
    }
    if (random() % 4 == 0) {
      acknowledged += random() % (sent_ - acknowledged + 1);
      retained_.acknowledge(kOrigin + acknowledged);
    }
    ASSERT_EQ(retained_.bytes(), sent_ - acknowledged);
    const uint64_t from = acknowledged + random() % (retained_.bytes() + 1);
    ASSERT_EQ(again(from, length), stream_bytes(from, std::min<size_t>(length, sent_ - from)));
  }
  EXPECT_GT(sent_, 5'000'000u);
}

}  // namespace
}  // namespace postern::flow
