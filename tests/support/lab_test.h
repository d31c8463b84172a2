// lab_test.h - the fixture of the tests in tests/netns: a lab of its own for each of them.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "lab.h"
#include "process.h"
#include "requirement.h"
#include "servers.h"

namespace postern::lab {

class LabTest : public testing::Test {
 protected:
  void SetUp() override;
  /// What the test's lab is made of; a fixture derived from this one may ask for something else.
  virtual Config config() const { return {}; }
  /// Servers of the remote, there to the end of the test; without their programs the test is skipped.
  virtual std::vector<Server> servers() const { return {}; }

  const Lab& lab() const { return *lab_; }
  const Machine& host() const { return lab_->host(); }
  const Machine& remote() const { return lab_->remote(); }
  /// Ends the lab before the test does.
  void end_lab();

 private:
  std::optional<Lab> lab_;
  std::vector<Process> running_;
};

/// EXPECT_THAT(host().sh("..."), Succeeds()): prints what it wrote where it fails.
MATCHER_P(EndsWithStatus, expected, "ends with status " + testing::PrintToString(expected)) {
  *result_listener << "ended with " << arg.status << "\nout: " << arg.out << "\nerr: " << arg.err;
  return arg.status == expected;
}
inline auto Succeeds() { return EndsWithStatus(0); }
void PrintTo(const Outcome& outcome, std::ostream* os);

}  // namespace postern::lab
