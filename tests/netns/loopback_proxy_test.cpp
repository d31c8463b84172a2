// loopback_proxy_test.cpp - published ports of bridge mode at the host's loopback: nftables redirects, one process carries.
//
//   host: client ── 127.0.0.1:8080 ── redirect ──► postern-loopback-proxy ══ eth0 ══ remote 192.0.2.2:7, the "container"
//                   ::1, UDP ────────────────────►
#include <fmt/format.h>

#include "lab_test.h"
#include "listener.h"
#include "topology.h"

namespace postern::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr const char* kEndsAtOnce = "open 0 ECONNRESET\nhear 0\n|open 1\nhear 0 ECONNRESET\n";

class LoopbackProxy : public LabTest {
 protected:
  void SetUp() override {
    LabTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    LAB_SKIP_UNLESS(host().sh("nft list ruleset").ok(), "nft", "no nftables, or no program for it");
    ASSERT_THAT(host().sh("mkdir -p $TMPDIR/bridge"), Succeeds());
  }

  /// Replaces the table, as `postern bridge` does.
  void lead(std::string_view lines) const {
    ASSERT_THAT(host().sh(fmt::format("cd $TMPDIR/bridge && printf '{}' > new && mv new ports", lines)), Succeeds());
  }

  /// The proxy, and TCP of both loopback addresses led to it, the ports 8000 to 8999.
  std::optional<Process> proxy(std::string_view before = "") {
    auto started =
        host().spawn({.argv = {"sh", "-c", fmt::format("{} exec postern-loopback-proxy $TMPDIR/bridge/ports", before)}});
    if (!started) return std::nullopt;
    const bool ready = wait_until([&] { return started->out().ends_with('\n') || !started->running(); });
    EXPECT_TRUE(ready && started->running()) << started->err();
    if (std::sscanf(started->out().c_str(), "%u %u", &port4_, &port6_) != 2) return std::nullopt;
    EXPECT_NE(port6_, 0U);
    constexpr const char* kRules = R"(nft -f - <<'END'
table inet postern-test {{
  chain output {{
    type nat hook output priority -100
    ip daddr 127.0.0.1 tcp dport 8000-8999 redirect to :{}
    ip6 daddr ::1 tcp dport 8000-8999 redirect to :{}
  }}
}}
END)";
    EXPECT_THAT(host().sh(fmt::format(kRules, port4_, port6_)), Succeeds());
    return std::move(*started);
  }

  /// A server on `machine`, there when this returns.
  std::optional<Process> serve(const Machine& machine, std::vector<std::string> argv, std::string_view listens) const {
    auto server = machine.spawn({.argv = std::move(argv)});
    if (!server) return std::nullopt;
    const std::string looks = fmt::format("ss -Hln{} | grep -q .", listens);
    EXPECT_TRUE(wait_until([&] { return !server->running() || machine.sh(looks).ok(); }) && server->running()) << server->err();
    return std::move(*server);
  }
  auto echo() const { return serve(remote(), {"postern-echo", "7"}, "t 'sport = :7'"); }

  Outcome probe(const char* address, unsigned port, std::vector<std::string> steps) const {
    steps.insert(steps.begin(), {"postern-probe", "--limit-ms", "20000", address, std::to_string(port)});
    return host().run(steps);
  }
  Outcome probe_udp(const char* address, unsigned port, std::vector<std::string> steps) const {
    steps.insert(steps.begin(), {"postern-probe", "--udp", "--limit-ms", "20000", address, std::to_string(port)});
    return host().run(steps);
  }
  /// What a UDP server answers to "hello".
  std::string asked(const char* address, unsigned port) const {
    return host().sh(fmt::format("printf hello | socat -t2 -T2 - UDP:{}:{}", address, port)).out;
  }

  unsigned port4_ = 0, port6_ = 0;
};

TEST_F(LoopbackProxy, BothLoopbacksLeadToTheContainer) {
  lead("tcp * 8080 8089 192.0.2.2 2001:db8:1::2 7 web a1\\n");
  const auto server = echo();
  const auto running = proxy();
  ASSERT_TRUE(server && running);
  for (const char* address : {"127.0.0.1", "::1"}) {
    EXPECT_EQ(probe(address, 8080, {"open=20", "echo=50000"}).out, "open 20\necho 20\n") << address;
    EXPECT_EQ(probe(address, 8080, {"cycle=100"}).out, "cycle 100\n") << address;
  }
  EXPECT_THAT(running->err(), IsEmpty());
}

