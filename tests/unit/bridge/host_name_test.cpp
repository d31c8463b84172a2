#include "postern/bridge/host_name.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::bridge {
namespace {

TEST(HostName, IsOneOrMoreLabels) {
  for (const char* name : {"web", "a", "0", "9to5", "web-1", "WEB", "db.example.com", "1.2.3.4.example", "a.1", "x--y"}) {
    EXPECT_TRUE(is_host_name(name)) << name;
  }
}

TEST(HostName, IsNothingThatAFileOfNamesCouldMisread) {
  for (const char* name :
       {"",  ".",   ".web", "web.", "a..b",     "-web", "web-", "a.-b", "web_1",         "a b", "a\tb", "a\nb", "a#b",
        "#", "a/b", "*",    "a*",   "10.0.0.1", "1.2",  "::1",  "a:b",  "m\xc3\xbcller", "a,b", "a\"b", "a\\b"}) {
    EXPECT_FALSE(is_host_name(name)) << name;
  }
  EXPECT_FALSE(is_host_name(std::string_view("a\0b", 3)));
}

TEST(HostName, HasLimits) {
  const std::string label(63, 'a');
  EXPECT_TRUE(is_host_name(label));
  EXPECT_FALSE(is_host_name(label + "a"));
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'a');
  ASSERT_EQ(longest.size(), 253U);
  EXPECT_TRUE(is_host_name(longest));
  EXPECT_FALSE(is_host_name(longest + "a"));
}

}  // namespace
}  // namespace postern::bridge
