#include "fragment_set.h"

#include <gtest/gtest.h>

#include <random>

#include "../wire/frame_builder.h"

namespace postern::relay {
namespace {

using namespace wire::test;

constexpr Ends kEnds{"10.0.2.100", "192.0.2.1"};
constexpr uint16_t kMore = 0x2000;

class FragmentSetTest : public testing::Test {
 protected:
  tl::expected<wire::MutableBytes, Drop> add(const Frame& frame) {
    frame_ = frame;
    const auto ethernet = wire::EthernetFrame::parse(frame_);
    return set_.add(*ethernet, *wire::IpPacket::parse(ethernet->payload), now_);
  }
  /// One fragment: `begin` in bytes, a multiple of 8.
  Frame part(size_t begin, const Frame& payload, uint16_t more, IpFields ip = {}) {
    ip.fragment = static_cast<uint16_t>(begin / 8 | more);
    return ip_frame(kEnds, payload, ip);
  }
  bool is_kept(const Frame& frame) {
    const auto whole = add(frame);
    return whole && whole->empty();
  }
  std::optional<Drop> refusal(const Frame& frame) {
    const auto whole = add(frame);
    return whole ? std::nullopt : std::optional(whole.error());
  }

  DropCounters drops_;
  FragmentSet set_{drops_};
  Frame frame_;
  TimePoint now_{std::chrono::hours(1)};
};

Frame numbered(size_t length) {
  Frame bytes(length);
  for (size_t i = 0; i < length; ++i) bytes[i] = static_cast<uint8_t>(i * 7 + i / 256);
  return bytes;
}

TEST_F(FragmentSetTest, AnyOrderGivesTheSameFrame) {
  const Frame payload = numbered(5'003);
  std::vector<size_t> begins = {0, 8, 1'480, 1'488, 3'000, 4'992, 5'000};
  std::mt19937 random(791);
  for (int round = 0; round < 50; ++round) {
    std::vector<size_t> order(begins.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random);
    for (size_t n = 0; n < order.size(); ++n) {
      const size_t begin = begins[order[n]], end = order[n] + 1 < begins.size() ? begins[order[n] + 1] : payload.size();
      const auto whole = add(part(begin, slice(payload, begin, end), end < payload.size() ? kMore : 0));
      ASSERT_TRUE(whole);
      const Frame expected = n + 1 < order.size() ? Frame() : ip_frame(kEnds, payload, {});
      ASSERT_EQ(Frame(whole->begin(), whole->end()), expected);
    }
    EXPECT_EQ(set_.datagrams(), 0u);
    EXPECT_EQ(set_.bytes(), 0u);
  }
}

TEST_F(FragmentSetTest, TheFirstFragmentsHeaderIsTheDatagrams) {
  const Frame payload = numbered(16);
  EXPECT_TRUE(is_kept(part(8, slice(payload, 8, 16), 0, {.hop_limit = 3})));
  const IpFields first{.options = {7, 7, 4, 0, 0, 0, 0, 0}, .hop_limit = 9};
  const auto whole = add(part(0, slice(payload, 0, 8), kMore, first));
  EXPECT_EQ(Frame(whole->begin(), whole->end()), ip_frame(kEnds, payload, first));
}

TEST_F(FragmentSetTest, ADatagramIsKnownByAddressesProtocolAndId) {
  EXPECT_TRUE(is_kept(part(0, Frame(8), kMore, {.protocol = 17, .id = 1})));
  EXPECT_TRUE(is_kept(part(8, Frame(8), 0, {.protocol = 17, .id = 2})));
  EXPECT_TRUE(is_kept(part(8, Frame(8), 0, {.protocol = 6, .id = 1})));
  EXPECT_TRUE(is_kept(ip_frame({"10.0.2.101", kEnds.destination}, Frame(8), {.id = 1, .fragment = 1})));
  EXPECT_TRUE(is_kept(ip_frame({kEnds.source, "192.0.2.2"}, Frame(8), {.id = 1, .fragment = 1})));
  EXPECT_EQ(set_.datagrams(), 5u);
}

TEST_F(FragmentSetTest, OverlapsAndContradictionsEndTheWholeDatagram) {
  struct Row {
    const char* what;
    Frame before, offending;
  };
  for (const Row& row : std::vector<Row>{
           {"the same again", part(0, Frame(16), kMore), part(0, Frame(16), kMore)},
           {"the head of one", part(8, Frame(16), kMore), part(0, Frame(16), kMore)},
           {"the tail of one", part(0, Frame(16), kMore), part(8, Frame(16), kMore)},
           {"inside one", part(0, Frame(24), kMore), part(8, Frame(8), kMore)},
           {"around one", part(8, Frame(8), kMore), part(0, Frame(24), kMore)},
           {"the last, inside one", part(0, Frame(24), kMore), part(16, Frame(3), 0)},
           {"into a short last", part(8, Frame(3), 0), part(0, Frame(16), kMore)},
           {"beyond the end", part(16, Frame(3), 0), part(24, Frame(8), kMore)},
           {"a second end", part(16, Frame(3), 0), part(24, Frame(3), 0)},
           {"an end before what came", part(32, Frame(8), kMore), part(16, Frame(3), 0)},
       }) {
    EXPECT_TRUE(is_kept(row.before)) << row.what;
    EXPECT_EQ(refusal(row.offending), Drop::fragment_overlap) << row.what;
    EXPECT_EQ(set_.datagrams(), 0u) << row.what;
    EXPECT_EQ(set_.bytes(), 0u) << row.what;
  }
}

TEST_F(FragmentSetTest, ImplausibleFragmentsAreRefused) {
  EXPECT_EQ(refusal(part(0, Frame(12), kMore)), Drop::malformed) << "not a multiple of 8";
  EXPECT_EQ(refusal(part(0, {}, kMore)), Drop::malformed);
  EXPECT_EQ(refusal(part(8, {}, 0)), Drop::malformed);
  EXPECT_EQ(refusal(part(65'528, Frame(8), 0)), Drop::malformed);
  EXPECT_EQ(refusal(part(65'512, Frame(4), 0)), Drop::malformed) << "with its header, 65 536";
  EXPECT_TRUE(is_kept(part(65'512, Frame(3), 0)));
  EXPECT_EQ(set_.datagrams(), 1u);
}

TEST_F(FragmentSetTest, ALongerFirstHeaderCannotMakeThePacketTooLong) {
  EXPECT_TRUE(is_kept(part(32'000, Frame(33'515), 0)));
  const IpFields with_options{.options = {1, 1, 1, 1}};
  EXPECT_EQ(refusal(part(0, Frame(32'000), kMore, with_options)), Drop::malformed);
  EXPECT_EQ(set_.bytes(), 0u);
}

TEST_F(FragmentSetTest, TheLongestPacketIsPutTogether) {
  EXPECT_TRUE(is_kept(part(0, Frame(32'000), kMore)));
  EXPECT_EQ(add(part(32'000, Frame(33'515), 0))->size(), 14 + 65'535u);
}

TEST_F(FragmentSetTest, OnlySixtyFourDatagramsWaitAndTheOldestMakesRoom) {
  for (uint16_t id = 0; id < 65; ++id) EXPECT_TRUE(is_kept(part(0, Frame(8), kMore, {.id = id})));
  EXPECT_EQ(set_.datagrams(), FragmentSet::kMaxDatagrams);
  EXPECT_EQ(drops_.of(Drop::fragment_limit), 1u);
  EXPECT_TRUE(is_kept(part(8, Frame(8), 0, {.id = 0}))) << "the oldest is gone, so its end begins anew";
  EXPECT_FALSE(add(part(8, Frame(8), 0, {.id = 64}))->empty());
}

TEST_F(FragmentSetTest, OnlyAMegabyteIsHeld) {
  for (uint16_t id = 0; id < 40; ++id) EXPECT_TRUE(is_kept(part(60'000, Frame(8), kMore, {.id = id})));
  EXPECT_LE(set_.bytes(), FragmentSet::kMaxBytes);
  EXPECT_GE(set_.bytes(), FragmentSet::kMaxBytes - 65'536);
  EXPECT_EQ(drops_.of(Drop::fragment_limit), 40 - set_.datagrams());
  EXPECT_TRUE(is_kept(part(0, Frame(8), kMore, {.id = 39}))) << "the newest is there";
  EXPECT_EQ(refusal(part(0, Frame(8), kMore, {.id = 39})), Drop::fragment_overlap);
}

TEST_F(FragmentSetTest, AnOldDatagramThatGrowsIsNotItsOwnVictim) {
  EXPECT_TRUE(is_kept(part(8, Frame(8), kMore, {.id = 999})));
  for (uint16_t id = 0; id < 15; ++id) EXPECT_TRUE(is_kept(part(60'000, Frame(8), kMore, {.id = id})));
  EXPECT_TRUE(is_kept(part(8'000, Frame(8), kMore, {.id = 15})));
  EXPECT_EQ(drops_.total(), 0u);
  EXPECT_TRUE(is_kept(part(60'000, Frame(8), kMore, {.id = 999})));
  EXPECT_EQ(drops_.of(Drop::fragment_limit), 1u);
  EXPECT_EQ(refusal(part(8, Frame(8), kMore, {.id = 999})), Drop::fragment_overlap) << "still there";
}

TEST_F(FragmentSetTest, ADatagramWaitsThirtySecondsFromItsFirstFragment) {
  EXPECT_TRUE(is_kept(part(0, Frame(8), kMore)));
  now_ += std::chrono::seconds(29);
  EXPECT_TRUE(is_kept(part(8, Frame(8), kMore)));
  set_.expire(now_);
  EXPECT_EQ(set_.datagrams(), 1u);
  now_ += std::chrono::seconds(1);
  set_.expire(now_);
  EXPECT_EQ(set_.datagrams(), 0u);
  EXPECT_EQ(set_.bytes(), 0u);
  EXPECT_EQ(drops_.of(Drop::fragment_timeout), 1u);
}

TEST_F(FragmentSetTest, AnyFragmentSendsTheTimedOutAway) {
  EXPECT_TRUE(is_kept(part(0, Frame(8), kMore, {.id = 1})));
  now_ += std::chrono::seconds(30);
  EXPECT_TRUE(is_kept(part(0, Frame(8), kMore, {.id = 2})));
  EXPECT_EQ(set_.datagrams(), 1u);
}

}  // namespace
}  // namespace postern::relay
