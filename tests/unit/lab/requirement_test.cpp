#include "requirement.h"

#include <gmock/gmock.h>

namespace postern::lab {
namespace {

using Kind = Ruling::Kind;

const std::vector<AbsentFeature> kList = {{"netem", "true", "no delay"}};

Evidence evidence(Strictness strictness, bool proved) {
  return {strictness, kList, [proved](const AbsentFeature&) { return proved; }};
}

TEST(AbsentFeatures, ParseAFeatureItsProbeAndItsReason) {
  const auto list = parse_absent_features("# comment\n\n  netem: ! tc qdisc add x:y # no delay on a link\n");
  ASSERT_TRUE(list) << list.error().message();
  ASSERT_EQ(list->size(), 1U);
  EXPECT_EQ(list->front().name, "netem");
  EXPECT_EQ(list->front().probe, "! tc qdisc add x:y");
  EXPECT_EQ(list->front().why, "no delay on a link");
}

TEST(AbsentFeatures, RefuseALineWithoutProbeOrReason) {
  for (const char* bad : {"netem", "netem: true", "netem # why", "# x\nnetem true # why: not"}) {
    EXPECT_FALSE(parse_absent_features(bad)) << bad;
  }
}

TEST(AbsentFeatures, OfThisCheckoutAreWellFormed) {
  const auto list = absent_features();
  EXPECT_TRUE(list) << list.error().message();
}

TEST(FeatureRuling, GoesOnWithWhatIsNotListed) {
  EXPECT_EQ(rule_on_feature("veth", evidence(Strictness::require_all, true)).kind, Kind::go_on);
}

TEST(FeatureRuling, SkipsWhatIsProvedAbsentEvenWhenAllIsRequired) {
  EXPECT_EQ(rule_on_feature("netem", evidence(Strictness::usual, true)).kind, Kind::skip);
  EXPECT_EQ(rule_on_feature("netem", evidence(Strictness::require_all, true)).kind, Kind::skip);
}

TEST(FeatureRuling, FailsOnAStaleListWhenAllIsRequiredAndTestsElse) {
  EXPECT_EQ(rule_on_feature("netem", evidence(Strictness::require_all, false)).kind, Kind::fail);
  EXPECT_EQ(rule_on_feature("netem", evidence(Strictness::usual, false)).kind, Kind::go_on);
}

TEST(MissRuling, SkipsByNameUsually) {
  const Ruling ruling = rule_on_miss("tun", "EACCES", evidence(Strictness::usual, false));
  EXPECT_EQ(ruling.kind, Kind::skip);
  EXPECT_EQ(ruling.reason, "tun is missing: EACCES");
}

TEST(MissRuling, FailsWhenAllIsRequiredUnlessProved) {
  EXPECT_EQ(rule_on_miss("tun", "", evidence(Strictness::require_all, true)).kind, Kind::fail);
  EXPECT_EQ(rule_on_miss("netem", "", evidence(Strictness::require_all, false)).kind, Kind::fail);
  EXPECT_EQ(rule_on_miss("netem", "", evidence(Strictness::require_all, true)).kind, Kind::skip);
}

}  // namespace
}  // namespace postern::lab
