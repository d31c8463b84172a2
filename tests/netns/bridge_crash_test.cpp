// bridge_crash_test.cpp - killed wherever it may be, started fifty times at once, and its rules taken away by somebody else: what
// remains is what a clean run leaves, to the letter (kSnapshot of bridge_test.h).
//
// POSTERN_KILLS says how often: 200 in `check.sh --all`, fewer where it is not set; POSTERN_SEED gives the moments of a run
// again.
#include <algorithm>
#include <cstdlib>
#include <random>
#include <thread>

#include "bridge_test.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using namespace std::chrono_literals;
using Duration = std::chrono::steady_clock::duration;

int number_from(const char* variable, int otherwise) {
  const char* wanted = std::getenv(variable);
  return wanted ? std::atoi(wanted) : otherwise;
}

/// Commands that lead from one state to another and back. PID stands for that of the container that has no network.
struct Way {
  std::string name, there, back;
};
void PrintTo(const Way& way, std::ostream* os) { *os << way.name; }

/// One direction of a way: how long it takes, and what is to be seen before and after.
struct Step {
  std::string words;
  Duration takes{};
  std::string before, after;
};

class BridgeKilled : public BridgeTest, public testing::WithParamInterface<Way> {
 protected:
  void SetUp() override {
    BridgeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    // Somebody who is always there, so that a wrong step has somebody to hurt.
    up(kBlue);
    neighbour_ = container_on("blue", at(50, 9) + " --mac 02:00:00:00:00:09 -p 9000:80 --hostname neighbour");
    victim_ = container();
    ASSERT_TRUE(neighbour_ && victim_);
    serve(*neighbour_, Server::http);
  }

  /// Runs it cleanly to learn how long it takes and what is to be seen.
  Step learn(std::string words) const {
    if (const size_t pid = words.find("PID"); pid != words.npos) words.replace(pid, 3, victim().pid_text());
    Step step;
    step.words = words;
    step.before = everything();
    const auto start = std::chrono::steady_clock::now();
    EXPECT_THAT(bridge(words), Succeeds());
    step.takes = std::chrono::steady_clock::now() - start;
    step.after = everything();
    return step;
  }

  /// Starts it, kills it at `moment`, mends, and looks. True: where it leads to; false: where it started.
  bool kill_at(const Step& step, Duration moment) const {
    auto running = host().spawn({.argv = {"sh", "-c", "exec postern bridge " + step.words}});
    EXPECT_TRUE(running);
    if (!running) return false;
    std::this_thread::sleep_for(moment);  // what is tested is the moment itself
    running->signal(SIGKILL);
    EXPECT_TRUE(running->wait());
    const Outcome mended = bridge("gc");
    EXPECT_THAT(mended, Succeeds());
    const std::string seen = everything();
    if (seen != step.before) {
      EXPECT_EQ(seen, step.after) << mended.out;
    }
    EXPECT_THAT(bridge("check"), Succeeds());
    return seen == step.after;
  }

  /// The host, what runs on it, and the container's own side.
  std::string everything() const {
    std::string text = snapshot() + victim_
                                        ->sh(
                                            "ip -json address | jq -cS '[.[] | [.ifname, .address, "
                                            "([.addr_info[] | select(.scope == \"global\") | .local] | sort)]]'; ip route; "
                                            "ip -6 route | grep -v fe80::")
                                        .out;
    // A killed one is reaped before this looks; what it was about to exec is not there under its own name.
    for (const char* helper : {"postern", "postern-bridge", "dnsmasq"}) {
      text += fmt::format("{} {}\n", programs().count(helper), helper);
    }
    return text;
  }
  const Container& victim() const { return *victim_; }

 private:
  std::optional<Container> neighbour_, victim_;
};

TEST_P(BridgeKilled, AnywhereIsMendedToWhatACleanRunLeaves) {
  Step steps[] = {learn(GetParam().there), learn(GetParam().back)};
  for (int again = 0; again < 2; ++again) {  // the quickest: moments after the end show nothing
    for (Step& step : steps) step.takes = std::min(step.takes, learn(step.words).takes);
  }
  ASSERT_FALSE(HasFailure());
  ASSERT_NE(steps[0].before, steps[0].after);
  ASSERT_EQ(steps[0].before, steps[1].after) << "there and back is not where it was";
  ASSERT_EQ(steps[1].before, steps[0].after);
  const int kills = number_from("POSTERN_KILLS", 20) / 2;  // of one way
  const auto seed = static_cast<unsigned>(number_from("POSTERN_SEED", static_cast<int>(std::random_device()() >> 1)));
  fmt::print("{} kills, POSTERN_SEED={}\n", kills, seed);
  std::mt19937 random(seed);
  size_t at = 0;
  int done = 0;
  for (int turn = 0; turn < kills && !HasFailure(); ++turn) {
    const Step& step = steps[at];
    const Duration moment(std::uniform_int_distribution<Duration::rep>(0, step.takes.count())(random));
    const auto microseconds = [](Duration time) { return std::chrono::duration_cast<std::chrono::microseconds>(time).count(); };
    SCOPED_TRACE(fmt::format("POSTERN_SEED={}, kill {}: {} after {} of {} us", seed, turn, step.words, microseconds(moment),
                             microseconds(step.takes)));
    const bool there = kill_at(step, moment);
    done += there;
    if (!there) {  // what was undone can be done
      EXPECT_THAT(bridge(step.words), Succeeds());
    }
    at = 1 - at;
  }
  fmt::print("{} of them had done what they were to do\n", done);
}

