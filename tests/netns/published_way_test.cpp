// published_way_test.cpp - the two ways into the namespace by the fast engine: through the TAP with the client's own address, or
// spliced; as whom the server inside sees the client; what of TCP is carried; and what is left.
//
//   remote 192.0.2.2 ── TAP ───────┐
//   host 192.0.2.1 ──── TAP ───────┼─► guest: postern-echo, socat
//   host 127.0.0.1 ──── spliced ───┘
#include <fmt/format.h>

#include <algorithm>

#include "guest_test.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

class PublishedWay : public GuestTest {
 protected:
  /// A server inside that tells each client its address and port as it sees them, and ends.
  std::optional<Process> serve_names(const Guest& guest, std::string_view listen) {
    return serve(guest, {"socat", fmt::format("{},fork,reuseaddr", listen), "SYSTEM:echo $SOCAT_PEERADDR $SOCAT_PEERPORT"});
  }
  /// What such a server tells who comes from `port`.
  static std::string asked(const Machine& from, std::string_view to, unsigned port) {
    const Outcome outcome = from.run({"socat", "-T5", "-u", fmt::format("{},sourceport={},reuseaddr", to, port), "-"});
    return outcome.out + outcome.err;
  }
};

TEST_F(PublishedWay, ARemoteClientIsSeenByItsOwnAddressAndPort) {
  const auto inside = guest({.options = {"--ipv6", "-p", "8080:80", "-p", "[::]:8080:80"}});
  ASSERT_TRUE(inside);
  const auto v4 = serve_names(*inside, "TCP4-LISTEN:80"), v6 = serve_names(*inside, "TCP6-LISTEN:80,ipv6-v6only");
  ASSERT_TRUE(v4 && v6);
  EXPECT_EQ(asked(remote(), "TCP4:192.0.2.1:8080", 45'671), "192.0.2.2 45671\n");
  EXPECT_EQ(asked(host(), "TCP4:192.0.2.1:8080", 45'672), "192.0.2.1 45672\n");
  EXPECT_EQ(asked(remote(), "TCP6:[2001:db8:1::1]:8080", 45'673), "[2001:0db8:0001:0000:0000:0000:0000:0002] 45673\n");
}

struct Source {
  std::string name, seen4, seen6;
};
class PublishSource : public PublishedWay, public testing::WithParamInterface<Source> {};

TEST_P(PublishSource, IsAsWhomALoopbackClientIsSeen) {
  const auto inside = guest({.options = {"--ipv6", "-p", "8080:80", "-p", "[::]:8080:80", "--publish-source", GetParam().name}});
  ASSERT_TRUE(inside);
  const auto v4 = serve_names(*inside, "TCP4-LISTEN:80"), v6 = serve_names(*inside, "TCP6-LISTEN:80,ipv6-v6only");
  ASSERT_TRUE(v4 && v6);
  EXPECT_THAT(asked(host(), "TCP4:127.0.0.1:8080", 45'671), StartsWith(GetParam().seen4));
  EXPECT_THAT(asked(host(), "TCP6:[::1]:8080", 45'671), StartsWith(GetParam().seen6));
  EXPECT_EQ(asked(remote(), "TCP4:192.0.2.1:8080", 45'671), "192.0.2.2 45671\n");
}

INSTANTIATE_TEST_SUITE_P(Named, PublishSource,
                         testing::Values(Source{"namespace", "10.0.2.100 ", "[fd00:"},
                                         Source{"loopback", "127.0.0.1 ", "[0000:0000:0000:0000:0000:0000:0000:0001] "},
                                         Source{"gateway", "10.0.2.2 45671\n",
                                                "[fd00:0000:0000:0000:0000:0000:0000:0002] 45671\n"}),
                         [](const auto& each) { return each.param.name; });

TEST_F(PublishedWay, BytesAndEndsAreCarriedBothWays) {
  const auto inside = guest({.options = {"-p", "5000:7", "-p", "5001:8"}});
  ASSERT_TRUE(inside);
  const auto echo = serve(*inside, {"postern-echo", "7"});
  const auto counts = serve(*inside, {"socat", "TCP4-LISTEN:8,fork", "SYSTEM:wc -c"});  // answers after the client's end
  ASSERT_TRUE(echo && counts);
  for (const char* address : {"127.0.0.1", "192.0.2.1"}) {
    const Machine& from = address == std::string("127.0.0.1") ? host() : remote();
    EXPECT_EQ(from.run({"postern-probe", "--limit-ms", "20000", address, "5000", "open=3", "echo=50000"}).out,
              "open 3\necho 3\n");
    EXPECT_EQ(from.sh(fmt::format("head -c 5000000 /dev/zero | socat -t20 - TCP4:{}:5001", address)).out, "5000000\n") << address;
  }
}

TEST_F(PublishedWay, BulkArrivesWholeThroughAServerThatStalls) {
  const auto inside = guest({.options = {"-p", "5000:7", "-p", "5001:8"}});
  ASSERT_TRUE(inside);
  ASSERT_THAT(sh("head -c 60000000 /dev/urandom > bulk"), Succeeds());
  const auto takes = serve(*inside, {"socat", "TCP4-LISTEN:7,fork", "SYSTEM:sleep 0.3; sha256sum"});
  const auto gives = serve(*inside, {"socat", "-U", "TCP4-LISTEN:8,fork", "SYSTEM:head -c 60000000 /dev/zero"});
  ASSERT_TRUE(takes && gives);
  for (const char* address : {"127.0.0.1", "192.0.2.1"}) {
    const Machine& from = address == std::string("127.0.0.1") ? host() : remote();
    EXPECT_EQ(from.sh(fmt::format("socat -t20 - TCP4:{}:5000 < bulk", address)).out, sh("sha256sum < bulk").out) << address;
    EXPECT_EQ(from.sh(fmt::format("socat -u TCP4:{}:5001 - | (sleep 0.3; sha256sum)", address)).out,
              sh("head -c 60000000 /dev/zero | sha256sum").out)
        << address;
  }
}

TEST_F(PublishedWay, ARefusalInsideIsAResetToTheClient) {
  const auto inside = guest({.options = {"-p", "5000:7"}});
  ASSERT_TRUE(inside);
  for (const char* address : {"127.0.0.1", "192.0.2.1"}) {
    const Machine& from = address == std::string("127.0.0.1") ? host() : remote();
    EXPECT_THAT(from.run({"postern-probe", address, "5000", "open", "hear"}).out,
                MatchesRegex("open 0 ECONNRESET\nhear 0\n|open 1\nhear 0 ECONNRESET\n"))
        << address;
  }
}

TEST_F(PublishedWay, AResetIsCarriedBothWays) {
  const auto inside = guest({.options = {"-p", "5000:7", "-p", "5001:8"}});
  ASSERT_TRUE(inside);
  const auto echo = serve(*inside, {"postern-echo", "7"});
  ASSERT_TRUE(echo);
  for (const char* address : {"127.0.0.1", "192.0.2.1"}) {
    SCOPED_TRACE(address);
    const Machine& from = address == std::string("127.0.0.1") ? host() : remote();
    EXPECT_EQ(from.run({"postern-probe", "--limit-ms", "20000", address, "5000", "cycle=200"}).out, "cycle 200\n");
    const auto deaf = serve(*inside, {"socat", "-U", "TCP4-LISTEN:8,reuseaddr", "SYSTEM:sleep 100"});
    auto client = from.spawn({.argv = {"postern-probe", address, "5001", "open", "say", "hear"}});
    ASSERT_TRUE(deaf && client);
    ASSERT_TRUE(wait_until([&] { return inside->sh("ss -Htn state established 'sport = :8'").out.starts_with("45 "); }));
    ASSERT_THAT(host().sh(fmt::format("kill -KILL {0} $(pgrep -P {0}); true", deaf->pid())),
                Succeeds());  // with bytes that were not read
    EXPECT_TRUE(says(*client, "hear 0 ECONNRESET\n")) << client->out();
  }
  EXPECT_TRUE(wait_until([&] { return inside->sh("ss -Htn state established '( sport = :7 or sport = :8 )'").out.empty(); }));
}

TEST_F(PublishedWay, AClientThatLeavesBeforeTheAnswerLeavesNothing) {
  const auto inside = guest({.options = {"-p", "5000:7"}});
  ASSERT_TRUE(inside);
  constexpr const char* kFullServer = R"(
import signal, socket
server = socket.socket()
server.bind(('', 7))
server.listen(0)
first = socket.create_connection(('127.0.0.1', 7))
print('full', flush=True)
signal.pause())";
  auto server = inside->spawn({.argv = {"python3", "-c", kFullServer}});  // its kernel drops every other SYN, listen(2)
  ASSERT_TRUE(server && says(*server, "full\n"));
  EXPECT_THAT(
      remote().sh(
          "timeout 1 socat -u /dev/null TCP4:192.0.2.1:5000,linger=0; timeout 1 socat -u /dev/null TCP4:192.0.2.1:5000,linger=0"),
      Succeeds());
  EXPECT_TRUE(wait_until(
      [&] { return sh(fmt::format("postern status --pid {} --json | jq .flows.open", inside->postern().pid())).out == "0\n"; }));
}

TEST_F(PublishedWay, ServesABurstOfSplicedConnections) {
  const auto inside = guest({.options = {"-p", "5000:7"}});
  ASSERT_TRUE(inside);
  const auto echo = serve(*inside, {"postern-echo", "7"});
  ASSERT_TRUE(echo);
  EXPECT_EQ(host().run({"postern-probe", "--limit-ms", "15000", "127.0.0.1", "5000", "open=300", "echo=1000"}).out,
            "open 300\necho 300\n");
  EXPECT_TRUE(wait_until(
      [&] { return sh(fmt::format("postern status --pid {} --json | jq .flows.open", inside->postern().pid())).out == "0\n"; }));
}

TEST_F(PublishedWay, RemovingAPortLeavesItsConnectionsUnlessTheyAreToEnd) {
  for (const char* address : {"127.0.0.1", "192.0.2.1"}) {
    const Machine& from = address == std::string("127.0.0.1") ? host() : remote();
    const auto inside = guest({.options = {"-p", "5000:7", "-p", "5001:7"}});
    ASSERT_TRUE(inside);
    const auto echo = serve(*inside, {"postern-echo", "7"});
    ASSERT_TRUE(echo);
    auto stays = from.spawn({.argv = {"postern-probe", address, "5000", "open", "echo", "hold", "echo"}});
    auto goes = from.spawn({.argv = {"postern-probe", address, "5001", "open", "echo", "hear"}});
    ASSERT_TRUE(stays && goes && says(*stays, "echo 1\n") && says(*goes, "echo 1\n"));
    const std::string pid = fmt::format("--pid {}", inside->postern().pid());
    EXPECT_THAT(sh(fmt::format("postern ports rm {0} 5000:7 && postern ports rm {0} --kill 5001:7", pid)), Succeeds());
    EXPECT_TRUE(says(*goes, "hear 0 ECONNRESET\n")) << goes->out();
    stays->signal(SIGUSR1);
    EXPECT_TRUE(says(*stays, "hold 0\necho 1\n")) << stays->out();
    EXPECT_EQ(from.run({"postern-probe", address, "5000", "open"}).out, "open 0 ECONNREFUSED\n");
  }
}

TEST_F(PublishedWay, ASplicedConnectionCountsTwiceOfTheLimit) {
  const auto inside = guest({.options = {"-p", "5000:7"}});
  ASSERT_TRUE(inside);
  const auto echo = serve(*inside, {"postern-echo", "7"});
  auto client = host().spawn({.argv = {"postern-probe", "127.0.0.1", "5000", "open=3", "echo", "hold"}});
  ASSERT_TRUE(echo && client && says(*client, "echo 3\n"));
  EXPECT_EQ(sh(fmt::format("postern status --pid {} --json | jq .flows.open", inside->postern().pid())).out, "6\n");
}

TEST_F(PublishedWay, KillEndsWhatCameByTheHostsEndWhereverItLed) {
  for (const char* address : {"127.0.0.1", "192.0.2.1"}) {
    const Machine& from = address == std::string("127.0.0.1") ? host() : remote();
    const auto inside = guest({.options = {"-p", "5000:7"}});
    ASSERT_TRUE(inside);
    const auto echo = serve(*inside, {"postern-echo", "7"});
    ASSERT_TRUE(echo);
    auto client = from.spawn({.argv = {"postern-probe", address, "5000", "open", "echo", "hear"}});
    ASSERT_TRUE(client && says(*client, "echo 1\n"));
    const std::string pid = fmt::format("--pid {}", inside->postern().pid());
    EXPECT_THAT(sh(fmt::format("postern ports rm {0} 5000:7 && postern ports add {0} 5000:8", pid)), Succeeds());
    EXPECT_THAT(sh(fmt::format("postern ports rm {0} --kill 5000:8", pid)), Succeeds());
    EXPECT_TRUE(says(*client, "hear 0 ECONNRESET\n")) << address << client->out();
  }
}

TEST_F(PublishedWay, StatusTellsTheWayOfLoopbackClients) {
  const auto inside = guest({.options = {"-p", "5000:7"}});
  ASSERT_TRUE(inside);
  EXPECT_THAT(sh(fmt::format("postern status --pid {}", inside->postern().pid())).out,
              HasSubstr("1 published; clients on the host's loopback are spliced, seen as the namespace itself"));
}

TEST_F(PublishedWay, KillingPosternLeavesNoHelper) {
  const auto inside = guest({.options = {"-p", "5000:7"}});
  ASSERT_TRUE(inside);
  const std::string children = sh(fmt::format("pgrep -P {} | tr '\\n' ' '", inside->postern().pid())).out;
  ASSERT_THAT(sh(fmt::format("kill -0 {}", children)), Succeeds());
  ASSERT_THAT(sh(fmt::format("kill -KILL {}", inside->postern().pid())), Succeeds());
  EXPECT_TRUE(wait_until(
      [&] { return !sh(fmt::format("for p in {}; do kill -0 $p 2>/dev/null && exit 0; done; exit 1", children)).ok(); }));
}

TEST_F(PublishedWay, WithoutItsHelperClientsComeByTheTap) {
  const auto inside = guest({.options = {"-p", "8080:80"}});
  ASSERT_TRUE(inside);
  const auto names = serve_names(*inside, "TCP4-LISTEN:80");
  ASSERT_TRUE(names);
  ASSERT_THAT(host().sh(fmt::format("pkill -KILL -x postern-inside -P {}", inside->postern().pid())), Succeeds());
  EXPECT_TRUE(wait_until([&] { return asked(host(), "TCP4:127.0.0.1:8080", 45'671) == "10.0.2.2 45671\n"; }));
  EXPECT_THAT(sh(fmt::format("postern status --pid {}", inside->postern().pid())).out,
              HasSubstr("go by the TAP, seen as the gateway"));
}

TEST_F(PublishedWay, WhatIsCutOffByOurEndDoesNotLookWhole) {
  Process made = start_sh("exec unshare --user --map-root-user --net sh -c 'ip link set lo up; echo made; exec postern-echo 7'");
  ASSERT_TRUE(says(made, "made")) << made.err();
  const std::string listens =
      fmt::format("nsenter -t {} -U -n --preserve-credentials ss -Hltn 'sport = :7' | grep -q .", made.pid());
  ASSERT_TRUE(wait_until([&] { return sh(listens).ok(); }));
  Process attached = start_sh(fmt::format("exec postern attach --ready-fd 5 -p 5000:7 --configure {} tap0 5>&1", made.pid()));
  ASSERT_TRUE(says(attached, "1")) << attached.err();
  auto client = host().spawn({.argv = {"postern-probe", "127.0.0.1", "5000", "open", "echo", "hear"}});
  ASSERT_TRUE(client && says(*client, "echo 1\n"));
  attached.signal(SIGTERM);
  EXPECT_TRUE(says(*client, "hear 0 ECONNRESET\n")) << client->out();
}

TEST_F(PublishedWay, AHelperThatDoesNotAnswerIsEndedAndNobodyWaitsForIt) {
  const auto inside = guest({.options = {"-p", "5000:7"}});
  ASSERT_TRUE(inside);
  const auto echo = serve(*inside, {"postern-echo", "7"});
  ASSERT_TRUE(echo);
  const std::string helper = fmt::format("-x postern-inside -P {}", inside->postern().pid());
  ASSERT_THAT(host().sh("pkill -STOP " + helper), Succeeds());
  EXPECT_EQ(host().run({"postern-probe", "--limit-ms", "10000", "127.0.0.1", "5000", "open=60", "echo=1000"}).out,
            "open 60\necho 60\n");
  EXPECT_THAT(inside->postern().err(), AllOf(IsOneLine(), HasSubstr("does not answer"), HasSubstr("go by the TAP")));
  EXPECT_THAT(host().sh("pgrep " + helper), EndsWithStatus(1));
  const std::string pid = fmt::format("--pid {}", inside->postern().pid());
  EXPECT_EQ(sh(fmt::format("postern status {} --json | jq .counters.spliced.opened", pid)).out, "32\n");
}

TEST_F(PublishedWay, WithoutDescriptorsForSocketsInsideNobodySpins) {
  constexpr auto kWatched = std::chrono::milliseconds(500);
  const auto inside = guest({.options = {"-p", "5000:7"}});
  ASSERT_TRUE(inside);
  const auto echo = serve(*inside, {"postern-echo", "7"});
  ASSERT_TRUE(echo);
  limit_files(
      *inside,
      static_cast<unsigned>(std::stoul(host().sh(fmt::format("ls /proc/{}/fd | wc -l", inside->postern().pid())).out)) + 40);
  auto first = host().spawn({.argv = {"postern-probe", "127.0.0.1", "5000", "open=20", "echo", "hold"}});
  ASSERT_TRUE(first && says(*first, "echo 20\n"));
  auto second = host().spawn({.argv = {"postern-probe", "--limit-ms", "4000", "127.0.0.1", "5000", "open=100", "echo", "hold"}});
  ASSERT_TRUE(second && says(*second, "open 100\n"));
  first->kill();  // what becomes free is taken by clients, and none of it is left for sockets inside
  const auto before = inside->time_not_asleep();
  std::this_thread::sleep_for(kWatched);  // the time is what is measured
  EXPECT_LT(inside->time_not_asleep() - before, kWatched / 5);
  second->kill();
  EXPECT_TRUE(wait_until([&] {
    return host().run({"postern-probe", "--limit-ms", "1000", "127.0.0.1", "5000", "open=20", "echo"}).out ==
           "open 20\necho 20\n";
  }));
}

TEST_F(PublishedWay, WithoutAPortInsideToConnectFromClientsComeByTheTap) {
  const auto inside = guest({.options = {"-p", "5000:7"}});
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->sh("cat /proc/sys/net/ipv4/tcp_tw_reuse").out, "2\n");
  ASSERT_THAT(inside->sh("sysctl -qw net.ipv4.ip_local_port_range='40000 40019'"), Succeeds());
  const auto names = serve_names(*inside, "TCP4-LISTEN:7");
  ASSERT_TRUE(names);
  const std::string seen = host().sh("for i in $(seq 40); do socat -T5 -t5 - TCP4:127.0.0.1:5000 </dev/null; done").out;
  EXPECT_THAT(seen, AllOf(HasSubstr("10.0.2.100 "), HasSubstr("10.0.2.2 ")));
  EXPECT_EQ(std::count(seen.begin(), seen.end(), '\n'), 40) << seen;
}

TEST_F(PublishedWay, WithoutTheTapNobodyIsAccepted) {
  const auto inside = guest({.options = {"-p", "5000:7"}});
  ASSERT_TRUE(inside);
  ASSERT_THAT(inside->run({"ip", "link", "delete", "tap0"}), Succeeds());
  ASSERT_TRUE(wait_until([&] { return inside->postern().err().find("TAP was deleted") != std::string::npos; }));
  auto client = host().spawn({.argv = {"postern-probe", "192.0.2.1", "5000", "open", "hear"}});
  ASSERT_TRUE(client && says(*client, "open 1\n"));
  expect_no_spin(*inside);
  EXPECT_EQ(host().sh("ss -Hltn sport = :5000 | awk '{ print $2 }'").out, "1\n");  // in the backlog
}

TEST_F(PublishedWay, TheHelperHasNoPowerAndNoDescriptorButItsChannel) {
  const auto inside = guest({.options = {"-p", "5000:7"}});
  ASSERT_TRUE(inside);
  const std::string found = host().sh(fmt::format("pgrep -x postern-inside -P {}", inside->postern().pid())).out;
  const std::string helper = found.substr(0, found.find('\n'));
  ASSERT_NE(helper, "");
  EXPECT_TRUE(wait_until([&] { return host().sh(fmt::format("grep -q '^Seccomp:\\s*2' /proc/{}/status", helper)).ok(); }));
  EXPECT_EQ(host().sh(fmt::format("ls /proc/{}/fd", helper)).out, "0\n");
  EXPECT_EQ(host().sh(fmt::format("grep -E '^Cap(Eff|Prm|Bnd|Amb|Inh)' /proc/{}/status | grep -cv 0000000000000000", helper)).out,
            "0\n");
}

TEST_F(PublishedWay, ManyPortsAtOnceAreCheap) {
  constexpr unsigned kPorts = 8000;
  const auto plain = guest();
  const auto inside = guest({.options = {"-p", fmt::format("127.0.0.1:10000-{}:7", 10'000 + kPorts - 1)}});
  ASSERT_TRUE(plain && inside);
  const size_t more = inside->resident_bytes() - std::min(inside->resident_bytes(), plain->resident_bytes());
  EXPECT_LT(more / kPorts, 400u);
  const auto echo = serve(*inside, {"postern-echo", "7"});
  ASSERT_TRUE(echo);
  EXPECT_EQ(host().run({"postern-probe", "127.0.0.1", "10000", "open", "echo"}).out, "open 1\necho 1\n");
}

TEST_F(PublishedWay, AReachedPortOfTheHostsLoopbackIsOpenAndNoOther) {
  Process reached = start_sh("exec postern-echo 5432"), other = start_sh("exec postern-echo 5433");
  ASSERT_TRUE(
      wait_until([&] { return sh("ss -Hltn 'sport = :5432' | grep -q . && ss -Hltn 'sport = :5433' | grep -q .").ok(); }));
  const auto inside = guest({.options = {"--isolate-host", "--reach", "5432:15432"}});
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->run({"postern-probe", "10.0.2.2", "15432", "open", "echo"}).out, "open 1\necho 1\n");
  EXPECT_EQ(inside->run({"postern-probe", "10.0.2.2", "5433", "open"}).out, "open 0 ENETUNREACH\n");
  EXPECT_EQ(inside->run({"postern-probe", "10.0.2.2", "5432", "open"}).out, "open 0 ENETUNREACH\n");
}

}  // namespace
}  // namespace postern::lab
