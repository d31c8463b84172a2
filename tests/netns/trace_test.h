// trace_test.h - for tests of the sources of the room trace, which watch the namespace that the test itself is in.
#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "postern/base/clock.h"
#include "postern/journey/event.h"
#include "postern/journey/following.h"
#include "postern/loop/event_loop.h"
#include "postern/netns/namespace.h"

#include "own_namespace.h"

namespace postern::trace {

using journey::Following;

/// Who traces: root of the host, or an ordinary user in a user namespace of his own. (Who is no root is the latter anyway.)
enum class Power { host, own };
inline std::string name_of(const testing::TestParamInfo<Power>& info) {
  return info.param == Power::host ? "AsRoot" : "Rootless";
}

inline uint64_t inode_of_network() { return value(netns::identity_of("/proc/thread-self/ns/net")).inode; }

/// A process of the test's that ends with the test, by SIGKILL at the latest.
class Child {
 public:
  /// `prepare` runs in it first; then it only waits. Returns when it has been run.
  explicit Child(const std::function<void()>& prepare) {
    int ready[2];
    EXPECT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      prepare();
      (void)!::write(ready[1], "x", 1);
      for (;;) ::pause();
    }
    ::close(ready[1]);
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1) << "it ended";
    ::close(ready[0]);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { kill(); }

  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

/// Another network namespace, beside the test's own and of the same user namespace.
class Neighbour {
 public:
  Neighbour()
      : child_([] {
          if (::unshare(CLONE_NEWNET) < 0) ::_exit(1);
        }) {
    sh("ip link set lo up");
  }
  std::string pid() const { return std::to_string(child_.pid()); }
  void sh(const std::string& command) const { run("nsenter -n -t " + pid() + " sh -c '" + command + "'"); }

 private:
  Child child_;
};

class TraceTest : public testing::TestWithParam<Power> {
 protected:
  void SetUp() override {
    const bool is_root = GetParam() == Power::host && ::unshare(CLONE_NEWNET) == 0;
    if (!is_root && !enter_own_namespaces()) GTEST_SKIP() << "missing: user namespaces";
    run("ip link set lo up");
    loop = value(loop::EventLoop::create());
  }

  static std::shared_ptr<Following> follow(std::string_view text, Following::Extent extent = Following::Extent::connection) {
    return std::make_shared<Following>(std::get<packet_filter::Filter>(packet_filter::Filter::parse(text)), extent);
  }

  journey::EventSink sink() {
    return [this](journey::Event&& event) { events.push_back(std::move(event)); };
  }

  /// Turns the loop until `condition` holds. Says no after ten seconds.
  bool until(const std::function<bool()>& condition) {
    const TimePoint end = Clock::now() + std::chrono::seconds(10);
    while (!condition()) {
      if (Clock::now() > end) return false;
      (void)loop->turn(std::chrono::milliseconds(100));
    }
    return true;
  }

  std::vector<journey::Event> at(journey::Point point) const {
    std::vector<journey::Event> found;
    for (const journey::Event& event : events)
      if (event.point == point) found.push_back(event);
    return found;
  }

  std::unique_ptr<loop::EventLoop> loop;
  std::vector<journey::Event> events;
};

#define TRACE_AS_ROOT_AND_ROOTLESS(Fixture) \
  INSTANTIATE_TEST_SUITE_P(By, Fixture, testing::Values(Power::host, Power::own), name_of)

}  // namespace postern::trace
