// postern_test.h - the fixtures of tests of whole commands: postern on a lab's host, as its ordinary user or as root.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "lab_test.h"
#include "topology.h"

namespace postern::lab {

/// As the lab's ordinary user.
class PosternTest : public LabTest {
 protected:
  void SetUp() override {
    LabTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (!needs_tun()) return;
    LAB_SKIP_UNLESS(!lab().missing("tun"), "tun", *lab().missing("tun"));
  }
  virtual bool needs_tun() const { return true; }
  virtual Role role() const { return Role::user; }
  /// Those of `programs`, separated by spaces, that the lab does not find: one a line.
  std::string not_installed(std::string_view programs) const {
    return sh(fmt::format("for program in {}; do command -v $program >/dev/null || echo $program; done", programs)).out;
  }

  Outcome sh(std::string_view script) const { return host().sh(std::string(script), role()); }
  /// Killed with the object.
  Process start_sh(std::string_view script) const {
    auto started = host().spawn({.argv = {"sh", "-c", std::string(script)}, .role = role()});
    if (!started) ADD_FAILURE() << started.error().message();
    return started ? std::move(*started) : Process({}, 0, {}, {});
  }
  /// Whether the process has written `text` to its standard output; waits for it while the process lives.
  static bool says(Process& process, std::string_view text) {
    const auto said = [&] { return process.out().find(text) != std::string::npos; };
    return wait_until([&] { return said() || !process.running(); }) && said();
  }
};

/// As the one and as the other.
class PosternAs : public PosternTest, public testing::WithParamInterface<Role> {
 protected:
  Role role() const override { return GetParam(); }
};

inline void PrintTo(Role role, std::ostream* os) { *os << (role == Role::user ? "user" : "root"); }
inline std::string name_of_role(const testing::TestParamInfo<Role>& info) { return info.param == Role::user ? "User" : "Root"; }

#define FOR_USER_AND_ROOT(fixture) INSTANTIATE_TEST_SUITE_P(As, fixture, testing::Values(Role::user, Role::root), name_of_role)

/// A complaint a person can act on: one line, and ours.
MATCHER(IsOneLine, "is one line of postern's") {
  return arg.starts_with("postern: ") && std::count(arg.begin(), arg.end(), '\n') == 1 && arg.back() == '\n';
}

}  // namespace postern::lab
