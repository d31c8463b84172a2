#include "reassembly.h"

#include <gtest/gtest.h>

#include "stream_bytes.h"

namespace postern::flow {
namespace {

constexpr size_t kSegment = 1448;  // of Ethernet, with timestamps

class ReassemblyTest : public testing::Test {
 protected:
  void add(size_t position, size_t bytes) { early_.add(pool_, at(position), test::stream_bytes(position, bytes)); }
  static Sequence at(size_t position) { return Sequence{0xffff0000} + static_cast<uint32_t>(position); }
  size_t blocks() const {
    std::array<wire::TcpOptions::Block, 4> room{};
    return early_.blocks(room);
  }
  /// What can be taken from `position` on, checked.
  size_t taken_from(size_t position) {
    size_t bytes = 0;
    while (const auto part = early_.take(at(position + bytes))) {
      const auto expected = test::stream_bytes(position + bytes, part->bytes);
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(), part->chunk.data() + part->offset)) << "at " << position + bytes;
      bytes += part->bytes;
    }
    return bytes;
  }

  ChunkPool pool_;
  Reassembly early_;
};

TEST_F(ReassemblyTest, ManySmallSegmentsInARowAreKept) {
  constexpr size_t kMany = 150;
  for (size_t i = 1; i <= kMany; ++i) add(i * kSegment, kSegment);
  EXPECT_EQ(early_.size(), kMany * kSegment);
  EXPECT_EQ(blocks(), 1u);
  EXPECT_EQ(taken_from(kSegment), kMany * kSegment);
  EXPECT_TRUE(early_.empty());
  EXPECT_EQ(pool_.used_bytes(), 0u);
}

TEST_F(ReassemblyTest, AHoleThatIsFilledFromBothSidesIsFilledOnce) {
  add(100, 100);
  add(300, 100);
  add(150, 200);  // the end of the first, the hole, the beginning of the second
  EXPECT_EQ(early_.size(), 300u);
  EXPECT_EQ(blocks(), 1u);
  EXPECT_EQ(taken_from(100), 300u);
}

TEST_F(ReassemblyTest, TheFirstCopyOfAByteCounts) {
  add(100, 100);
  early_.add(pool_, at(50), std::vector<uint8_t>(200, 0));
  EXPECT_EQ(early_.size(), 200u);
  const auto front = early_.take(at(50));
  ASSERT_TRUE(front);
  EXPECT_EQ(front->bytes, 50u);
  const auto kept = early_.take(at(100));
  ASSERT_TRUE(kept);
  const auto expected = test::stream_bytes(100, 100);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), kept->chunk.data() + kept->offset));
}

TEST_F(ReassemblyTest, HolesAndBytesHaveALimit) {
  for (size_t i = 1; i <= 100; ++i) add(i * 1000, 1);
  EXPECT_EQ(early_.size(), Reassembly::kMostStretches);
  early_.clear();
  for (size_t i = 1; i <= 1000; ++i) add(i * kSegment, kSegment);
  EXPECT_LE(early_.size(), Reassembly::kMostBytes);
  EXPECT_GT(early_.size(), Reassembly::kMostBytes - 20'000);
}

}  // namespace
}  // namespace postern::flow
