#include "postern/base/text.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace postern {
namespace {

TEST(WholeNumber, IsAllOfTheText) {
  EXPECT_EQ(whole_number<unsigned>("0"), 0U);
  EXPECT_EQ(whole_number<uint16_t>("65535"), 65535);
  EXPECT_EQ(whole_number<int>("-7"), -7);
  EXPECT_EQ(whole_number<unsigned>("00010000", 16), 0x10000U);
  for (const char* text : {"", " ", " 1", "1 ", "+1", "1x", "x1", "0x1", "1.0", "--1"})
    EXPECT_FALSE(whole_number<int>(text)) << text;
  EXPECT_FALSE(whole_number<int>(std::string_view()));
}

TEST(WholeNumber, FitsItsType) {
  EXPECT_FALSE(whole_number<uint16_t>("65536"));
  EXPECT_FALSE(whole_number<unsigned>("-1"));
  EXPECT_FALSE(whole_number<int64_t>("9223372036854775808"));
}

TEST(WholeNumber, EndsWithTheTextItIsGiven) { EXPECT_EQ(whole_number<int>(std::string_view("123").substr(0, 2)), 12); }

}  // namespace
}  // namespace postern
