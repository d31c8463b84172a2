// bridge_run_test.cpp - `postern run --network bridge`: one command on a network, and after it nothing but the network.
#include <algorithm>

#include "bridge_test.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class BridgeRun : public BridgeTest {
 protected:
  std::vector<Server> servers() const override { return {Server::http, Server::echo}; }
  /// Serves echo as port 8080 of the host; ready when this returns.
  Process start_server(std::string_view options) const {
    Process running = start_sh(fmt::format("exec postern run {} -p 8080:80 -- sh -c 'echo here; exec postern-echo 80'", options));
    EXPECT_TRUE(says(running, "here")) << running.err();
    EXPECT_TRUE(wait_until([&] { return knock(remote(), kHost4, 8080) == kReached; })) << running.err();
    return running;
  }
  std::string endpoints() const {
    return host().sh("find /run/postern/bridge/networks -path '*/endpoints/*' -o -path '*/addresses/*'").out;
  }
  std::string veths() const { return host().sh("ip -json link show type veth | jq -r '.[].ifname'").out; }
  void expect_nothing_left() const {
    EXPECT_EQ(endpoints(), "");
    EXPECT_EQ(veths(), "eth0\n");
    EXPECT_EQ(bridge("ports ls --json | jq -c .ports").out, "[]\n");
    EXPECT_THAT(bridge("check"), Succeeds());
    EXPECT_EQ(knock(remote(), kHost4, 8080), "open 0 ECONNREFUSED\n");
    EXPECT_EQ(programs().count("postern"), 0U);
  }
};

TEST_F(BridgeRun, GivesTheCommandANetworkAndItsStatusBack) {
  const Outcome ran = sh("postern run --network bridge -- sh -c 'curl -sS --max-time 10 http://192.0.2.2/client; exit 7'");
  EXPECT_THAT(ran, EndsWithStatus(7));
  EXPECT_EQ(ran.out, "192.0.2.1\n") << ran.err;
  expect_nothing_left();
  EXPECT_EQ(bridge("ls --json | jq -r '.networks[].name'").out, "postern0\n");
  EXPECT_THAT(bridge("down postern0"), Succeeds());
}

TEST_F(BridgeRun, PublishesPortsForAsLongAsItRuns) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Process running = start_server("--network bridge");
    EXPECT_EQ(remote().run({"postern-probe", std::string(kHost4), "8080", "open", "echo"}).out, kAnswered);
    EXPECT_EQ(remote().run({"postern-probe", std::string(kHost6), "8080", "open"}).out.substr(0, 6), "open 0")
        << "a network of IPv4";
    EXPECT_EQ(host().run({"postern-probe", "127.0.0.1", "8080", "open", "echo"}).out, kAnswered);
    running.signal(signal);
    EXPECT_TRUE(running.wait());
    expect_nothing_left();
  }
}

TEST_F(BridgeRun, IsOnANetworkThatIsThere) {
  up(kBlue);
  const auto peer = container_on("blue", at(50, 9));
  ASSERT_TRUE(peer);
  Process running = start_server("--network bridge:blue");
  const std::string address = first_line(
      "jq -r '.[] | .. | strings' /run/postern/bridge/networks/blue/endpoints/*.json | "
      "grep -E '^10\\.50\\.0\\.[0-9]+' | grep -v '^10.50.0.9' | cut -d/ -f1");
  EXPECT_EQ(knock(*peer, "10.50.0.2", 80), kReached) << address;
  running.signal(SIGTERM);
  EXPECT_TRUE(running.wait());
  EXPECT_EQ(knock(remote(), kHost4, 8080), "open 0 ECONNREFUSED\n");
  EXPECT_EQ(host().sh("ip -json link show master blue | jq length").out, "1\n");
  EXPECT_EQ(source_seen(*peer, kRemote4), "192.0.2.1\n");
}

TEST_F(BridgeRun, KilledIsCleanedUpByGc) {
  Process running = start_server("--network bridge");
  running.signal(SIGKILL);
  EXPECT_TRUE(running.wait());
  EXPECT_TRUE(wait_until([&] { return programs().count("postern-echo") == 1; }))
      << "the command went with it; the remote's stays";
  EXPECT_TRUE(wait_until([&] { return veths() == "eth0\n"; }));
  EXPECT_THAT(bridge("gc"), Succeeds());
  expect_nothing_left();
}

TEST_F(BridgeRun, KilledIsCleanedUpByTheNext) {
  Process running = start_server("--network bridge");
  running.signal(SIGKILL);
  EXPECT_TRUE(running.wait());
  EXPECT_TRUE(wait_until([&] { return veths() == "eth0\n"; }));
  Process next = start_server("--network bridge");  // has the port that the dead one had
  next.signal(SIGTERM);
  EXPECT_TRUE(next.wait());
  expect_nothing_left();
}

TEST_F(BridgeRun, OfACommandThatIsNotThereLeavesNothing) {
  const Outcome refused = sh("postern run --network bridge -p 8080:80 -- /no/such/program");
  EXPECT_THAT(refused, EndsWithStatus(127));
  EXPECT_THAT(refused.err, HasSubstr("/no/such/program"));
  expect_nothing_left();
}

TEST_F(BridgeRun, WithATakenPortRefusesAndLeavesTheOther) {
  Process running = start_server("--network bridge");
  const Outcome refused = sh("postern run --network bridge -p 8080:80 -- echo started");
  EXPECT_THAT(refused, EndsWithStatus(125));
  EXPECT_EQ(refused.out, "");
  EXPECT_THAT(refused.err, AllOf(IsOneLine(), HasSubstr("8080"), HasSubstr("has published")));
  EXPECT_EQ(knock(remote(), kHost4, 8080), kReached);
}

TEST_F(BridgeRun, OfAnOrdinaryUserNamesTheCapabilityAndTheOtherMode) {
  const Outcome refused = host().sh_as_user("postern run --network bridge -- echo started");
  EXPECT_THAT(refused, EndsWithStatus(125));
  EXPECT_EQ(refused.out, "");
  EXPECT_THAT(refused.err, AllOf(IsOneLine(), HasSubstr("CAP_NET_ADMIN")));
}

TEST_F(BridgeRun, CommandsSideBySideSeeEachOther) {
  Process first = start_server("--network bridge");
  const std::string address = first_line("ls /run/postern/bridge/networks/postern0/addresses | grep -vx '.*\\.1'");
  const Outcome second = sh(fmt::format("postern run --network bridge -- postern-probe {} 80 open echo", address));
  EXPECT_EQ(second.out, kAnswered) << address << second.err;
}

}  // namespace
}  // namespace postern::lab
