#include "template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::page {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

TEST(Template, FillsEachHoleAndLooksIntoNoFilling) {
  EXPECT_EQ(fill("<{{TITLE}}|{{DATA}}|{{PLAIN}}|{{TITLE}}>", {.title = "{{DATA}}", .plain = "p", .data = "{{PLAIN}}"}),
            "<{{DATA}}|{{PLAIN}}|p|{{DATA}}>");
}

TEST(Template, EscapesTitleAndPlainText) {
  EXPECT_EQ(fill("{{TITLE}}", {.title = "</title>&\"'", .plain = "", .data = ""}), "&lt;/title&gt;&amp;&quot;&#39;");
  EXPECT_EQ(fill("{{PLAIN}}", {.title = "", .plain = "a\n</pre>\x1b[31m\xff", .data = ""}),
            "a\n&lt;/pre&gt;\xef\xbf\xbd[31m\xef\xbf\xbd");
}

class EmbeddedPage : public testing::TestWithParam<std::string_view (*)()> {};

TEST_P(EmbeddedPage, LeavesOnlyTheHolesThatAreFilledLater) {
  const std::string page = fill(GetParam()(), {.title = "t", .plain = "p", .data = "{}"});
  EXPECT_THAT(page, Not(HasSubstr("{{")));
  EXPECT_THAT(page, HasSubstr("<title>t</title>"));
  EXPECT_THAT(page, HasSubstr("id=\"data\">{}</script>"));
}

TEST_P(EmbeddedPage, RefersToNothingOutsideAndAllowsNothingElse) {
  const std::string page(GetParam()());
  EXPECT_THAT(page, HasSubstr("content=\"default-src 'none'; script-src 'sha256-"));
  EXPECT_THAT(page, Not(HasSubstr("unsafe")));
  for (const char* way : {"src=", "href=", "url(", "@import", "fetch(", "innerHTML", "insertAdjacentHTML", "document.write"}) {
    EXPECT_THAT(page, Not(HasSubstr(way)));
  }
}

INSTANTIATE_TEST_SUITE_P(All, EmbeddedPage, testing::Values(&journey_page_template, &host_page_template));

}  // namespace
}  // namespace postern::page
