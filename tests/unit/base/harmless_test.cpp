#include "postern/base/harmless.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(Harmless, PlainTextAndUtf8StayAsTheyAre) {
  EXPECT_EQ(harmless(""), "");
  EXPECT_EQ(harmless("eth0 \\ ~"), "eth0 \\ ~");
  EXPECT_EQ(harmless("brücke-日本-\U0001F600"), "brücke-日本-\U0001F600");
}

TEST(Harmless, ControlCharactersAreWrittenOut) {
  EXPECT_EQ(harmless("\033[2Jx"), "\\x1b[2Jx");
  EXPECT_EQ(harmless("a\nb\tc\r\x7f"), "a\\x0ab\\x09c\\x0d\\x7f");
  EXPECT_EQ(harmless(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(harmless("\xc2\x9b"
                     "31m"),
            "\\xc2\\x9b31m");  // CSI as one character
}

TEST(Harmless, LinesStayLines) {
  EXPECT_EQ(harmless_lines("a\tb\n\n\033c\n"), "a\\x09b\n\n\\x1bc\n");
  EXPECT_EQ(harmless_lines("a"), "a");
}

TEST(Harmless, WhatTurnsTheDirectionIsWrittenOut) { EXPECT_EQ(harmless("a\u202eb"), "a\\xe2\\x80\\xaeb"); }

TEST(Harmless, WhatIsNotUtf8IsWrittenOut) {
  EXPECT_EQ(harmless("\x9b"), "\\x9b");
  EXPECT_EQ(harmless("\xc3"), "\\xc3");                             // cut short
  EXPECT_EQ(harmless("\xc0\xaf"), "\\xc0\\xaf");                    // longer than it need be
  EXPECT_EQ(harmless("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");           // likewise
  EXPECT_EQ(harmless("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(harmless("\xf5\x80\x80\x80"), "\\xf5\\x80\\x80\\x80");  // beyond the last
}

}  // namespace
}  // namespace postern