INSTANTIATE_TEST_SUITE_P(
    On, BridgeKilled,
    testing::Values(Way{"UpAndDown", "up green --subnet 10.51.0.0/24 --subnet fd51::/64", "down green"},
                    Way{"AttachAndDetach",
                        "attach blue PID --ip 10.50.0.2 --ip fd50::2 --id victim --mac 02:00:00:00:00:02 -p 8080:80 "
                        "-p 10000-10099:10000/udp --hostname victim",
                        "detach blue victim"},
                    Way{"AddAndRemovePorts", "ports add blue c50-9 8080:80 127.0.0.1:8081:80 10000-10099:10000/udp",
                        "ports rm blue c50-9 8080:80 127.0.0.1:8081:80 10000-10099:10000/udp"}),
    [](const auto& way) { return way.param.name; });

// With nobody there before: the helpers' own start and end are under the knife.
class BridgeKilledAlone : public BridgeTest {};

TEST_F(BridgeKilledAlone, WithGcAndDownNothingIsLeft) {
  const std::string untouched = snapshot();
  const auto made = container();
  ASSERT_TRUE(made);
  const std::string whole =
      fmt::format("postern bridge up {} && postern bridge attach blue {} -p 8080:80 --hostname made", kBlue, made->pid());
  const auto start = std::chrono::steady_clock::now();
  ASSERT_THAT(sh(whole), Succeeds());
  const Duration takes = std::chrono::steady_clock::now() - start;
  ASSERT_THAT(bridge("down blue --force"), Succeeds());
  const std::string clean = snapshot();
  const auto seed = static_cast<unsigned>(number_from("POSTERN_SEED", static_cast<int>(std::random_device()() >> 1)));
  fmt::print("POSTERN_SEED={}\n", seed);
  std::mt19937 random(seed);
  for (int turn = 0; turn < number_from("POSTERN_KILLS", 20) / 4 && !HasFailure(); ++turn) {
    const Duration moment(std::uniform_int_distribution<Duration::rep>(0, takes.count())(random));
    SCOPED_TRACE(fmt::format("POSTERN_SEED={}, kill {}", seed, turn));
    {
      Process running = start_sh(whole);
      std::this_thread::sleep_for(moment);
      running.kill();  // the shell and whichever of the two it waits for
    }
    ASSERT_THAT(bridge("gc"), Succeeds());
    (void)bridge("down blue --force");  // it may never have been up
    EXPECT_EQ(snapshot(), clean);
    EXPECT_EQ(made->sh("ip -json link | jq -r '.[].ifname'").out, "lo\n");
    EXPECT_EQ(programs().count("postern-bridge") + programs().count("dnsmasq"), 0U);
  }
}

class BridgeTogether : public BridgeTest {};

// A network may go down between the look at which there are and the look at what each has.
TEST_F(BridgeTogether, AListIsOfOneMoment) {
  Process changing = start_sh(fmt::format(
      "for turn in 1 2 3 4 5 6 7 8; do postern bridge up {0} --no-names && postern bridge down green || exit 1; done", kGreen));
  size_t looks = 0;
  while (changing.running()) {
    for (const char* words : {"ls", "ports ls", "check"}) ASSERT_THAT(bridge(words), Succeeds()) << words << ", look " << looks;
    ++looks;
  }
  EXPECT_EQ(changing.wait(), 0) << changing.err();
  EXPECT_GT(looks, 0U);
}

TEST_F(BridgeTogether, FiftyAttachesGiveFiftyAddresses) {
  constexpr size_t kMany = 50;
  up(kBlue);
  std::vector<Container> containers;
  for (size_t i = 0; i < kMany; ++i) {
    auto made = container();
    ASSERT_TRUE(made);
    containers.push_back(*std::move(made));
  }
  std::vector<Process> running;
  for (size_t i = 0; i < kMany; ++i) {
    running.push_back(start_sh(fmt::format("exec postern bridge attach blue {} -p {}:80", containers[i].pid(), 8000 + i)));
  }
  for (Process& process : running) EXPECT_EQ(process.wait(60s), 0) << process.err();
  for (const char* family : {"-4", "-6"}) {
    std::set<std::string> addresses;
    for (const Container& made : containers) {
      addresses.insert(
          made.sh(fmt::format("ip -json {} address show eth0 scope global | jq -r '.[].addr_info[].local'", family)).out);
    }
    EXPECT_EQ(addresses.size(), kMany);
    EXPECT_FALSE(addresses.contains(""));
  }
  EXPECT_EQ(host().sh("ip -json link show master blue | jq length").out, "50\n");
  EXPECT_EQ(host().sh("ls /run/postern/bridge/networks/blue/endpoints | wc -l").out, "50\n");
  EXPECT_EQ(bridge("ports ls --json | jq '.ports | length'").out, "50\n");
  EXPECT_THAT(bridge("check"), Succeeds());
  EXPECT_EQ(knock(containers.front(),
                  containers.back()
                      .sh("ip -json -4 address show eth0 | jq -r '.[].addr_info[].local' | "
                          "tr -d '\\n'")
                      .out,
                  80),
            "open 0 ECONNREFUSED\n");
}

