#include "byte_queue.h"

#include <gtest/gtest.h>

#include <random>

#include "stream_bytes.h"

namespace postern::flow {
namespace {

using namespace test;

class ByteQueueTest : public testing::Test {
 protected:
  /// The stream goes on with `length` bytes.
  bool append(size_t length) {
    if (!queue_.append(pool_, stream_bytes(appended_, length))) return false;
    appended_ += length;
    return true;
  }
  void append_chunk(size_t begin, size_t length) {
    Chunk chunk = *pool_.take(begin + length);
    const std::vector<uint8_t> bytes = stream_bytes(appended_, length);
    std::copy(bytes.begin(), bytes.end(), chunk.data() + begin);
    queue_.append(std::move(chunk), begin, length);
    appended_ += length;
  }
  void consume(size_t bytes) {
    queue_.consume(bytes);
    consumed_ += bytes;
  }
  size_t parts() { return queue_.gather(all_parts_).parts; }
  void expect_whole() {
    const Gathered gathered = queue_.gather(all_parts_);
    EXPECT_EQ(gathered.bytes, queue_.size());
    EXPECT_EQ(queue_.size(), appended_ - consumed_);
    EXPECT_EQ(joined(std::span(all_parts_).first(gathered.parts)), stream_bytes(consumed_, queue_.size()));
  }

