#include "postern/netns/id_map.h"

#include <gtest/gtest.h>

namespace postern::netns {
namespace {

TEST(IdMap, TheCallerAloneIsOneLine) { EXPECT_EQ(to_map_file(map_caller(1000, 0)), "0 1000 1\n"); }

TEST(IdMap, AllIdsFollowTheCallerAsRoot) {
  EXPECT_EQ(map_all(1000, 0, {{100000, 65536}}), (IdMap{{0, 1000, 1}, {1, 100000, 65536}}));
}

TEST(IdMap, AKeptIdSplitsTheSubordinateRangeAroundIt) {
  EXPECT_EQ(map_all(1000, 1000, {{100000, 65536}}), (IdMap{{1000, 1000, 1}, {0, 100000, 1000}, {1001, 101000, 64536}}));
}

TEST(IdMap, SeveralSubordinateRangesContinueEachOther) {
  EXPECT_EQ(map_all(7, 0, {{100, 10}, {500, 5}}), (IdMap{{0, 7, 1}, {1, 100, 10}, {11, 500, 5}}));
}

TEST(IdMap, NoSubordinateIdsMeansTheCallerAlone) { EXPECT_EQ(map_all(7, 7, {}), (IdMap{{7, 7, 1}})); }

TEST(IdMap, SubordinateLinesAreFoundByNameOrId) {
  const std::string text = "root:1:1\nana:100000:65536\n1000:300000:10\nbob:200000:65536\n";
  EXPECT_EQ(subordinate_ranges(text, "ana", 1000), (std::vector<SubordinateRange>{{100000, 65536}, {300000, 10}}));
}

TEST(IdMap, IllFormedSubordinateLinesArePassedOver) {
  for (const char* line :
       {"ana", "ana:", "ana:1", "ana:1:", "ana:x:5", "ana:1:5x", "ana:1:0", "ana:4294967295:2", "ana:1:5:6", ":::"}) {
    EXPECT_TRUE(subordinate_ranges(line, "ana", 1000).empty()) << line;
  }
}

TEST(IdMap, OfANamespaceWithinHasEveryIdUnchanged) {
  EXPECT_EQ(map_within({{0, 1000, 1}, {1, 100000, 65536}}), (IdMap{{0, 0, 1}, {1, 1, 65536}}));
}

TEST(IdMap, AsTheKernelShowsItIsRead) {
  EXPECT_EQ(parse_map_file("         0       1000          1\n         1     100000      65536\n"),
            (IdMap{{0, 1000, 1}, {1, 100000, 65536}}));
  EXPECT_EQ(parse_map_file("         0          0 4294967295\n"), (IdMap{{0, 0, 4294967295}}));
  for (const char* line : {"", "\n", "0", "0 1", "0 1 x", "a b c", "-1 0 1"}) EXPECT_TRUE(parse_map_file(line).empty()) << line;
}

}  // namespace
}  // namespace postern::netns