TEST_F(BridgeTogether, AttachesAndDetachesCrossEachOther) {
  up(kBlue);
  const std::string before = snapshot();
  std::vector<Container> containers;
  for (size_t i = 0; i < 10; ++i) {
    auto made = container();
    ASSERT_TRUE(made);
    containers.push_back(*std::move(made));
  }
  std::vector<Process> running;
  running.reserve(containers.size());
  for (const Container& made : containers) {
    running.push_back(
        start_sh(fmt::format("for turn in 1 2 3 4; do postern bridge attach blue {0} && postern bridge detach blue {0}"
                             " || exit; done",
                             made.pid())));
  }
  for (Process& process : running) EXPECT_EQ(process.wait(60s), 0) << process.err();
  EXPECT_THAT(bridge("check"), Succeeds());
  EXPECT_EQ(host().sh("ip -json link show master blue | jq length").out, "0\n");
  EXPECT_EQ(host().sh("ls /run/postern/bridge/networks/blue/endpoints /run/postern/bridge/networks/blue/addresses | grep c").out,
            "");
}

class BridgeFlushed : public BridgeTest {
 protected:
  void SetUp() override {
    BridgeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    up(kBlue);
    web_ = container_on("blue", at(50, 2) + " -p 8080:80 --hostname web");
    ASSERT_TRUE(web_);
    serve(*web_, Server::http);
    before_ = snapshot();
  }
  /// Something of ours has gone: `check` says so with `word`, changes nothing, and `reload` mends it.
  void expect_noticed_and_mended(std::string_view breaking, const char* word) const {
    ASSERT_THAT(host().sh(std::string(breaking)), Succeeds());
    const std::string broken = snapshot();
    const Outcome noticed = bridge("check");
    EXPECT_THAT(noticed, EndsWithStatus(1)) << breaking;
    EXPECT_THAT(noticed.out + noticed.err, AllOf(HasSubstr(word), HasSubstr("postern bridge reload"))) << breaking;
    EXPECT_EQ(bridge("check --json | jq .good").out, "false\n");
    EXPECT_EQ(snapshot(), broken) << "check only looks";
    EXPECT_THAT(bridge("reload"), Succeeds());
    EXPECT_THAT(bridge("check"), Succeeds()) << breaking;
    EXPECT_EQ(snapshot(), before_) << breaking;
    EXPECT_EQ(host().sh("curl -sS --max-time 10 http://127.0.0.1:8080/").out, kPageText) << breaking;
    EXPECT_EQ(source_seen(*web_, "10.50.0.2"), "10.50.0.2\n");
  }

 private:
  std::optional<Container> web_;
  std::string before_;
};

TEST_F(BridgeFlushed, ByAForeignFlushIsNoticedAndMended) {
  expect_noticed_and_mended("nft flush ruleset", "inet postern");
  expect_noticed_and_mended("nft delete table inet postern", "inet postern");
}

TEST_F(BridgeFlushed, InPartIsNoticedAndMended) {
  expect_noticed_and_mended("nft flush chain inet postern forward", "rules");
  expect_noticed_and_mended("nft flush map inet postern publish4", "rules");
}

TEST_F(BridgeFlushed, OfItsHelpersIsNoticedAndMended) {
  expect_noticed_and_mended("kill -9 $(jq .pid /run/postern/bridge/proxy.json)", "127.0.0.1");
  expect_noticed_and_mended("kill -9 $(pidof dnsmasq)", "blue");
}

TEST_F(BridgeFlushed, OfWhatABridgeAndItsPortsAreSetTo) {
  expect_noticed_and_mended("ip link set blue mtu 1400", "MTU of 1400");
  expect_noticed_and_mended("ip link set $(ip -json link show master blue | jq -r '.[].ifname') type bridge_slave isolated on",
                            "isolated");
}

TEST_F(BridgeFlushed, OfTheBridgesAddressIsNoticedAndMended) {
  expect_noticed_and_mended("ip address del 10.50.0.1/24 dev blue", "blue");
  expect_noticed_and_mended("ip link set blue down", "blue");
}

}  // namespace
}  // namespace postern::lab
