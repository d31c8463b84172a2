// read_room_test.cpp - how much is read of a host's socket at once, and what becomes of the memory for it.
#include "read_room.h"

#include "engine_script.h"

namespace postern::flow {
namespace {

using namespace std::chrono_literals;
using testing::Each;
using testing::ElementsAre;

constexpr size_t kSlab = ChunkPool::kSlabBytes;
constexpr size_t kFrame = size_t{44} * 1460;  // whole segments, of a packet of 64 KiB

class ReadRoomTest : public testing::Test {
 protected:
  std::vector<size_t> prepare(size_t bytes) {
    EXPECT_TRUE(room_.is_ready(pool_));
    std::vector<size_t> lengths;
    for (const iovec& frame : room_.prepare(pool_, bytes, kFrame)) lengths.push_back(frame.iov_len);
    return lengths;
  }
  ChunkPool pool_{16 * kSlab};
  ReadRoom room_;
};

TEST_F(ReadRoomTest, EachFrameHasAChunkOfItsOwn) {
  EXPECT_THAT(prepare(2 * kFrame + 100), ElementsAre(kFrame, kFrame, 100));
  EXPECT_EQ(pool_.used_bytes(), 3 * kSlab);
  EXPECT_THAT(prepare(100), ElementsAre(100));
  EXPECT_EQ(pool_.used_bytes(), 3 * kSlab) << "what is there is used again, and kept";
}

TEST_F(ReadRoomTest, NoMoreThanSixFrames) {
  EXPECT_THAT(prepare(10 * kFrame), ElementsAre(kFrame, kFrame, kFrame, kFrame, kFrame, kFrame));
}

TEST_F(ReadRoomTest, WhatWasTakenIsReplaced) {
  prepare(2 * kFrame);
  const uint8_t* const second = room_.chunk(1).data();
  const Chunk taken = std::move(room_.chunk(0));
  EXPECT_THAT(prepare(2 * kFrame), ElementsAre(kFrame, kFrame));
  EXPECT_NE(room_.chunk(0).data(), taken.data());
  EXPECT_EQ(room_.chunk(1).data(), second);
  EXPECT_EQ(pool_.used_bytes(), 3 * kSlab);
}

TEST_F(ReadRoomTest, UnderPressureOnlyTheFirstFrameTakesMemory) {
  std::vector<Chunk> others;
  while (pool_.pressure() == Pressure::none) others.push_back(*pool_.take(kSlab));
  EXPECT_THAT(prepare(6 * kFrame), ElementsAre(kFrame));
  while (auto chunk = pool_.take(kSlab)) others.push_back(std::move(*chunk));
  room_.clear();
  others.push_back(*pool_.take(kSlab));
  EXPECT_FALSE(room_.is_ready(pool_));
}

TEST_F(ReadRoomTest, UnderPressureWhatIsNotNeededGoesBack) {
  prepare(6 * kFrame);
  const Chunk taken = std::move(room_.chunk(0));
  const uint8_t* const second = room_.chunk(1).data();
  std::vector<Chunk> others;
  while (auto chunk = pool_.take(kSlab)) others.push_back(std::move(*chunk));
  EXPECT_TRUE(room_.is_ready(pool_)) << "the pool has none, but here is one";
  EXPECT_EQ(room_.chunk(0).data(), second);
  EXPECT_EQ(pool_.used_bytes(), pool_.limit_bytes() - 4 * kSlab);
}

TEST_F(ReadRoomTest, ClearGivesEverythingBack) {
  EXPECT_TRUE(room_.empty());
  prepare(6 * kFrame);
  const Chunk taken = std::move(room_.chunk(0));
  EXPECT_FALSE(room_.empty());
  room_.clear();
  EXPECT_TRUE(room_.empty());
  EXPECT_EQ(pool_.used_bytes(), kSlab);
}

class Reads : public OneConnection {
 protected:
  /// A connection whose window lets six frames go at once, and whose host has just brought much.
  void establish_busy() {
    guest.set_window(4 << 20);
    establish({.scale = 14});
    for (int i = 0; i < 16; ++i) {
      host.sends(4 * kFrame);
      guest.acks();
    }
    EXPECT_EQ(host.unread(), 0u);
    guest.ignores_all();
  }
};

TEST_F(Reads, SixFramesComeByOneCall) {
  establish_busy();
  const int before_it = host.calls;
  const uint32_t begin = guest.heard_up_to();
  host.sends(6 * kFrame - 1);
  EXPECT_EQ(host.calls, before_it + 1);
  const auto frames = guest.hears_all();
  ASSERT_EQ(frames.size(), 6u);
  EXPECT_THAT(std::vector(frames.begin(), frames.end() - 1), Each(testing::StartsWith(".")));
  EXPECT_THAT(frames.back(), testing::StartsWith("P."));
  EXPECT_EQ(guest.heard_up_to(), begin + 6 * kFrame - 1);
}

TEST_F(Reads, AFullReadIsFollowedByAnother) {
  establish_busy();
  const uint32_t begin = guest.heard_up_to();
  host.sends(6 * kFrame + 1);
  EXPECT_EQ(guest.heard_up_to(), begin + 6 * kFrame + 1);
}

TEST_F(Reads, AfterSixFramesItIsSomebodyElsesTurn) {
  establish_busy();
  const uint32_t begin = guest.heard_up_to();
  burst_cut_off([&] { host.sends(12 * kFrame); });
  EXPECT_EQ(guest.heard_up_to(), begin + 6 * kFrame);
}

TEST_F(Reads, ATurnHasSixFramesByHoweverManyReads) {
  establish_busy();
  host.sends(100);  // so the next read is for one frame
  const uint32_t begin = guest.heard_up_to();
  const int before_it = host.calls;
  burst_cut_off([&] { host.sends(12 * kFrame); });
  EXPECT_EQ(guest.heard_up_to(), begin + 6 * kFrame);
  EXPECT_EQ(host.calls, before_it + 2);
}

/// The mark stands in the second of six frames: the read ends there, and what is behind it comes by the next one.
TEST_F(Reads, AnUrgentMarkInTheMiddleLosesNothing) {
  establish_busy();
  const uint32_t begin = guest.heard_up_to();
  host.sends_marked(kFrame + 100, 5 * kFrame);
  EXPECT_EQ(guest.heard_up_to(), begin + 5 * kFrame);
}

TEST_F(Reads, AllThatStandsBeforeAResetComes) {
  establish_busy();
  const uint32_t begin = guest.heard_up_to();
  host.arrives_untold(9 * kFrame);
  host.fails(ECONNRESET);
  EXPECT_EQ(guest.heard_up_to(), begin + 9 * kFrame);
  EXPECT_TRUE(host.closed);
}

/// Two frames and a small rest, which is copied: all lost, and sent again from what was retained.
TEST_F(Reads, WhatWasReadTogetherIsRetainedInOrder) {
  establish_busy();
  const uint32_t begin = guest.heard_up_to();
  guest.loses(3);
  host.sends(2 * kFrame + 100);
  guest.ignores_all();
  EXPECT_EQ(guest.heard_up_to(), begin);
  wait(2s);
  for (int i = 0; i < 20; ++i) guest.acks();
  EXPECT_EQ(guest.heard_up_to(), begin + 2 * kFrame + 100);
  EXPECT_GE(engine().counters().sent_again, 1u);
}

TEST_F(Reads, WhoSaysLittleIsReadForOneFrame) {
  establish_busy();
  host.sends(100);
  EXPECT_GT(host.room_of_read, kFrame) << "the read before it was large";
  host.sends(100);
  EXPECT_EQ(host.room_of_read, kFrame);
  host.sends(kFrame / 4 - 1);
  EXPECT_EQ(host.room_of_read, kFrame);
  host.sends(kFrame / 4);
  EXPECT_EQ(host.room_of_read, kFrame);
  host.sends(1);
  EXPECT_GT(host.room_of_read, kFrame);
}

/// Where the pool lets a read be for fewer frames than asked, a full one is no sign that there is no more.
TEST_F(Reads, AllComesWhereMemoryEndsInTheMiddleOfARead) {
  begin({.payload_memory_bytes = 16 * kSlab});
  establish_busy();
  wait(6s);  // what was kept for reading goes back
  for (int i = 0; i < 10; ++i) {
    auto& ends = another();
    establish(ends, {});
    ends.host.has_room(0);
    ends.guest.sends(60'000);
  }
  const uint32_t begin = guest.heard_up_to();
  host.sends(20 * kFrame);
  EXPECT_EQ(host.room_of_read, 3 * kFrame) << "there was room for more";
  for (int i = 0; i < 40; ++i) guest.acks();
  EXPECT_EQ(guest.heard_up_to(), begin + 20 * kFrame);
}

TEST_F(Reads, WhatWasKeptForReadingGoesBackToo) {
  establish_busy();
  guest.acks();
  EXPECT_NE(engine().payload_memory_in_use(), 0u);
  wait(6s);
  EXPECT_EQ(engine().payload_memory_in_use(), 0u);
}

}  // namespace
}  // namespace postern::flow
