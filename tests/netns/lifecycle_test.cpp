// lifecycle_test.cpp - how `postern run` ends, whoever dies first, and what it does while nothing happens.
//
//   caller ── postern ── init (pid 1 inside) ── the command ── daemons, double-forked, in sessions of their own
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "postern_test.h"

namespace postern::lab {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using namespace std::chrono_literals;

/// The limit is the promise.
constexpr auto kSoon = 1s;

class Lifecycle : public PosternAs {
 protected:
  pid_t postern() const {
    for (const ProcessSeen& process : lab().processes()) {
      if (process.name == "postern") return process.pid;
    }
    return 0;
  }
  pid_t child_of(pid_t pid) const {
    pid_t child = 0;
    std::ifstream(host().path(fmt::format("/proc/{0}/task/{0}/children", pid))) >> child;
    return child;
  }
};
FOR_USER_AND_ROOT(Lifecycle);

TEST_P(Lifecycle, PassesSignalsOnToTheCommand) {
  Process run = start_sh(R"(exec postern run -- sh -c '
    for name in HUP INT QUIT TERM USR1 USR2 ALRM; do trap "echo SIG$name" $name; done
    trap "exit 3" WINCH; sleep infinity & echo up; while :; do wait; done')");
  ASSERT_TRUE(says(run, "up"));
  const std::pair<int, std::string_view> signals[] = {{SIGHUP, "SIGHUP"},   {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"},
                                                      {SIGTERM, "SIGTERM"}, {SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"},
                                                      {SIGALRM, "SIGALRM"}};
  for (const auto& [number, name] : signals) {
    run.signal(number);
    EXPECT_TRUE(says(run, name)) << name;
  }
  run.signal(SIGWINCH);
  EXPECT_EQ(run.wait(), 3);
}

TEST_P(Lifecycle, EndsAsTheCommandDoesOnASignal) {
  for (const auto& [number, status] : {std::pair{SIGTERM, 143}, {SIGINT, 130}, {SIGHUP, 129}, {SIGUSR1, 138}}) {
    Process run = start_sh("exec postern run -- sh -c 'echo up; exec sleep infinity'");
    ASSERT_TRUE(says(run, "up"));
    run.signal(number);
    EXPECT_EQ(run.wait(), status);
    EXPECT_THAT(run.err(), IsEmpty());
  }
}

// With a read-only /proc/sys the IPv6 address is late, and the command with it: time for a signal.
TEST_P(Lifecycle, EndsOnASignalBeforeTheCommandHasStarted) {
  ASSERT_THAT(host().sh("mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys"), Succeeds());
  Process run = start_sh("exec postern run -- touch $TMPDIR/started");
  ASSERT_TRUE(wait_until([&] { return child_of(run.pid()) != 0; }));
  run.signal(SIGTERM);
  EXPECT_EQ(run.wait(), 143);
  EXPECT_THAT(sh("test -e $TMPDIR/started"), Not(Succeeds()));
}

TEST_P(Lifecycle, LeavesNoDaemonWhenTheCommandExits) {
  const Outcome outcome =
      sh("postern run -- sh -c '(setsid sleep infinity >/dev/null 2>&1 &); (setsid sleep infinity &); exit 4'");
  EXPECT_THAT(outcome, EndsWithStatus(4));
  EXPECT_THAT(lab().processes(), IsEmpty()) << "its end is not reported before";
}

TEST_P(Lifecycle, GoesOnWhenTheCallerDies) {
  Process caller = start_sh("postern run -- sh -c 'echo up; exec sleep infinity'; :");
  ASSERT_TRUE(says(caller, "up"));
  const pid_t run = postern();
  caller.signal(SIGKILL);
  ASSERT_EQ(caller.wait(), 137);
  ASSERT_THAT(host().run({"kill", "-TERM", std::to_string(run)}), Succeeds()) << "it was there to be ended";
  EXPECT_TRUE(wait_until([this] { return lab().processes().empty(); }));
}

TEST_P(Lifecycle, WarnsWhenTheTapIsDeletedAndLetsTheCommandGoOn) {
  Process run = start_sh("exec postern run -- sh -c 'ip link del tap0; echo deleted; exec sleep infinity'");
  ASSERT_TRUE(says(run, "deleted"));
  EXPECT_TRUE(wait_until([&] { return !run.err().empty(); }));
  EXPECT_THAT(run.err(), AllOf(IsOneLine(), HasSubstr("the TAP was deleted")));
  EXPECT_TRUE(run.running());
  run.signal(SIGTERM);
  EXPECT_EQ(run.wait(), 143);
}

/// What a process has cost so far.
struct Cost {
  uint64_t wakeups = 0;
  uint64_t ticks = 0;  // of processor time, 1/100 s
};

Cost cost_of(const Machine& machine, pid_t pid) {
  Cost cost;
  std::ifstream status(machine.path(fmt::format("/proc/{}/status", pid)));
  for (std::string key; status >> key;) {
    if (key == "voluntary_ctxt_switches:") status >> cost.wakeups;
  }
  std::ifstream stat(machine.path(fmt::format("/proc/{}/stat", pid)));
  std::string field;
  for (int number = 1; number < 14; ++number) stat >> field;  // "postern" has no blank in it; 14 and 15 are utime and stime
  uint64_t user = 0, system = 0;
  stat >> user >> system;
  cost.ticks = user + system;
  return cost;
}

class Idle : public PosternTest {};

// Time has to pass here, for nothing is to happen in it.
TEST_F(Idle, CostsNothing) {
  Process run = start_sh("exec postern run -p 8080:80 -- sh -c 'echo up; exec sleep infinity'");
  Process bereft = start_sh("exec postern run -- sh -c 'ip link del tap0; echo up; exec sleep infinity'");
  ASSERT_TRUE(says(run, "up") && says(bereft, "up"));
  ASSERT_TRUE(wait_until([&] { return !bereft.err().empty(); }));
  Process target = start_sh("exec unshare --user --map-root-user --net sh -c 'echo up; exec sleep infinity'");
  ASSERT_TRUE(says(target, "up"));
  Process by_pid = start_sh(fmt::format("exec postern attach -c --ready-fd 1 {} tap0", target.pid()));
  Process by_path = start_sh(fmt::format("exec postern attach --ready-fd 1 /proc/{}/ns/net tap1", target.pid()));
  ASSERT_TRUE(says(by_pid, "1") && says(by_path, "1"));
  const std::pair<const Process*, std::string_view> all[] = {
      {&run, "run"}, {&bereft, "run without its TAP"}, {&by_pid, "attach PID"}, {&by_path, "attach /proc/PID/ns/net"}};
  std::vector<Cost> before;
  for (const auto& [process, name] : all) before.push_back(cost_of(host(), process->pid()));
  std::this_thread::sleep_for(2s);
  for (size_t i = 0; i < before.size(); ++i) {
    const Cost after = cost_of(host(), all[i].first->pid());
    EXPECT_GT(after.wakeups, 0U);
    EXPECT_LE(after.wakeups - before[i].wakeups, 20U)
        << all[i].second << ": the kernel's own multicast reports, a look at a path";
    EXPECT_LE(after.ticks - before[i].ticks, 1U) << all[i].second;
  }
}

enum class Victim { postern, init, command, caller };
void PrintTo(Victim victim, std::ostream* os) { *os << static_cast<int>(victim); }

/// Someone is killed, as nobody can prepare for. The kernel's own accounts tell whether all is gone: around the caller stands a
/// user namespace that may hold one network, one mount and one PID namespace, so a second run works only when the first one's
/// have ended, and with the network namespace its TAP, with the mount namespace its mounts.
class KilledRun : public PosternTest, public testing::WithParamInterface<std::tuple<Victim, Role>> {
 protected:
  Role role() const override { return std::get<Role>(GetParam()); }
  pid_t find(Victim victim) const {
    const auto all = lab().processes();
    const auto postern =
        std::find_if(all.begin(), all.end(), [](const ProcessSeen& process) { return process.name == "postern"; });
    if (postern == all.end()) return 0;
    const auto answer = [this, postern](std::string_view question) {
      pid_t pid = 0;
      std::istringstream(host().sh(fmt::format(fmt::runtime(question), postern->pid)).out) >> pid;
      return pid;
    };
    switch (victim) {
      case Victim::postern: return postern->pid;
      case Victim::init: return answer("pgrep -x postern-init -P {}");
      case Victim::command: return answer("ps -o pid= --ppid $(pgrep -x postern-init -P {}) | head -n1");
      case Victim::caller: return answer("ps -o ppid= -p {}");
    }
    return 0;
  }
  /// Those that a run consists of.
  size_t processes_left() const {
    size_t left = 0;
    for (const ProcessSeen& process : lab().processes()) left += process.name == "sleep" || process.name.starts_with("postern");
    return left;
  }
};

std::string name_of_case(const testing::TestParamInfo<KilledRun::ParamType>& info) {
  const std::string_view victims[] = {"Postern", "Init", "Command", "Caller"};
  return fmt::format("{}As{}", victims[static_cast<size_t>(std::get<Victim>(info.param))],
                     std::get<Role>(info.param) == Role::user ? "User" : "Root");
}

INSTANTIATE_TEST_SUITE_P(Of, KilledRun,
                         testing::Combine(testing::Values(Victim::postern, Victim::init, Victim::command, Victim::caller),
                                          testing::Values(Role::user, Role::root)),
                         name_of_case);

TEST_P(KilledRun, LeavesNothing) {
  const std::string mounts = host().sh("cat /proc/self/mountinfo").out;
  Process around = start_sh(R"(mkfifo $TMPDIR/again; exec unshare --user --map-root-user sh -c '
    for kind in net pid; do echo 1 > /proc/sys/user/max_${kind}_namespaces; done
    echo 2 > /proc/sys/user/max_mnt_namespaces  # one for the command, one for the sandbox
    sh -c "postern run --die-with-parent -p 8080:80 -- sh -c \"(setsid sleep infinity &); sleep infinity & echo up; wait\"; :"
    read line < $TMPDIR/again
    until postern run -- true; do :; done 2>/dev/null
    echo and again')");
  ASSERT_TRUE(says(around, "up")) << around.err();
  ASSERT_TRUE(wait_until([this] { return processes_left() == 5; })) << "postern, its init, its helper and two that sleep";
  const pid_t victim = find(std::get<Victim>(GetParam()));
  ASSERT_GT(victim, 1);
  ASSERT_THAT(host().run({"kill", "-KILL", std::to_string(victim)}), Succeeds());
  EXPECT_TRUE(wait_until([this] { return processes_left() == 0; }, kSoon));
  ASSERT_THAT(sh("echo > $TMPDIR/again"), Succeeds());
  // The last process is gone and with it every reference; the kernel takes a network namespace apart in a work queue of its own,
  // after RCU grace periods that last as long as the machine is busy (2 s seen at a load of 15).
  EXPECT_TRUE(wait_until([&] { return around.out().ends_with("and again\n"); }, 10s)) << around.out() << around.err();
  EXPECT_EQ(host().sh("cat /proc/self/mountinfo").out, mounts);
}

}  // namespace
}  // namespace postern::lab
