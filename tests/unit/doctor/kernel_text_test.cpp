#include "kernel_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::doctor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kStatus = "Name:\tcat\nCapEff:\t0000000000000400\nNoNewPrivs:\t0\nSeccomp:\t2\nSeccomp_filters:\t1\n";

TEST(KernelText, StatusValuesAreFoundByTheirWholeName) {
  EXPECT_EQ(status_value(kStatus, "Seccomp"), "2");
  EXPECT_EQ(status_value(kStatus, "Seccomp_filters"), "1");
  EXPECT_EQ(status_value(kStatus, "Sec"), "");
  EXPECT_EQ(status_value("", "Seccomp"), "");
}

TEST(KernelText, CapabilitiesAreBitsOfTheEffectiveSet) {
  EXPECT_TRUE(has_capability(kStatus, 10));
  EXPECT_FALSE(has_capability(kStatus, 9));
  EXPECT_FALSE(has_capability("CapEff:\tnonsense\n", 10));
  EXPECT_FALSE(has_capability("", 10));
}

TEST(KernelText, AnIdMapCoversItsRangesOnly) {
  constexpr std::string_view map = "         0       1000          1\n         1     100000      65536\n";
  EXPECT_TRUE(map_covers(map, 0));
  EXPECT_TRUE(map_covers(map, 65536));
  EXPECT_FALSE(map_covers(map, 65537));
  EXPECT_TRUE(map_covers("0 0 4294967295\n", 65534));
  EXPECT_FALSE(map_covers("", 0));
  EXPECT_FALSE(map_covers("0\n", 0));
}

TEST(KernelText, IntegersMayHaveBlanksAroundThem) {
  EXPECT_EQ(integer("1024\n"), 1024);
  EXPECT_EQ(integer("-1\n"), -1);
  EXPECT_EQ(integer("0 1"), std::nullopt);
  EXPECT_EQ(integer(""), std::nullopt);
}

}  // namespace
}  // namespace postern::doctor
