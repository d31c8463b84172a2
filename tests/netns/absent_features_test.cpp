// absent_features_test.cpp - tests/absent-here.txt says the truth: what it lists is absent, so its skips are honest.
#include "lab_test.h"

namespace postern::lab {
namespace {

class AbsentFeatures : public LabTest {};

TEST_F(AbsentFeatures, AreProvedByTheirProbes) {
  const auto list = absent_features();
  ASSERT_TRUE(list) << list.error().message();
  std::string present;
  for (const AbsentFeature& feature : *list) {
    const Outcome probe = host().sh(feature.probe);
    if (!probe.ok())
      present += feature.name + ": `" + feature.probe + "` ended with " + std::to_string(probe.status) + "\n" + probe.err;
  }
  if (present.empty()) return;
  // The list is for the kernel of the gate; elsewhere there may be more, and nothing is skipped then.
  ASSERT_EQ(strictness(), Strictness::usual) << present;
  GTEST_SKIP() << "present here:\n" << present;
}

}  // namespace
}  // namespace postern::lab