TEST_F(LoopbackProxy, AClientReachesAContainerOfTheOtherFamily) {
  lead("tcp * 8080 8080 192.0.2.2 - 7 web a1\\ntcp * 8081 8081 - 2001:db8:1::2 7 web a1\\n");
  const auto server = echo();
  const auto running = proxy();
  ASSERT_TRUE(server && running);
  EXPECT_EQ(probe("::1", 8080, {"open", "echo=5000"}).out, "open 1\necho 1\n");
  EXPECT_EQ(probe("127.0.0.1", 8081, {"open", "echo=5000"}).out, "open 1\necho 1\n");
}

TEST_F(LoopbackProxy, BulkArrivesWholeBothWays) {
  lead("tcp * 8080 8089 192.0.2.2 - 5000 web a1\\n");
  const auto running = proxy();
  const auto takes = serve(remote(), {"socat", "TCP4-LISTEN:5000,fork", "SYSTEM:sleep 0.3; sha256sum"}, "t 'sport = :5000'");
  const auto gives =
      serve(remote(), {"socat", "-U", "TCP4-LISTEN:5001,fork", "SYSTEM:head -c 60000000 /dev/zero"}, "t 'sport = :5001'");
  ASSERT_TRUE(running && takes && gives);
  ASSERT_THAT(host().sh("head -c 60000000 /dev/urandom > $TMPDIR/bulk"), Succeeds());
  for (const char* address : {"TCP4:127.0.0.1", "TCP6:[::1]"}) {
    EXPECT_EQ(host().sh(fmt::format("socat -t20 - {}:8080 < $TMPDIR/bulk", address)).out,
              host().sh("sha256sum < $TMPDIR/bulk").out);
    EXPECT_EQ(host().sh(fmt::format("socat -u {}:8081 - | (sleep 0.3; sha256sum)", address)).out,
              host().sh("head -c 60000000 /dev/zero | sha256sum").out);
  }
}

TEST_F(LoopbackProxy, ARefusalAndAPortThatLeadsNowhereAreResets) {
  lead("tcp * 8080 8080 192.0.2.2 - 9 web a1\\n");
  const auto running = proxy();
  ASSERT_TRUE(running);
  for (const char* address : {"127.0.0.1", "::1"}) {
    EXPECT_THAT(probe(address, 8080, {"open", "hear"}).out, MatchesRegex(kEndsAtOnce)) << "refused, " << address;
    EXPECT_THAT(probe(address, 8099, {"open", "hear"}).out, MatchesRegex(kEndsAtOnce)) << "nowhere, " << address;
  }
}

TEST_F(LoopbackProxy, WhoWasNotLedHereIsReset) {
  const auto running = proxy();
  ASSERT_TRUE(running);
  lead(fmt::format("tcp * {0} {0} 192.0.2.2 - 7 web a1\\ntcp * {1} {1} 192.0.2.2 - 7 web a1\\n", port4_, port6_));
  const auto server = echo();
  ASSERT_TRUE(server);
  const auto expect_reset = [&] {
    EXPECT_THAT(probe("127.0.0.1", port4_, {"open", "hear"}).out, MatchesRegex(kEndsAtOnce));
    EXPECT_THAT(probe("::1", port6_, {"open", "hear"}).out, MatchesRegex(kEndsAtOnce));
  };
  expect_reset();
  ASSERT_THAT(host().sh("nft flush ruleset"), Succeeds());  // nobody tracks connections any more
  expect_reset();
}

TEST_F(LoopbackProxy, AReplacedTableIsUsedByTheNextClientAndLeavesTheOthers) {
  lead("tcp * 8080 8080 192.0.2.2 - 7 web a1\\n");
  const auto server = echo();
  const auto other = serve(remote(), {"socat", "TCP4-LISTEN:1007,fork,reuseaddr", "SYSTEM:echo other"}, "t 'sport = :1007'");
  const auto running = proxy();
  ASSERT_TRUE(server && other && running);
  auto holds = host().spawn({.argv = {"postern-probe", "127.0.0.1", "8080", "open", "echo", "hold", "echo"}});
  ASSERT_TRUE(holds && wait_until([&] { return holds->out().ends_with("echo 1\n"); }));
  for (int i = 0; i < 20; ++i) {
    lead("tcp * 8080 8080 192.0.2.2 - 1007 web a1\\n");
    EXPECT_EQ(host().sh("socat -u TCP4:127.0.0.1:8080 -").out, "other\n");
    lead("tcp * 8080 8080 192.0.2.2 - 7 web a1\\n");
    EXPECT_EQ(probe("127.0.0.1", 8080, {"open", "echo"}).out, "open 1\necho 1\n");
  }
  ASSERT_THAT(host().sh("rm $TMPDIR/bridge/ports"), Succeeds());
  EXPECT_THAT(probe("127.0.0.1", 8080, {"open", "hear"}).out, MatchesRegex(kEndsAtOnce));
  holds->signal(SIGUSR1);
  EXPECT_EQ(holds->wait(), 0);
  EXPECT_EQ(holds->out(), "open 1\necho 1\nhold 0\necho 1\n");
}

