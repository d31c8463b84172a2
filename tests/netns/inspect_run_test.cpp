// inspect_run_test.cpp - `postern inspect` as people type it: of what `postern run` has made, and where it may not look.
//
//   host (postern here)
//     └─ tap0 10.0.2.100: a command of `postern run`
#include <fmt/format.h>

#include "postern_test.h"

namespace postern::lab {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class InspectRun : public PosternAs {};
FOR_USER_AND_ROOT(InspectRun);

class InspectRefused : public PosternTest {
  bool needs_tun() const override { return false; }
};

/// It is there, and waits; kPidOfSleep finds it.
constexpr const char* kWaits = "postern run -- sh -c 'echo ready; exec sleep 300'";
constexpr const char* kPidOfSleep =
    "for pid in $(pgrep -x sleep); do readlink /proc/$pid/ns/net | grep -qv "
    "\"$(readlink /proc/self/ns/net)\" && echo $pid && break; done";

TEST_P(InspectRun, ShowsTheNamespaceOfARunByAPid) {
  Process running = start_sh(kWaits);
  ASSERT_TRUE(says(running, "ready"));
  const auto found = [&] { return !sh(kPidOfSleep).out.empty(); };
  ASSERT_TRUE(wait_until(found));
  const Outcome shown = sh(fmt::format("postern inspect $({})", kPidOfSleep));
  EXPECT_THAT(shown, Succeeds());
  EXPECT_THAT(shown.out, AllOf(HasSubstr("sleep ("), HasSubstr("10.0.2.100/24"), HasSubstr("via 10.0.2.2"),
                               HasSubstr("Packet filter: no chain at a hook\n")));
}

TEST_P(InspectRun, OfAPosternMeansWhomItServesAsForATrace) {
  Process running = start_sh(kWaits);
  ASSERT_TRUE(says(running, "ready"));
  const std::string postern = sh("pgrep -x postern | head -1").out;
  const Outcome shown = sh("postern inspect " + postern);
  EXPECT_THAT(shown.out, AllOf(HasSubstr("10.0.2.100/24"), HasSubstr("postern " + postern.substr(0, postern.find('\n')))));
}

TEST_P(InspectRun, JsonIsForPrograms) {
  const Outcome shown = sh("postern inspect --json");
  EXPECT_THAT(shown, Succeeds());
  EXPECT_THAT(shown.out, AllOf(HasSubstr("\"version\": 1"), HasSubstr("\"own\": true"), HasSubstr("\"name\": \"lo\"")));
}

TEST_P(InspectRun, AllIsEveryNamespaceAndAPageOfThemIsItsOwnersAlone) {
  Process running = start_sh(kWaits);
  ASSERT_TRUE(says(running, "ready"));
  const Outcome all = sh("postern inspect --all");
  EXPECT_THAT(all, Succeeds());
  EXPECT_THAT(all.out, AllOf(HasSubstr("tap0"), HasSubstr("10.0.2.100")));
  const std::string file = "/run/lab/tmp/host.html";
  EXPECT_THAT(sh(fmt::format("postern inspect --html {}", file)), Succeeds());
  EXPECT_EQ(sh(fmt::format("stat -c %a {}", file)).out, "600\n");
  const std::string page = sh(fmt::format("cat {}", file)).out;
  EXPECT_THAT(page, AllOf(HasSubstr("tap0"), HasSubstr("10.0.2.100"), HasSubstr("</html>")));
  EXPECT_THAT(sh("postern inspect --html -").out, HasSubstr("</html>"));
  EXPECT_THAT(sh(fmt::format("ln -s {0} {0}.link; postern inspect --html {0}.link", file)).err, HasSubstr("no ordinary file"));
  EXPECT_EQ(sh(fmt::format("cat {}", file)).out, page) << "a link is not followed";
}

TEST_F(InspectRefused, AnotherUsersProcessNamesTheWay) {
  const Outcome refused = sh("postern inspect 1");
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, AllOf(IsOneLine(), HasSubstr("CAP_SYS_PTRACE"), HasSubstr("postern run")));
}

TEST_F(InspectRefused, WhatIsNotThereIsOneLine) {
  EXPECT_THAT(sh("postern inspect nobody-is-called-so").err, AllOf(IsOneLine(), HasSubstr("nobody-is-called-so")));
  EXPECT_THAT(sh("postern inspect 2147483647").err, AllOf(IsOneLine(), HasSubstr("there is no process")));
  EXPECT_EQ(sh("postern inspect --all 1").status, 2);
  EXPECT_EQ(sh("postern inspect --html ''").status, 2);
}

}  // namespace
}  // namespace postern::lab
