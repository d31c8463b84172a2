#include "postern/base/siphash.h"

#include <gtest/gtest.h>

#include <numeric>

namespace postern {
namespace {

TEST(SipHash, GivesTheVectorOfItsPaper) {
  std::array<uint8_t, 15> bytes;
  std::iota(bytes.begin(), bytes.end(), uint8_t{0});
  EXPECT_EQ(siphash({0x0706050403020100, 0x0f0e0d0c0b0a0908}, bytes), 0xa129ca6149be45e5u);
  EXPECT_EQ(siphash({0x0706050403020100, 0x0f0e0d0c0b0a0908}, {}), 0x726fdb47dd0e0e31u);
}

}  // namespace
}  // namespace postern