TEST_F(LoopbackProxy, ADeadContainerHoldsNobodyUp) {
  lead(fmt::format("tcp * 8080 8080 {} - 7 web a1\\ntcp * 8081 8081 192.0.2.2 - 7 web a1\\n", kSilent4));
  const auto server = echo();
  const auto running = proxy();
  ASSERT_TRUE(server && running);
  auto waits = host().spawn({.argv = {"postern-probe", "--limit-ms", "20000", "127.0.0.1", "8080", "open=50", "hear"}});
  ASSERT_TRUE(waits && wait_until([&] { return waits->out() == "open 50\n"; }));
  EXPECT_EQ(probe("127.0.0.1", 8081, {"open=20", "echo=5000"}).out, "open 20\necho 20\n");
  EXPECT_TRUE(waits->running());
}

TEST_F(LoopbackProxy, WithFewDescriptorsClientsWaitAndAreServedInTurn) {
  lead("tcp * 8080 8080 192.0.2.2 - 7 web a1\\n");
  const auto server = echo();
  const auto running = proxy("ulimit -n 160;");
  ASSERT_TRUE(server && running);
  auto holds = host().spawn({.argv = {"postern-probe", "127.0.0.1", "8080", "open=16", "echo", "hold"}});
  ASSERT_TRUE(holds && wait_until([&] { return holds->out().ends_with("echo 16\n"); })) << holds->out();
  auto next = host().spawn({.argv = {"postern-probe", "--limit-ms", "20000", "127.0.0.1", "8080", "open=8", "echo"}});
  ASSERT_TRUE(next && wait_until([&] { return next->out() == "open 8\n"; }));  // by the kernel, into the backlog
  EXPECT_EQ(host().sh("ss -Htn state established 'dport = :7' | wc -l").out, "16\n");
  holds->signal(SIGUSR1);
  EXPECT_EQ(next->wait(), 0);
  EXPECT_EQ(next->out(), "open 8\necho 8\n");
}

TEST_F(LoopbackProxy, DatagramsGoBothWaysFromBothLoopbacks) {
  lead("udp * 53 54 192.0.2.2 - 7 web a1\\nudp ::1 60 60 - 2001:db8:1::2 7 web a1\\n");
  const auto server = echo();
  const auto running = proxy();
  ASSERT_TRUE(server && running);
  EXPECT_EQ(probe_udp("127.0.0.1", 53, {"open=20", "echo=1200", "echo=5"}).out, "open 20\necho 20\necho 20\n");
  EXPECT_EQ(probe_udp("::1", 53, {"open=20", "echo=1200"}).out, "open 20\necho 20\n") << "by a container of the other family";
  EXPECT_EQ(probe_udp("::1", 60, {"open=2", "echo=40000"}).out, "open 2\necho 2\n") << "in fragments";
  EXPECT_EQ(host().sh("ss -Hlun | grep -oE '(127[^ ]*|.::1.):[0-9]+' | sort | tr '\\n' ' '").out,
            "127.0.0.1:53 127.0.0.1:54 [::1]:53 [::1]:54 [::1]:60 ");
  EXPECT_THAT(running->err(), IsEmpty());
}

