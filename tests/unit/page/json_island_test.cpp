#include "json_island.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace postern::page {
namespace {

using testing::AnyOf;
using testing::Contains;
using testing::Not;

constexpr std::string_view kHostile =
    "</script><!--<script><img src=x onerror=alert(1)>&\"'\\\n\t\x01\x7f\xe2\x80\xa8\xe2\x80\xa9";

std::string one_field(std::string_view text) {
  JsonIsland json;
  json.begin('{');
  json.field("name", text);
  json.end('}');
  return json.take();
}

TEST(JsonIsland, HasNoByteThatIsHtmls) {
  EXPECT_THAT(one_field(kHostile), Not(Contains(AnyOf('<', '>', '&', '\n', '\x01'))));
  EXPECT_EQ(one_field(kHostile).find("\xe2\x80"), std::string::npos);
}

TEST(JsonIsland, MeansWhatWasWritten) { EXPECT_EQ(nlohmann::json::parse(one_field(kHostile))["name"], kHostile); }

TEST(JsonIsland, PutsCommasBetweenFieldsAndItems) {
  JsonIsland json;
  json.begin('{');
  json.begin("empty", '[');
  json.end(']');
  json.field("number", uint64_t{18446744073709551615U});
  json.begin("list", '[');
  json.item("a");
  json.begin('{');
  json.flag("set");
  json.known("unknown", "");
  json.end('}');
  json.item("b");
  json.end(']');
  json.field("last", -1);
  json.end('}');
  EXPECT_EQ(json.take(), R"({"empty":[],"number":18446744073709551615,"list":["a",{"set":true},"b"],"last":-1})");
}

TEST(JsonIsland, FitsJsonOfOthersWithoutChangingWhatItMeans) {
  const std::string json = nlohmann::json({{"name", kHostile}}).dump();
  EXPECT_THAT(fit_for_island(json), Not(Contains(AnyOf('<', '>', '&'))));
  EXPECT_EQ(nlohmann::json::parse(fit_for_island(json)), nlohmann::json::parse(json));
}

// The table of RFC 3629, at its borders.
TEST(ValidUtf8, KeepsEveryCharacter) {
  for (const std::string_view text : {"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                                      "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(valid_utf8(text), text);
  }
}

TEST(ValidUtf8, ReplacesBytesThatAreNoCharacters) {
  const std::string mark(kReplacement);
  EXPECT_EQ(valid_utf8("a\xff"), "a" + mark);
  EXPECT_EQ(valid_utf8("\xc3(b"), mark + "(b");                          // cut short by another
  EXPECT_EQ(valid_utf8("\xe2\x82"), mark + mark);                        // cut short by the end
  EXPECT_EQ(valid_utf8("\xc0\xaf"), mark + mark);                        // a longer form of /
  EXPECT_EQ(valid_utf8("\xe0\x9f\xbf"), mark + mark + mark);             // too long
  EXPECT_EQ(valid_utf8("\xed\xa0\x80"), mark + mark + mark);             // a surrogate
  EXPECT_EQ(valid_utf8("\xf4\x90\x80\x80"), mark + mark + mark + mark);  // beyond the last
}

}  // namespace
}  // namespace postern::page
