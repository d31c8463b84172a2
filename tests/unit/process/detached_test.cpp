#include "postern/process/detached.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "postern/base/clock.h"
#include "postern/base/file.h"
#include "postern/base/unique_fd.h"
#include "postern/process/child.h"

namespace postern::process {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr auto kLimit = 20s;  // reached only when something is wrong
const char* const kReadyThenSleep = "echo hello >&3; exec 3>&-; exec sleep 1000";

class StartDetached : public testing::Test {
 protected:
  ~StartDetached() override {
    for (const ProcessIdentity& process : started_) EXPECT_TRUE(end_process(process, kLimit));
  }

  Result<Detached> start(const std::string& script, Duration patience = kLimit) {
    Result<Detached> detached = start_detached({"sh", "-c", script}, patience);
    if (detached) started_.push_back(detached->identity);
    return detached;
  }

 private:
  std::vector<ProcessIdentity> started_;
};

std::string status_of(pid_t pid) { return read_file("/proc/" + std::to_string(pid) + "/status").value_or(""); }

TEST_F(StartDetached, TellsWhatItSaidAndWhoItIs) {
  const auto detached = start(kReadyThenSleep);
  ASSERT_TRUE(detached) << detached.error().message();
  EXPECT_EQ(detached->said, "hello\n");
  EXPECT_TRUE(is_running(detached->identity));
  EXPECT_EQ(identity_of_process(detached->identity.pid), detached->identity);
}

TEST_F(StartDetached, IsNoChildOfOursAndLeadsNoSession) {
  const auto detached = start(kReadyThenSleep);
  ASSERT_TRUE(detached);
  EXPECT_THAT(status_of(detached->identity.pid), Not(HasSubstr("PPid:\t" + std::to_string(::getpid()) + "\n")));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
  EXPECT_EQ(errno, ECHILD);
  EXPECT_NE(::getsid(detached->identity.pid), ::getsid(0));
  EXPECT_NE(::getsid(detached->identity.pid), detached->identity.pid);
}

TEST_F(StartDetached, HasNothingOfWhatWeHadOpen) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);  // NOLINT(android-cloexec-pipe): inherited by whoever does not take care
  const UniqueFd reading(ends[0]), high(::fcntl(ends[1], F_DUPFD, 900));
  UniqueFd writing(ends[1]);
  const auto detached = start("pwd >&3; exec 3>&-; exec sleep 1000");
  ASSERT_TRUE(detached);
  EXPECT_EQ(detached->said, "/\n");
  const std::string folder = "/proc/" + std::to_string(detached->identity.pid);
  const auto becomes_true = [](const auto& condition) {
    const auto end = Clock::now() + kLimit;
    while (!condition() && Clock::now() < end) ::usleep(1000);
    return condition();
  };
  EXPECT_TRUE(
      becomes_true([&] { return read_file(folder + "/comm").value_or("") == "sleep\n"; }));  // a shell has some of its own
  const auto descriptors = [&] { return std::distance(std::filesystem::directory_iterator(folder + "/fd"), {}); };
  EXPECT_TRUE(becomes_true([&] { return descriptors() == 3; })) << descriptors();  // the dynamic linker has had libraries open
  for (const char* stream : {"0", "1", "2"}) EXPECT_EQ(read_link(folder + "/fd/" + stream), "/dev/null") << stream;
}

TEST_F(StartDetached, WorksWithTheLowDescriptorsClosed) {
  auto child = Child::fork(0, [&] {
    for (int fd = 0; fd < 10; ++fd) UniqueFd(fd).reset();
    const auto detached = start_detached({"sh", "-c", "readlink /proc/$$/fd/0 >&3; exec 3>&-; exec sleep 1000"}, kLimit);
    if (!detached || detached->said != "/dev/null\n") return 1;
    return end_process(detached->identity, kLimit) ? 0 : 2;
  });
  EXPECT_EQ(child->wait()->as_shell(), 0);
}

TEST_F(StartDetached, WhoReadsOurOutputToTheEndDoesNotWaitForIt) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  UniqueFd reading(ends[0]), writing(ends[1]);
  auto child = Child::fork(0, [&] {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(writing.get(), stream);
    const auto detached = start_detached({"sh", "-c", kReadyThenSleep}, kLimit);
    return detached && ::write(STDOUT_FILENO, &detached->identity, sizeof detached->identity) > 0 ? 0 : 1;
  });
  writing.reset();
  EXPECT_EQ(child->wait()->as_shell(), 0);
  ProcessIdentity process;
  ASSERT_EQ(::read(reading.get(), &process, sizeof process), static_cast<ssize_t>(sizeof process));
  pollfd end{reading.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&end, 1, 0), 1) << "somebody holds the pipe";
  EXPECT_TRUE(is_running(process)) << "it outlives who started it";
  EXPECT_TRUE(end_process(process, kLimit));
}

TEST_F(StartDetached, NoSignalIsBlockedOrIgnored) {
  auto child = Child::fork(0, [&] {
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);
    const auto detached = start_detached({"sh", "-c", kReadyThenSleep}, kLimit);
    if (!detached) return 1;
    const std::string status = status_of(detached->identity.pid);
    const bool plain =
        status.find("SigBlk:\t0000000000000000") != status.npos && status.find("SigIgn:\t0000000000000000") != status.npos;
    return end_process(detached->identity, kLimit) && plain ? 0 : 2;
  });
  EXPECT_EQ(child->wait()->as_shell(), 0);
}

