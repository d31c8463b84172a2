#include "neighbours.h"

#include <gtest/gtest.h>

namespace postern::relay {
namespace {

constexpr Mac kOne{{2, 0, 0, 0, 0, 1}}, kOther{{2, 0, 0, 0, 0, 2}};
constexpr Ipv4 kGuest = Ipv4::of(10, 0, 2, 100);

TEST(Neighbours, AreKnownByWhatTheySaidLast) {
  Neighbours neighbours;
  EXPECT_FALSE(neighbours.find(kGuest));
  neighbours.note(kGuest, kOne);
  neighbours.note(Ipv6{{0xfd, 9}}, kOther);
  EXPECT_EQ(neighbours.find(kGuest), kOne);
  neighbours.note(kGuest, kOther);
  EXPECT_EQ(neighbours.find(kGuest), kOther);
  EXPECT_EQ(neighbours.find(Ipv6{{0xfd, 9}}), kOther);
}

TEST(Neighbours, OfNoAddressAndOfGroupMacsNothingIsLearned) {
  Neighbours neighbours;
  neighbours.note(Ipv4{}, kOne);
  neighbours.note(Ipv6{}, kOne);
  neighbours.note(kGuest, Mac{});
  neighbours.note(kGuest, Mac{{1, 0, 0, 0, 0, 1}});
  EXPECT_FALSE(neighbours.find(Ipv4{}));
  EXPECT_FALSE(neighbours.find(Ipv6{}));
  EXPECT_FALSE(neighbours.find(kGuest));
}

TEST(Neighbours, TheOldestAreForgotten) {
  Neighbours neighbours;
  for (uint32_t i = 0; i <= Neighbours::kMost; ++i) neighbours.note(Ipv4{kGuest.bits + i}, kOne);
  EXPECT_FALSE(neighbours.find(kGuest));
  EXPECT_TRUE(neighbours.find(Ipv4{kGuest.bits + 1}));
  EXPECT_TRUE(neighbours.find(Ipv4{kGuest.bits + Neighbours::kMost}));
}

}  // namespace
}  // namespace postern::relay
