// run_terminal_test.cpp - `postern run` at a terminal: keys, job control, and who has the terminal afterwards.
#include <fmt/format.h>
#include <poll.h>
#include <pty.h>
#include <unistd.h>

#include "postern_test.h"

namespace postern::lab {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr std::string_view kInterrupt = "\x03", kSuspend = "\x1a";

/// A person at a terminal: a pseudo-terminal, and a program of the lab that is the leader of its session.
class Terminal {
 public:
  Terminal(const Machine& machine, Command command) {
    int master = -1, slave = -1;
    if (::openpty(&master, &slave, nullptr, nullptr, nullptr) < 0) return;
    master_ = UniqueFd(master);
    const UniqueFd inside(slave);
    command.argv.insert(command.argv.begin(), {"setsid", "--ctty"});
    command.environment = {"TERM=dumb", "PS1=", "HISTFILE="};
    const int stdio[] = {slave, slave, slave};
    auto started = machine.spawn_on(command, stdio);
    if (started) program_.emplace(std::move(*started));
  }

  void type(std::string_view keys) {
    EXPECT_EQ(::write(master_.get(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  /// Waits for `text`, after what was waited for before. A line that is typed shows too: quote a part of what must not match.
  bool shows(std::string_view text) {
    return program_ && wait_until([&] {
             read_on();
             const size_t found = shown_.find(text, mark_);
             if (found != std::string::npos) mark_ = found + text.size();
             return found != std::string::npos;
           });
  }
  const std::string& shown() const { return shown_; }
  Process& program() { return *program_; }
  void hang_up() { master_.reset(); }

 private:
  void read_on() {
    pollfd readable{master_.get(), POLLIN, 0};
    std::array<char, 4096> bytes;
    while (::poll(&readable, 1, 0) > 0) {
      const ssize_t size = ::read(master_.get(), bytes.data(), bytes.size());
      if (size <= 0) return;  // EIO: nobody is left at the other end
      shown_.append(bytes.data(), static_cast<size_t>(size));
    }
  }

  UniqueFd master_;
  std::optional<Process> program_;
  std::string shown_;
  size_t mark_ = 0;
};

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