  ChunkPool pool_{64 * ChunkPool::kSlabBytes};
  ByteQueue queue_;
  uint64_t appended_ = 0, consumed_ = 0;
  std::array<iovec, 1'024> all_parts_;
};

TEST_F(ByteQueueTest, GivesTheBytesInTheOrderTheyCame) {
  for (const size_t length : {10u, 3'000u, 70'000u, 1u, 65'536u, 200'000u}) EXPECT_TRUE(append(length));
  expect_whole();
  consume(5);
  consume(72'000);
  expect_whole();
  consume(queue_.size());
  expect_whole();
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(pool_.used_bytes(), 0u);
}

TEST_F(ByteQueueTest, SmallPiecesShareAChunk) {
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(append(100));
  EXPECT_EQ(parts(), 1u);
  EXPECT_EQ(pool_.used_bytes(), 2'048u);
  expect_whole();
  EXPECT_TRUE(append(100));
  EXPECT_EQ(parts(), 2u) << "48 of them in the first";
  expect_whole();
}

TEST_F(ByteQueueTest, ALongQueueIsInLargeChunks) {
  for (int i = 0; i < 180; ++i) EXPECT_TRUE(append(1'460));
  EXPECT_LE(parts(), 8u);
  EXPECT_LE(pool_.used_bytes(), queue_.size() + 2 * ChunkPool::kSlabBytes);
  expect_whole();
}

TEST_F(ByteQueueTest, TakesAllOrNothing) {
  EXPECT_TRUE(append(1'000));
  std::vector<Chunk> others;
  while (pool_.limit_bytes() - pool_.held_bytes() > ChunkPool::kSlabBytes) others.push_back(*pool_.take(ChunkPool::kSlabBytes));
  const size_t used = pool_.used_bytes();
  EXPECT_FALSE(append(150'000)) << "three slabs, and there is one";
  EXPECT_EQ(pool_.used_bytes(), used);
  expect_whole();
  EXPECT_TRUE(append(60'000));
  expect_whole();
  EXPECT_FALSE(append(66'000));
  expect_whole();
}

TEST_F(ByteQueueTest, AnAppendOfNothingIsNone) {
  EXPECT_TRUE(append(0));
  append_chunk(10, 0);
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(parts(), 0u);
  EXPECT_EQ(pool_.used_bytes(), 0u);
}

TEST_F(ByteQueueTest, TakesOverAChunkAndUsesTheRestOfIt) {
  append_chunk(128, 1'000);
  EXPECT_EQ(parts(), 1u);
  EXPECT_TRUE(append(920));
  EXPECT_EQ(parts(), 1u);
  expect_whole();
  append_chunk(0, 65'536);
  append_chunk(3, 7);
  EXPECT_EQ(parts(), 3u);
  expect_whole();
}

TEST_F(ByteQueueTest, AChunkGoesBackWithItsLastByte) {
  append_chunk(0, 16'384);
  append_chunk(0, 2'048);
  consume(16'383);
  EXPECT_EQ(pool_.used_bytes(), 18'432u);
  consume(1);
  EXPECT_EQ(pool_.used_bytes(), 2'048u);
  queue_.clear();
  EXPECT_EQ(pool_.used_bytes(), 0u);
}

TEST_F(ByteQueueTest, ADestroyedQueueGivesItsChunksBack) {
  {
    ByteQueue queue;
    EXPECT_TRUE(queue.append(pool_, stream_bytes(0, 100'000)));
  }
  EXPECT_EQ(pool_.used_bytes(), 0u);
}

TEST_F(ByteQueueTest, GathersAsMuchAsThereArePlacesFor) {
  for (int i = 0; i < 5; ++i) append_chunk(0, 10);
  std::array<iovec, 3> few;
  EXPECT_EQ(queue_.gather(few), (Gathered{3, 30}));
  EXPECT_EQ(joined(few), stream_bytes(0, 30));
  EXPECT_EQ(queue_.gather(0, 25, few), (Gathered{3, 25}));
  EXPECT_EQ(queue_.gather(0, 20, few), (Gathered{2, 20}));
  EXPECT_EQ(queue_.gather(std::span<iovec>()), Gathered());
}

TEST_F(ByteQueueTest, GathersAnyStretch) {
  for (const size_t length : {10u, 2'048u, 1u, 65'536u, 300u, 17u}) append_chunk(0, length);
  consume(7);
  for (const size_t offset : {0u, 1u, 2u, 3u, 2'050u, 2'051u, 2'052u, 3'000u, 67'587u, 67'588u, 67'904u}) {
    for (const size_t most : {1u, 2u, 16u, 66'000u, 1u << 20}) {
      const Gathered gathered = queue_.gather(offset, most, all_parts_);
      EXPECT_EQ(gathered.bytes, std::min(most, queue_.size() - offset));
      EXPECT_EQ(joined(std::span(all_parts_).first(gathered.parts)), stream_bytes(consumed_ + offset, gathered.bytes));
    }
  }
  EXPECT_EQ(queue_.gather(queue_.size(), 1, all_parts_), Gathered());
  EXPECT_EQ(queue_.gather(SIZE_MAX, 1, all_parts_), Gathered());
}

TEST_F(ByteQueueTest, AgreesWithTheStreamOverAnyHistory) {
  std::mt19937 random(20);
  for (int step = 0; step < 5'000; ++step) {
    const size_t magnitude = random() % 17, length = random() % (size_t{1} << magnitude);
    switch (random() % 4) {
      case 0: append_chunk(random() % (65'537 - length), length); break;
      case 1: append(length); break;
      case 2: consume(std::min(length * 2, queue_.size())); break;
      default: {
        const size_t offset = random() % (queue_.size() + 1);
        const Gathered gathered = queue_.gather(offset, length, all_parts_);
        ASSERT_EQ(gathered.bytes, std::min(length, queue_.size() - offset));
        ASSERT_EQ(joined(std::span(all_parts_).first(gathered.parts)), stream_bytes(consumed_ + offset, gathered.bytes));
      }
    }
    if (random() % 64 == 0) queue_.trim();
    if (random() % 256 == 0) consume(queue_.size());
    if (pool_.pressure() != Pressure::none) consume(queue_.size() / 2);
  }
  expect_whole();
  EXPECT_GT(consumed_, 5'000'000u);
  queue_.clear();
  EXPECT_EQ(pool_.held_bytes(), 0u);
}

}  // namespace
}  // namespace postern::flow
