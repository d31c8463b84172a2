#include "postern/wire/tcp_options.h"

#include <gtest/gtest.h>

#include "frame_builder.h"

namespace postern::wire::test {
namespace {

using Block = TcpOptions::Block;

const Frame kMss = {2, 4, 5, 0xb4}, kScale = {3, 3, 7}, kPermitted = {4, 2}, kNoOperation = {1};

Frame sack_option(const std::vector<Block>& blocks) {
  Frame option = {5, static_cast<uint8_t>(2 + 8 * blocks.size())};
  for (const Block& block : blocks) {
    append32(option, block.begin);
    append32(option, block.end);
  }
  return option;
}

Frame joined(const std::vector<Frame>& options) {
  Frame all;
  for (const Frame& option : options) append(all, option);
  return all;
}

struct Stored {
  std::array<uint8_t, kMaxTcpOptionBytes> room{};
  size_t bytes = 0;
  Frame written() const { return {room.begin(), room.begin() + static_cast<ptrdiff_t>(bytes)}; }
};

Frame stored_syn(const TcpOptions& options) {
  Stored stored;
  stored.bytes = store_syn_options(stored.room, options);
  return stored.written();
}

Frame stored_sack(const std::vector<Block>& blocks) {
  Stored stored;
  stored.bytes = store_sack(stored.room, blocks);
  return stored.written();
}

TEST(TcpOptions, AreReadInAnyOrderWithPaddingBetween) {
  for (const Frame& options : {joined({kMss, kNoOperation, kScale, kPermitted}), joined({kPermitted, kScale, kMss, {0}}),
                               joined({kNoOperation, kNoOperation, kPermitted, kMss, kScale})}) {
    const TcpOptions read = TcpOptions::parse(options);
    EXPECT_EQ(read.mss, 1460);
    EXPECT_EQ(read.window_scale, 7);
    EXPECT_TRUE(read.sack_permitted);
    EXPECT_EQ(read.sack_blocks, 0u);
  }
}

TEST(TcpOptions, AbsentMeansAbsent) {
  const TcpOptions read = TcpOptions::parse({});
  EXPECT_FALSE(read.mss || read.window_scale || read.sack_permitted);
  EXPECT_TRUE(read.blocks().empty());
}

TEST(TcpOptions, SackHasOneToFourBlocks) {
  std::vector<Block> blocks;
  for (uint32_t i = 0; i < kMaxSackBlocks; ++i) {
    blocks.push_back({0xffff'ff00 + i * 0x100, 0xffff'ff80 + i * 0x100});  // across the wrap
    const TcpOptions read = TcpOptions::parse(sack_option(blocks));
    EXPECT_TRUE(std::ranges::equal(read.blocks(), blocks)) << i;
  }
  blocks.push_back({1, 2});
  EXPECT_EQ(TcpOptions::parse(sack_option(blocks)).sack_blocks, 0u) << "five";
  EXPECT_EQ(TcpOptions::parse(sack_option({})).sack_blocks, 0u) << "none";
}

TEST(TcpOptions, AWindowScaleAbove14Counts14) {
  EXPECT_EQ(TcpOptions::parse(Frame{3, 3, 14}).window_scale, 14);
  EXPECT_EQ(TcpOptions::parse(Frame{3, 3, 15}).window_scale, 14);
  EXPECT_EQ(TcpOptions::parse(Frame{3, 3, 255}).window_scale, 14);
}

TEST(TcpOptions, AnMssOfZeroCountsAsAbsent) { EXPECT_FALSE(TcpOptions::parse(Frame{2, 4, 0, 0}).mss); }

TEST(TcpOptions, UnknownKindsAreSteppedOver) {
  const Frame timestamps = {8, 10, 0, 0, 0, 1, 0, 0, 0, 0}, fast_open = {34, 2};
  const TcpOptions read = TcpOptions::parse(joined({timestamps, kMss, fast_open, kScale}));
  EXPECT_EQ(read.mss, 1460);
  EXPECT_EQ(read.window_scale, 7);
}

TEST(TcpOptions, NothingBehindTheEndIsRead) { EXPECT_FALSE(TcpOptions::parse(joined({{0}, kMss})).mss); }

TEST(TcpOptions, WhatIsMalformedEndsTheReadingAndWhatStoodBeforeCounts) {
  const std::vector<Frame> malformed = {
      {3},                 // cut before its length
      {3, 0, 7},           // a length of 0
      {3, 1, 7},           // a length of 1
      {99, 1},             // the same of an unknown kind
      {2, 3, 5},           // MSS: too short for its kind
      {2, 5, 5, 0xb4, 0},  // too long
      {3, 2},              // window scale
      {3, 4, 7, 0},        //
      {4, 3, 0},           // SACK-permitted
      {5, 2},              // SACK without a block
      {5, 9, 0, 0, 0, 1, 0, 0, 0},
      {5, 11, 0, 0, 0, 1, 0, 0, 0, 2, 0},
  };
  for (const Frame& bad : malformed) {
    const Frame mss = {2, 4, 2, 0};
    const TcpOptions read = TcpOptions::parse(joined({mss, bad, kMss, kScale, kPermitted, sack_option({{1, 2}})}));
    EXPECT_EQ(read.mss, 512) << int{bad[0]};
    EXPECT_FALSE(read.window_scale || read.sack_permitted || read.sack_blocks) << int{bad[0]} << ' ' << bad.size();
  }
}

TEST(TcpOptions, AreNeverReadBeyondTheirEnd) {
  const Frame whole = joined({kMss, kScale, kPermitted, sack_option({{1, 2}, {3, 4}})});
  for (size_t left = 0; left < whole.size(); ++left) {
    const Frame cut = slice(whole, 0, left);  // of its own, so that a sanitizer sees one byte too far
    const TcpOptions read = TcpOptions::parse(cut);
    EXPECT_EQ(read.mss.has_value(), left >= 4);
    EXPECT_EQ(read.window_scale.has_value(), left >= 7);
    EXPECT_EQ(read.sack_permitted, left >= 9);
    EXPECT_EQ(read.sack_blocks, 0u);
  }
  for (unsigned length = 0; length < 256; ++length) {
    for (uint8_t kind = 0; kind < 8; ++kind) TcpOptions::parse(Frame{kind, static_cast<uint8_t>(length), 1, 1});
  }
}

TEST(StoreSynOptions, WritesWhatIsGivenInWholeWords) {
  TcpOptions options{.mss = 1460, .window_scale = {}};
  EXPECT_EQ(stored_syn(options), kMss);
  options.window_scale = 7;
  EXPECT_EQ(stored_syn(options), joined({kMss, kNoOperation, kScale}));
  options.sack_permitted = true;
  EXPECT_EQ(stored_syn(options), joined({kMss, kNoOperation, kNoOperation, kPermitted, kNoOperation, kScale}));
  EXPECT_EQ(stored_syn({}), Frame{});
}

TEST(StoreSynOptions, WhatIsStoredIsReadAgain) {
  const TcpOptions read = TcpOptions::parse(stored_syn({.mss = 65'480, .window_scale = 200, .sack_permitted = true}));
  EXPECT_EQ(read.mss, 65'480);
  EXPECT_EQ(read.window_scale, 14);
  EXPECT_TRUE(read.sack_permitted);
}

TEST(StoreSack, WritesUpToFourBlocksBehindTwoBytesOfPadding) {
  EXPECT_EQ(stored_sack({}), Frame{});
  EXPECT_EQ(stored_sack({{1, 2}}), (Frame{1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2}));
  const std::vector<Block> four = {{1, 2}, {3, 4}, {5, 6}, {0xffff'fff0, 7}};
  EXPECT_EQ(stored_sack(four), joined({kNoOperation, kNoOperation, sack_option(four)}));
  std::vector<Block> five = four;
  five.push_back({8, 9});
  EXPECT_EQ(stored_sack(five), stored_sack(four));
  EXPECT_EQ(stored_sack(five).size(), 36u);
}

}  // namespace
}  // namespace postern::wire::test