TEST_F(StartDetached, OneThatEndsFirstIsAFailureWithItsLastWords) {
  for (int turn = 0; turn < 50; ++turn) {  // the end of its descriptors and its own are not the same moment
    const auto detached = start("echo no luck >&3; exit 1");
    ASSERT_FALSE(detached);
    EXPECT_THAT(detached.error().message(), AllOf(HasSubstr("ended before it was ready"), HasSubstr("no luck")));
  }
}

TEST_F(StartDetached, AClosedDescriptorIsNotAWord) {
  const auto detached = start("exec 3>&-; exec sleep 1000");
  ASSERT_FALSE(detached);
  EXPECT_THAT(detached.error().message(), HasSubstr("without a word"));
}

TEST_F(StartDetached, OneThatIsNotReadyInTimeIsKilled) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const std::string path = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(ends[1]);
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  // It holds our pipe open for as long as it lives; it starts while we wait, so only its end can let us read an end.
  const auto detached = start("exec 5>" + path + "; echo $$ >&5; trap '' TERM; while :; do read line </dev/zero; done", 300ms);
  ASSERT_FALSE(detached);
  EXPECT_TRUE(detached.error().is(std::errc::timed_out));
  writing.reset();
  std::array<char, 64> text{};
  ASSERT_GT(::read(reading.get(), text.data(), text.size()), 0) << "it has not even started";
  pollfd end{reading.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&end, 1, 5000), 1) << "it lives";
}

TEST_F(StartDetached, AProgramThatIsMissingIsTheCallsOwnFailure) {
  const auto detached = start_detached({"no-such-program-anywhere"}, kLimit);
  ASSERT_FALSE(detached);
  EXPECT_TRUE(detached.error().is(std::errc::no_such_file_or_directory)) << detached.error().message();
}

TEST(ProcessIdentity, OfNoProcessIsESRCH) {
  EXPECT_TRUE(identity_of_process(0).error().is(std::errc::no_such_process));
  EXPECT_TRUE(identity_of_process(-1).error().is(std::errc::no_such_process));
  EXPECT_TRUE(identity_of_process(1 << 30).error().is(std::errc::no_such_process));
}

TEST(ProcessIdentity, ANameThatLooksLikeFieldsDoesNotDeceive) {
  const auto before = identity_of_process(::getpid());
  std::array<char, 16> name{};
  ::prctl(PR_GET_NAME, name.data());
  ::prctl(PR_SET_NAME, "x) R 1 2 3 4");
  EXPECT_EQ(identity_of_process(::getpid()), before);
  ::prctl(PR_SET_NAME, name.data());
}

TEST(ProcessIdentity, AZombieDoesNotRun) {
  auto child = Child::fork(0, [] { return 0; });
  const auto identity = identity_of_process(child->pid());
  ASSERT_TRUE(identity);
  pollfd ended{child->pidfd(), POLLIN, 0};
  ASSERT_EQ(::poll(&ended, 1, 20000), 1);
  EXPECT_FALSE(is_running(*identity));
  EXPECT_TRUE(signal_process(*identity, SIGTERM).error().is(std::errc::no_such_process));
  EXPECT_TRUE(end_process(*identity, kLimit));
}

TEST(ProcessIdentity, AnotherOfThatNumberIsLeftAlone) {
  auto child = Child::fork(0, [] {
    ::pause();
    return 0;
  });
  auto other = identity_of_process(child->pid());
  ASSERT_TRUE(other);
  ProcessIdentity former = *other;
  --former.start_time;
  EXPECT_FALSE(is_running(former));
  EXPECT_TRUE(signal_process(former, SIGKILL).error().is(std::errc::no_such_process));
  EXPECT_TRUE(end_process(former, Duration::zero()));
  EXPECT_TRUE(is_running(*other));
}

TEST(EndProcess, KillsOneThatDoesNotMindSigterm) {
  const auto detached =
      start_detached({"sh", "-c", "trap '' TERM; echo hello >&3; exec 3>&-; while :; do read line </dev/zero; done"}, kLimit);
  ASSERT_TRUE(detached);
  EXPECT_TRUE(end_process(detached->identity, 20ms));
  EXPECT_FALSE(is_running(detached->identity));
}

TEST(EndProcess, LetsOneThatMindsSigtermEndByItself) {
  auto child = Child::fork(0, [] {
    ::signal(SIGTERM, [](int) { ::_exit(9); });
    for (;;) ::pause();
    return 0;
  });
  const auto identity = identity_of_process(child->pid());
  // proc_pid_status(5), a bit a signal: set once the child has said what SIGTERM does.
  const auto handles_sigterm = [&] {
    const std::string status = status_of(child->pid());
    const size_t caught = status.find("SigCgt:\t");
    return caught != status.npos && (std::stoull(status.substr(caught + 8, 16), nullptr, 16) >> (SIGTERM - 1) & 1) != 0;
  };
  while (!handles_sigterm()) ::usleep(1000);
  EXPECT_TRUE(end_process(*identity, kLimit));
  EXPECT_EQ(child->wait()->as_shell(), 9);
}

}  // namespace
}  // namespace postern::process