TEST_F(LoopbackProxy, AReplacedTableMovesTheDatagramPorts) {
  const auto server = echo();
  const auto other = serve(remote(), {"socat", "UDP4-RECVFROM:5354,fork", "SYSTEM:echo other"}, "u 'sport = :5354'");
  const auto running = proxy();
  ASSERT_TRUE(server && other && running);
  const auto bound = [&] { return host().sh("ss -Hlun | grep -oE '127.0.0.1:[0-9]+' | sort | tr '\\n' ' '").out; };
  EXPECT_EQ(bound(), "");
  lead("udp 127.0.0.1 53 53 192.0.2.2 - 7 web a1\\n");
  ASSERT_TRUE(wait_until([&] { return bound() == "127.0.0.1:53 "; })) << bound();
  EXPECT_EQ(probe_udp("127.0.0.1", 53, {"open", "echo"}).out, "open 1\necho 1\n");
  lead("udp 127.0.0.1 53 54 192.0.2.2 - 5354 web a1\\n");
  ASSERT_TRUE(wait_until([&] { return bound() == "127.0.0.1:53 127.0.0.1:54 "; })) << bound();
  EXPECT_TRUE(wait_until([&] { return asked("127.0.0.1", 53) == "other\n"; }));
  lead("");
  EXPECT_TRUE(wait_until([&] { return bound().empty(); })) << bound();
}

TEST_F(LoopbackProxy, ADatagramPortThatIsTakenAndALineThatIsWrongAreToldOnce) {
  const auto taken = serve(host(), {"socat", "-u", "UDP4-RECV:53,bind=127.0.0.1", "-"}, "u 'sport = :53'");
  lead("rubbish\\nudp 127.0.0.1 53 54 192.0.2.2 - 5353 web a1\\n");
  const auto running = proxy();
  ASSERT_TRUE(taken && running);
  lead("rubbish\\nudp 127.0.0.1 53 55 192.0.2.2 - 5353 web a1\\n");
  ASSERT_TRUE(wait_until([&] { return host().sh("ss -Hlun 'sport = :55' | grep -q .").ok(); }));
  const std::string said = running->err();
  EXPECT_THAT(said, HasSubstr("127.0.0.1 port 53"));
  EXPECT_THAT(said, HasSubstr("1: neither tcp nor udp: \"rubbish\""));
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 2) << said;
}

TEST_F(LoopbackProxy, DatagramPortsAndClientsHaveABound) {
  lead(
      fmt::format("udp 127.0.0.1 1 1 192.0.2.2 - 7 web a1\\nudp 127.0.0.1 2 2 {} - 7 web a1\\n"
                  "udp 127.0.0.1 100 199 192.0.2.2 - 7 web a1\\n",
                  kSilent4));
  const auto server = echo();
  const auto running = proxy("ulimit -n 160;");  // an eighth of them for each
  ASSERT_TRUE(server && running);
  EXPECT_EQ(host().sh("ss -Hlun | grep -c '127.0.0.1:'").out, "20\n");
  EXPECT_THAT(running->err(), HasSubstr("more than 20 UDP ports are published"));
  const auto count = [&] { return host().sh("ss -Hun 'dport = :7' | wc -l").out; };
  EXPECT_EQ(probe_udp("127.0.0.1", 2, {"open=50", "say"}).out, "open 50\nsay 2250\n");
  EXPECT_TRUE(wait_until([&] { return count() == "20\n"; })) << count();
  EXPECT_EQ(probe_udp("127.0.0.1", 1, {"open=5", "echo"}).out, "open 5\necho 5\n") << "those without an answer give way";
  EXPECT_EQ(count(), "20\n");
}

TEST_F(LoopbackProxy, TellsOnceThatSomebodyTookTheRulesAway) {
  const auto running = proxy();
  ASSERT_TRUE(running);
  ASSERT_THAT(host().sh("nft 'add table inet postern' && nft 'delete table inet postern; add table inet postern' && "
                        "nft flush ruleset"),
              Succeeds());
  ASSERT_TRUE(wait_until([&] { return running->err().find("the rules of bridge networks are gone") != std::string::npos; }));
  const std::string said = running->err();
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
}

TEST_F(LoopbackProxy, KeepsNoPowerButToBindAndEndsWhenItIsTold) {
  auto running = proxy();
  ASSERT_TRUE(running);
  const std::string status =
      host().sh(fmt::format("grep -E 'Seccomp:|NoNewPrivs|CapEff|CapPrm' /proc/{}/status | tr -d '\\t\\n'", running->pid())).out;
  EXPECT_EQ(status, "CapPrm:0000000000000400CapEff:0000000000000400NoNewPrivs:1Seccomp:2");
  EXPECT_THAT(host().sh(fmt::format("ls /proc/{}/root", running->pid())).out, Not(HasSubstr("etc")));
  running->signal(SIGTERM);
  EXPECT_EQ(running->wait(), 0);
}

}  // namespace
}  // namespace postern::lab
