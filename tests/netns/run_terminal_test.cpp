// run_terminal_test.cpp - `postern run` at a terminal: keys, job control, and who has the terminal afterwards.
#include <fmt/format.h>

#include "postern_test.h"
#include "terminal.h"

namespace postern::lab {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr std::string_view kInterrupt = "\x03", kSuspend = "\x1a";

size_t count(std::string_view text, std::string_view of) {
  size_t found = 0;
  for (size_t at = text.find(of); at != std::string_view::npos; at = text.find(of, at + 1)) ++found;
  return found;
}

class RunTerminal : public PosternAs {
 protected:
  Terminal shell(std::string script) { return {host(), {.argv = {"sh", "-c", std::move(script)}, .role = role()}}; }
  Terminal interactive_shell() { return {host(), {.argv = {"bash", "--norc", "--noprofile", "-i"}, .role = role()}}; }
  /// "T" is stopped, "S" asleep, proc(5).
  std::string states_of(std::string_view name) {
    return host().sh(fmt::format("ps -C {} -o stat= | cut -c1 | tr -d '\\n'", name)).out;
  }
};
FOR_USER_AND_ROOT(RunTerminal);

// postern is stopped while the key is pressed, so a second interrupt could not hide in the first; signals are taken in the order
// of their numbers, so it would come before SIGUSR1.
TEST_P(RunTerminal, GivesAKeyToTheCommandOnce) {
  Terminal terminal = shell(R"(trap : INT; postern run -- sh -c '
    trap "echo inter""rupted" INT; trap "echo user ""signal" USR1; sleep infinity & echo command is up; while :; do wait; done')");
  ASSERT_TRUE(terminal.shows("command is up")) << terminal.shown();
  ASSERT_THAT(host().sh("kill -STOP $(pgrep -x postern)"), Succeeds());
  terminal.type(kInterrupt);
  ASSERT_TRUE(terminal.shows("interrupted")) << terminal.shown();
  ASSERT_THAT(host().sh("kill -USR1 $(pgrep -x postern) && kill -CONT $(pgrep -x postern)"), Succeeds());
  ASSERT_TRUE(terminal.shows("user signal")) << terminal.shown();
  EXPECT_EQ(count(terminal.shown(), "interrupted"), 1U) << terminal.shown();
}

TEST_P(RunTerminal, IsInterruptedAsTheCommandIs) {
  Terminal terminal = interactive_shell();
  terminal.type("postern run -- sh -c 'echo command is \"\"up; exec sleep infinity'\n");
  ASSERT_TRUE(terminal.shows("command is up")) << terminal.shown();
  terminal.type(kInterrupt);
  terminal.type("echo status=$?.\n");
  EXPECT_TRUE(terminal.shows("status=130.")) << terminal.shown();
}

TEST_P(RunTerminal, StopsWithTheCommandAndGoesOn) {
  Terminal terminal = interactive_shell();
  terminal.type("postern run -- sh -c 'echo command is \"\"up; exec sleep infinity'\n");
  ASSERT_TRUE(terminal.shows("command is up")) << terminal.shown();
  ASSERT_TRUE(wait_until([this] { return states_of("sleep") == "S"; }));
  terminal.type(kSuspend);
  ASSERT_TRUE(terminal.shows("Stopped")) << terminal.shown();
  EXPECT_TRUE(wait_until([this] { return states_of("postern") == "T" && states_of("sleep") == "T"; }));
  terminal.type("fg\n");
  EXPECT_TRUE(wait_until([this] { return states_of("postern") == "S" && states_of("sleep") == "S"; }));
  terminal.type(kInterrupt);
  terminal.type("echo status=$?.\n");
  EXPECT_TRUE(terminal.shows("status=130.")) << terminal.shown();
}

TEST_P(RunTerminal, LetsAShellInsideControlItsJobs) {
  Terminal terminal = interactive_shell();
  terminal.type("postern run -- bash --norc --noprofile -i\n");
  terminal.type("echo inside as $$.\n");
  ASSERT_TRUE(terminal.shows("inside as 2.")) << terminal.shown();
  EXPECT_THAT(terminal.shown(), testing::Not(HasSubstr("no job control")));
  terminal.type("sleep infinity\n");
  ASSERT_TRUE(wait_until([this] { return states_of("sleep") == "S"; }));
  terminal.type(kSuspend);
  ASSERT_TRUE(terminal.shows("Stopped")) << terminal.shown();
  terminal.type("fg\n");
  ASSERT_TRUE(wait_until([this] { return states_of("sleep") == "S"; }));
  terminal.type(kInterrupt);
  terminal.type("echo interrupted=$?.; exit 5\n");
  EXPECT_TRUE(terminal.shows("interrupted=130.")) << terminal.shown();
  terminal.type("echo status=$?.\n");
  EXPECT_TRUE(terminal.shows("status=5.")) << terminal.shown();
}

// The shell around postern has no job control, so nobody but postern can take the terminal back from a shell that was killed.
TEST_P(RunTerminal, GivesTheTerminalBack) {
  Terminal terminal = shell("postern run -- bash --norc --noprofile -i; read line; echo status $?, read $line.");
  terminal.type("echo inside as $$.\n");
  ASSERT_TRUE(terminal.shows("inside as 2.")) << terminal.shown();
  terminal.type("kill -KILL $$\n");
  ASSERT_TRUE(wait_until([this] { return host().sh("pgrep -x postern").out.empty(); }));
  terminal.type("my line\n");
  EXPECT_TRUE(terminal.shows("status 0, read my line.")) << terminal.shown();
}

// As under `ssh -t host postern run ...`: the kernel tells the session's leader alone.
TEST_P(RunTerminal, TellsTheCommandThatTheTerminalIsGone) {
  Terminal terminal(host(), {.argv = {"postern", "run", "--", "sh", "-c", "trap 'exit 41' HUP; sleep infinity & echo up; wait"},
                             .role = role()});
  ASSERT_TRUE(terminal.shows("up")) << terminal.shown();
  terminal.hang_up();
  EXPECT_EQ(terminal.program().wait(5s), 41);
}

}  // namespace
}  // namespace postern::lab
