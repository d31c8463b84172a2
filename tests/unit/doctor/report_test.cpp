#include "report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "pretence.h"
#include "sound_host.h"

namespace postern::doctor {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string text_without(std::initializer_list<std::string_view> things) {
  Facts facts = sound_host();
  for (const std::string_view thing : things) spoil(facts, thing);
  return to_text(facts, diagnose(facts));
}

nlohmann::json json_of(const Facts& facts) { return nlohmann::json::parse(to_json(facts, diagnose(facts))); }

TEST(TextReport, SaysForWhomAndOnWhat) { EXPECT_THAT(text_without({}), StartsWith("Linux 6.18.0, user 1000 (ana)\n")); }

TEST(TextReport, AGoodCheckIsOneLine) {
  EXPECT_THAT(text_without({}), HasSubstr("\nok       userns      user namespaces can be made\nok       netns "));
  EXPECT_THAT(text_without({}), EndsWith("\npostern run works here\n"));
}

TEST(TextReport, AProblemHasTwoLinesMore) {
  EXPECT_THAT(text_without({"tun"}), HasSubstr("\nmissing  tun         /dev/net/tun does not exist\n"
                                               "           breaks: run and attach cannot make the TAP that connects a namespace\n"
                                               "           remedy: sudo modprobe tun\n"));
}

TEST(TextReport, ConcludesWhetherRunWorks) {
  EXPECT_THAT(text_without({"tun", "pidfd"}), EndsWith("\npostern run cannot work here: tun, pidfd missing\n"));
  EXPECT_THAT(text_without({"subid"}), EndsWith("\npostern run works here, within 1 limit\n"));
  EXPECT_THAT(text_without({"subid", "proc"}), EndsWith("\npostern run works here, within 2 limits\n"));
}

TEST(TextReport, TellsHowToKeepASysctlOnlyWhereOneIsToBeSet) {
  EXPECT_THAT(text_without({"ping"}), HasSubstr("/etc/sysctl.d/"));
  EXPECT_THAT(text_without({"tun"}), Not(HasSubstr("/etc/sysctl.d/")));
}

TEST(JsonReport, HasItsPromisedShape) {
  Facts facts = sound_host();
  spoil(facts, "tun");
  const nlohmann::json report = json_of(facts);
  EXPECT_EQ(report["version"], 1);
  EXPECT_EQ(report["run_works"], false);
  EXPECT_EQ(report["kernel"], "6.18.0");
  EXPECT_EQ(report["uid"], 1000);
  EXPECT_EQ(report["container"], "none");
  EXPECT_EQ(report["checks"].size(), pretences().size() + 1);
  for (const nlohmann::json& check : report["checks"]) {
    for (const char* key : {"check", "status", "found", "breaks", "remedy"}) EXPECT_TRUE(check[key].is_string()) << check;
    const bool problem = check["status"] == "missing" || check["status"] == "limited";
    EXPECT_EQ(problem, check["breaks"] != "") << check;
  }
}

TEST(JsonReport, SurvivesBytesThatAreNoUtf8) {
  Facts facts = sound_host();
  facts.resolver.servers = {{"\xff\xfe", 0}};
  EXPECT_FALSE(json_of(facts).is_discarded());
}

}  // namespace
}  // namespace postern::doctor
