#include "identifiers.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::bridge {
namespace {

TEST(Identifiers, LettersDigitsAndThreeSigns) {
  for (const char* good : {"a", "0", "eth0", "eth0.100", "a-b", "a_b", "A.", "Web-1_2.3", "0-", "fifteen-letters"}) {
    EXPECT_TRUE(is_interface_name(good)) << good;
    EXPECT_TRUE(is_identifier(good)) << good;
  }
}

TEST(Identifiers, NothingThatMeansSomethingElsewhere) {
  for (const char* bad : {"",    ".",   "..",  ".a",  "-a",  "_a",  "a/b",  "/",         "a b",   " a",   "a\n",
                          "a\t", "a\"", "a'b", "a\\", "a;b", "a{b", "a}b",  "a*",        "a@b",   "a:b",  "a%d",
                          "a,b", "a$b", "a#b", "a|b", "a&b", "a`b", "\xc3", "a\xc3\xa9", "a\x7f", "a\x01"}) {
    EXPECT_FALSE(is_interface_name(bad)) << bad;
    EXPECT_FALSE(is_identifier(bad)) << bad;
  }
  EXPECT_FALSE(is_identifier(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_interface_name(std::string_view("a\0b", 3)));
}

TEST(Identifiers, OfALinkAreOfOneLink) {
  for (const char* name : {"all", "default"}) {
    EXPECT_FALSE(is_interface_name(name)) << name;
    EXPECT_TRUE(is_identifier(name)) << name;
  }
  EXPECT_TRUE(is_interface_name("all0"));
}

TEST(Identifiers, HaveLimits) {
  EXPECT_TRUE(is_interface_name(std::string(15, 'a')));
  EXPECT_FALSE(is_interface_name(std::string(16, 'a')));
  EXPECT_TRUE(is_identifier(std::string(128, 'a')));
  EXPECT_FALSE(is_identifier(std::string(129, 'a')));
}

}  // namespace
}  // namespace postern::bridge
