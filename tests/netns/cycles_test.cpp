// cycles_test.cpp - started and ended again and again, by SIGTERM and by SIGKILL, as a service manager does it in the course of
// years. After every end all is as it was before: processes, TAPs, mounts, files, descriptors; SIGKILL alone may leave the
// socket, on which nobody listens and which the next start replaces.
//
// POSTERN_CYCLES says how often: 1000 in `check.sh --all`, fewer where it is not set.
#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "postern_test.h"

namespace postern::lab {
namespace {

using namespace std::chrono_literals;

int cycles() {
  constexpr int kFew = 25;
  const char* wanted = std::getenv("POSTERN_CYCLES");
  return wanted ? std::atoi(wanted) : kFew;
}

/// What an end has to restore, a line each: the processes of the lab, the interfaces of the namespace that is served, the mounts
/// that the host's processes see, the files in /tmp, where the socket stands too.
using Surroundings = std::set<std::string>;

std::string difference(const Surroundings& after, const Surroundings& before) {
  std::string text;
  for (const std::string& line : after) text += before.contains(line) ? "" : "come: " + line + "\n";
  for (const std::string& line : before) text += after.contains(line) ? "" : "gone: " + line + "\n";
  return text;
}

class Cycles : public PosternTest, public testing::WithParamInterface<int> {
 protected:
  void SetUp() override {
    PosternTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_GT(cycles(), 0) << "POSTERN_CYCLES";
  }

  /// A namespace of the user's, in which `before` has been done and nothing happens. It sees the host's mounts.
  Process keep(std::string_view namespaces, std::string_view before = ":") const {
    Process kept = start_sh(
        fmt::format("exec unshare --user --map-root-user {} sh -c '{} && echo kept && exec sleep infinity'", namespaces, before));
    EXPECT_TRUE(says(kept, "kept")) << kept.err();
    return kept;
  }

  Surroundings look(const Process& kept) const {
    Surroundings all;
    for (const ProcessSeen& process : lab().processes()) all.insert(fmt::format("process {}", process.pid));
    for (const std::string& line : lines_of(fmt::format("/proc/{}/net/dev", kept.pid()))) {
      if (const size_t end = line.find(':'); end != line.npos) all.insert("interface " + line.substr(0, end));
    }
    for (const std::string& line : lines_of(fmt::format("/proc/{}/mountinfo", kept.pid()))) all.insert("mount " + line);
    for (const std::string& name : names_in(host().path(kTemporary))) {
      if (GetParam() == SIGTERM || name != kSocket) all.insert("file " + name);
    }
    return all;
  }

  /// `command` says "1" or "up" and goes on. Ended so often, it leaves nothing, at every single time.
  void expect_nothing_left(const Process& kept, const std::string& command) const {
    const Surroundings before = look(kept);
    const size_t descriptors = names_in("/proc/self/fd").size();
    for (int i = 0; i < cycles() && !HasFailure(); ++i) {
      SCOPED_TRACE(fmt::format("cycle {}", i));
      expect_end_without_trace(kept, start_sh(command), before);
      EXPECT_EQ(names_in("/proc/self/fd").size(), descriptors) << "of the test";
    }
  }

  /// The limit is the promise: all is gone when the process is, but for what the kernel does in its own time.
  static constexpr auto kSoon = 2s;
  static constexpr const char* kSocket = "socket";

 private:
  /// As long as `process` lives, what it has started does: with the object goes its whole process group.
  void expect_end_without_trace(const Process& kept, Process process, const Surroundings& before) const {
    EXPECT_TRUE(wait_until([&] { return !process.out().empty() || !process.running(); }));
    EXPECT_TRUE(process.running()) << process.err();
    EXPECT_NE(look(kept), before) << "it cannot be seen, so neither what it leaves";
    process.signal(GetParam());
    EXPECT_EQ(process.wait(), 128 + GetParam()) << process.err();
    Surroundings after;
    EXPECT_TRUE(wait_until([&] { return (after = look(kept)) == before; }, kSoon)) << difference(after, before);
  }

  std::vector<std::string> lines_of(std::string_view path) const {
    std::vector<std::string> lines;
    std::ifstream file(host().path(path));
    for (std::string line; std::getline(file, line);) lines.push_back(std::move(line));
    return lines;
  }
  static std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, error)) {
      names.push_back(entry.path().lexically_relative(folder));
    }
    return names;
  }
};

std::string name_of_signal(const testing::TestParamInfo<int>& info) { return info.param == SIGTERM ? "Term" : "Kill"; }
INSTANTIATE_TEST_SUITE_P(By, Cycles, testing::Values(SIGTERM, SIGKILL), name_of_signal);

TEST_P(Cycles, OfSlirp4netnsLeaveNothing) {
  const Process target = keep("--net");
  expect_nothing_left(target, fmt::format("exec /run/lab/tree/libexec/postern/slirp4netns --configure --enable-sandbox "
                                          "--enable-seccomp --api-socket {}/{} --ready-fd 5 {} tap0 5>&1 >/dev/null",
                                          kTemporary, kSocket, target.pid()));
}

// The TAP is in a namespace of its own: when that has gone, it has. The kernel keeps account of them in the user namespace
// around, where in the end there is room for one run and no more.
TEST_P(Cycles, OfRunLeaveNothing) {
  const Process around = keep("");
  const std::string enter = fmt::format("exec nsenter -t {} --user --preserve-credentials", around.pid());
  expect_nothing_left(around, fmt::format("{} postern run --api-socket {}/{} -- sh -c 'echo up; exec sleep infinity'", enter,
                                          kTemporary, kSocket));
  ASSERT_THAT(sh(enter + " sh -c 'cd /proc/sys/user && echo 1 | tee max_net_namespaces > max_pid_namespaces && echo 2 > "
                         "max_mnt_namespaces'"),
              Succeeds())
      << "one mount namespace for the command, one for the sandbox";
  EXPECT_TRUE(wait_until([&] { return sh(enter + " postern run -- true").ok(); }, 20s));
}

}  // namespace
}  // namespace postern::lab
