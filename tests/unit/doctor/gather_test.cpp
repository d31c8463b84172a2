// gather_test.cpp - the examination of whatever host the tests run on: it may be poor, so only what holds everywhere is asked.
#include "gather.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "diagnosis.h"

namespace postern::doctor {
namespace {

TEST(Gather, SeesWhoAsksAndLeavesThemWhereTheyWere) {
  const uid_t uid = ::geteuid();
  const Facts facts = gather();
  EXPECT_EQ(facts.caller.uid, uid);
  EXPECT_EQ(::geteuid(), uid);
  EXPECT_NE(facts.kernel, "");
  EXPECT_NE(facts.trial.all, kUntried);
}

TEST(Gather, HearsFromTheTrialWhateverItsEnd) {
  const NamespaceTrial trial = gather().trial;
  if (trial.all != 0) GTEST_SKIP() << "no namespaces here (userns)";
  EXPECT_FALSE(trial.died);
  EXPECT_EQ(trial.id_maps != 0, trial.private_mounts == kUntried);
}

TEST(Gather, SpoilsWhatIsPretendedMissing) {
  ::setenv("POSTERN_PRETEND_MISSING", "userns,tun", 1);
  const Facts facts = gather();
  ::unsetenv("POSTERN_PRETEND_MISSING");
  EXPECT_EQ(facts.trial.user, EPERM);
  EXPECT_EQ(facts.tun.stat, ENOENT);
  EXPECT_FALSE(run_works(diagnose(facts)));
}

}  // namespace
}  // namespace postern::doctor
