// run_test.cpp - `postern run`: the network that a command finds, what it says of itself, and the status it ends with.
//
//   host (postern here)  =========  remote: nginx, dnsmasq
//     └─ 10.0.2.100, fd00::/64, dns 10.0.2.3: the command
#include <fmt/format.h>

#include "listener.h"
#include "postern_test.h"

namespace postern::lab {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class Run : public PosternAs {};
FOR_USER_AND_ROOT(Run);

class RunWithServers : public PosternAs {
  std::vector<Server> servers() const override { return {Server::http, Server::dns}; }
};
FOR_USER_AND_ROOT(RunWithServers);

class RunWithoutHostIpv6 : public PosternTest {
  Config config() const override { return {.families = Families::ipv4_only}; }
};

class RunOnNetwork : public PosternTest {
  std::vector<Server> servers() const override { return {Server::http, Server::dns}; }
};

TEST_P(Run, EndsWithTheCommandsStatus) {
  EXPECT_THAT(sh("postern run -- true"), Succeeds());
  EXPECT_THAT(sh("postern run -- sh -c 'exit 7'"), EndsWithStatus(7));
  EXPECT_THAT(sh("postern run sh -c 'exit 255'"), EndsWithStatus(255)) << "without the marker";
  EXPECT_THAT(sh("postern run -- sh -c 'kill -KILL $$'"), EndsWithStatus(137));
  EXPECT_THAT(sh("postern run -- sh -c 'kill -TERM $$'"), EndsWithStatus(143));
  EXPECT_THAT(sh("postern run --network none -- sh -c 'exit 9'"), EndsWithStatus(9));
}

TEST_P(Run, EndsWithTheOwnStatusOfAFailure) {
  EXPECT_THAT(sh("postern run --mtu 1 -- true"), EndsWithStatus(125));
  EXPECT_THAT(sh("postern run -- /etc/hostname"), EndsWithStatus(126));
  EXPECT_THAT(sh("postern run -- /etc"), EndsWithStatus(126));
  EXPECT_THAT(sh("postern run -- /no/such/program"), EndsWithStatus(127));
  EXPECT_THAT(sh("postern run -- no-such-program"), EndsWithStatus(127));
  EXPECT_THAT(sh("PATH=/proc/1/root/bin:$PATH postern run -- no-such-program"), EndsWithStatus(127))
      << "a folder of PATH that may not be read hides nothing";
}

TEST_P(RunWithServers, FetchesAPageOverBothFamilies) {
  EXPECT_EQ(sh("postern run -- curl -s http://$LAB_REMOTE4/").out, kPageText);
  EXPECT_EQ(sh("postern run -- curl -s http://[$LAB_REMOTE6]/").out, kPageText);
  EXPECT_EQ(sh("postern run -- curl -s http://$LAB_FAR4/client").out, fmt::format("{}\n", kHost4));
  EXPECT_EQ(sh("postern run -- curl -s http://[$LAB_FAR6]/client").out, fmt::format("{}\n", kHost6));
}

TEST_P(RunWithServers, ResolvesNames) {
  const Outcome outcome = sh(R"(postern run -- sh -c '
    curl -s http://$LAB_DNS_NAME/
    getent ahostsv4 $LAB_DNS_NAME4 | grep STREAM; getent ahostsv6 $LAB_DNS_NAME6 | grep STREAM
    dig @10.0.2.3 +short $LAB_DNS_NAME A; dig @10.0.2.3 +short +tcp $LAB_DNS_FAR_NAME AAAA
    dig @10.0.2.3 $LAB_DNS_LARGE_NAME TXT | grep -c ^large')");
  EXPECT_THAT(outcome, Succeeds());
  EXPECT_THAT(outcome.out, StartsWith(kPageText));
  EXPECT_THAT(outcome.out, ContainsRegex(fmt::format("{} +STREAM {}\n{} +STREAM {}\n{}\n{}\n16\n$", kRemote4, kName4, kRemote6,
                                                     kName6, kRemote4, kFar6)));
}

TEST_P(Run, RaisesBothLinksAndBothFamilies) {
  const Outcome outcome = sh("postern run -- sh -c 'ip -o addr; ip route; ip -6 route show default'");
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("inet 127.0.0.1/8"), HasSubstr("inet6 ::1/128"), HasSubstr("inet 10.0.2.100/24"),
                                 ContainsRegex("inet6 fd00::[^ ]+/64"), HasSubstr("default via 10.0.2.2 dev tap0"),
                                 HasSubstr("default via fe80::2 dev tap0")));
}

// The first thing it does would fail if it had been started earlier.
TEST_F(RunOnNetwork, StartsTheCommandWhenBothFamiliesWork) {
  for (int round = 0; round < 5; ++round) {
    const Outcome addresses = sh("postern run -- ip -6 addr show dev tap0");
    EXPECT_THAT(addresses.out, AllOf(ContainsRegex("inet6 fd00::.* scope global"), Not(HasSubstr("tentative"))));
    EXPECT_THAT(sh("postern run -- curl -s --max-time 5 http://[$LAB_REMOTE6]/"), Succeeds());
  }
}

TEST_F(RunOnNetwork, HasIpv6WhenTheHostHasADefaultRouteAndWhenToldTo) {
  EXPECT_THAT(sh("postern run --no-ipv6 -- ip -6 addr show dev tap0").out, Not(HasSubstr("fd00::")));
  EXPECT_THAT(sh("postern run --no-ipv6 -- ip -6 route show default").out, IsEmpty());
  ASSERT_THAT(host().sh("ip -6 route del default"), Succeeds());
  EXPECT_THAT(sh("postern run -- ip -6 addr show dev tap0").out, Not(HasSubstr("fd00::")));
  EXPECT_EQ(sh("postern run -- curl -s http://$LAB_REMOTE4/").out, kPageText);
  EXPECT_EQ(sh("postern run --ipv6 -- curl -s http://[$LAB_REMOTE6]/").out, kPageText) << "the link's own network";
}

TEST_F(RunWithoutHostIpv6, HasIpv4Alone) {
  EXPECT_THAT(sh("postern run -- ip -o addr show dev tap0").out, AllOf(HasSubstr("10.0.2.100"), Not(HasSubstr("fd00::"))));
  EXPECT_THAT(sh("postern run --ipv6 -- ip -o addr show dev tap0").out, HasSubstr("fd00::"));
}

TEST_F(RunOnNetwork, TakesTheNetworkItIsTold) {
  const Outcome outcome = sh(R"(postern run --cidr 192.168.127.0/25 -- sh -c '
    ip -o -4 addr show dev tap0; ip route show default; cat /etc/resolv.conf; dig +short $LAB_DNS_NAME A')");
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("192.168.127.100/25"), HasSubstr("default via 192.168.127.2"),
                                 HasSubstr("nameserver 192.168.127.3\n"), HasSubstr(kRemote4)));
}

TEST_F(RunOnNetwork, TakesTheNextNetworkThatTheHostLeavesFree) {
  ASSERT_THAT(host().sh("ip route add 10.0.2.128/25 via $LAB_REMOTE4 && ip route add 10.0.0.0/22 via $LAB_REMOTE4"), Succeeds());
  const Outcome outcome = sh("postern run -- sh -c 'ip -o -4 addr show dev tap0; dig @10.0.4.3 +short $LAB_DNS_NAME A'");
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("10.0.4.100/24"), HasSubstr(kRemote4)));
  EXPECT_THAT(sh("postern run --cidr 10.0.2.0/24 -- ip -o -4 addr").out, HasSubstr("10.0.2.100/24"))
      << "asked for, so it is given";
}

TEST_F(RunOnNetwork, RunsInItself) {
  const Outcome outcome = sh(R"(postern run -- postern run -- sh -c '
    ip -o -4 addr show dev tap0; curl -s http://$LAB_REMOTE4/client; curl -s http://[$LAB_REMOTE6]/client
    dig +short $LAB_DNS_NAME A')");
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("10.0.3.100/24"), HasSubstr(fmt::format("{}\n{}\n{}\n", kHost4, kHost6, kRemote4))))
      << outcome.err;
}

TEST_F(RunOnNetwork, GoesOutByTheAddressOrInterfaceItIsTold) {
  ASSERT_THAT(host().sh(R"(ip addr add 192.0.2.77/24 dev eth0; ip addr add 2001:db8:1::77/64 dev eth0 nodad
    ip link add out0 type veth peer name out1; ip link set out0 up
    ip addr add 192.0.2.78/32 dev out0; ip addr add 2001:db8:1::78/128 dev out0 nodad)"),
              Succeeds());
  ASSERT_THAT(remote().sh("ip -6 route add 2001:db8:1::78/128 via $LAB_HOST6"), Succeeds());
  const auto client = [this](std::string_view option, std::string_view url) {
    return sh(fmt::format("postern run {} -- curl -s --max-time 5 http://{}/client", option, url)).out;
  };
  EXPECT_EQ(client("--outbound-addr 192.0.2.77", "$LAB_REMOTE4"), "192.0.2.77\n");
  EXPECT_EQ(client("--outbound-addr out0", "$LAB_REMOTE4"), "192.0.2.78\n");
  EXPECT_EQ(client("--outbound-addr6 2001:db8:1::77", "[$LAB_REMOTE6]"), "2001:db8:1::77\n");
  EXPECT_EQ(client("--outbound-addr6 out0", "[$LAB_REMOTE6]"), "2001:db8:1::78\n");
}

TEST_P(Run, HasOnlyLoopbackWithoutANetwork) {
  EXPECT_THAT(sh("postern run --network none -- sh -c 'ip -o link | cut -d: -f2; ping -q -c1 127.0.0.1'").out,
              AllOf(StartsWith(" lo\nPING"), HasSubstr("1 received")));
  EXPECT_THAT(sh("postern run --network none -- ping -c1 -W1 $LAB_HOST4"), Not(Succeeds()));
}

TEST_P(Run, StaysInTheHostsNetworkWhenToldTo) {
  EXPECT_THAT(sh("test $(readlink /proc/self/ns/net) = $(postern run --network host -- readlink /proc/self/ns/net)"), Succeeds());
  EXPECT_THAT(sh("test $(readlink /proc/self/ns/pid) != $(postern run --network host -- readlink /proc/self/ns/pid)"),
              Succeeds());
}

TEST_F(RunOnNetwork, FindsTheHostByName) {
  auto server = Listener::open(host(), Transport::tcp, {*parse_ip(kHost4), {}});
  ASSERT_TRUE(server) << server.error().message();
  Process knocking =
      start_sh(fmt::format("exec postern run -- sh -c 'echo knock | nc -4 -N host.postern.internal {}'", server->port().number));
  const auto arrival = server->next();
  ASSERT_TRUE(arrival) << knocking.err();
  EXPECT_EQ(arrival->bytes, "knock\n");
}

// A descriptor of ours with such a number would be taken for the caller's, and be lost.
TEST_F(RunOnNetwork, LeavesStreamsClosedThatItFindsClosed) {
  const std::string_view streams = R"(
import os
def is_open(fd):
    try: return bool(os.fstat(fd))
    except OSError: return False
found = [fd for fd in range(3) if is_open(fd)]
print(*found, file=open(os.environ["TMPDIR"] + "/streams", "w")))";
  for (const auto& [closed, open] : {std::pair("<&-", "1 2\n"), {"<&- >&-", "2\n"}, {"<&- >&- 2>&-", "\n"}}) {
    for (const std::string_view network : {"slirp", "none"}) {
      const std::string run = fmt::format("postern run --network {} -- python3 -c '{}' {}", network, streams, closed);
      EXPECT_THAT(sh(run), Succeeds()) << run;
      EXPECT_EQ(sh("cat $TMPDIR/streams").out, open) << run;
    }
    Process endless = start_sh(fmt::format("exec postern run --ready-fd 5 -- sleep 1000 5>$TMPDIR/ready {}", closed));
    ASSERT_TRUE(wait_until([&] { return !endless.running() || sh("grep -qs 1 $TMPDIR/ready").ok(); }));
    endless.signal(SIGTERM);
    EXPECT_EQ(endless.wait(), 143) << closed;
    EXPECT_THAT(sh("rm $TMPDIR/ready"), Succeeds());
  }
  const Outcome ready = sh("postern run --ready-fd 0 -- true <&-");
  EXPECT_THAT(ready, EndsWithStatus(125));
  EXPECT_THAT(ready.err, AllOf(IsOneLine(), HasSubstr("--ready-fd 0: is not open")));
}

TEST_F(RunOnNetwork, TellsReadinessOnceTheCommandRuns) {
  const Outcome outcome =
      sh("postern run --ready-fd 5 -- sh -c 'ls /proc/self/fd | tr \"\\n\" \" \"' 5>$TMPDIR/ready; cat $TMPDIR/ready");
  EXPECT_EQ(outcome.out, "0 1 2 3 1") << "the command must not hold it open: 3 is ls's own";
  auto waiting = start_sh("{ postern run --ready-fd 5 -- sleep infinity 5>&1 >/dev/null & } | cat; echo end of file");
  EXPECT_TRUE(says(waiting, "1end of file")) << waiting.out();
}

TEST_F(RunOnNetwork, GoesOnWhereNobodyListensToWhatItSays) {
  const std::string_view unread = "rm -f $TMPDIR/pipe; mkfifo $TMPDIR/pipe; exec 8<>$TMPDIR/pipe 7>$TMPDIR/pipe 8<&-; ";
  for (const std::string_view network : {"none", "host", "slirp"}) {
    const std::string run =
        fmt::format("postern run --verbose --network {} --ready-fd 7 -- sh -c 'echo ran; exit 9' 2>&7", network);
    const Outcome outcome = sh(fmt::format("{}{}", unread, run));
    EXPECT_THAT(outcome, EndsWithStatus(9)) << network;
    EXPECT_EQ(outcome.out, "ran\n") << network;
  }
}

TEST_F(RunOnNetwork, LeavesABrokenPipeToTheCommandAsTheCallerHasIt) {
  const std::string_view shows =
      R"(postern run --network none -- sh -c 'echo $((0x$(sed -n "s/^SigIgn:.//p" /proc/self/status) & 0x1000))')";
  EXPECT_EQ(sh(fmt::format("env --default-signal=PIPE {}", shows)).out, "0\n");
  EXPECT_EQ(sh(fmt::format("env --ignore-signal=PIPE {}", shows)).out, "4096\n");
}

// As in a container: /proc/sys is read-only, so duplicate address detection cannot be turned off, and a new /proc is refused.
TEST_F(RunOnNetwork, GoesOnWithoutIpv6AfterASecond) {
  ASSERT_THAT(host().sh("mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys"), Succeeds());
  const Outcome outcome = sh("postern run -- curl -s http://$LAB_REMOTE4/");
  EXPECT_EQ(outcome.out, kPageText);
  EXPECT_THAT(outcome.err, AllOf(IsOneLine(), HasSubstr("no IPv6 address inside after 1 s")));
}

}  // namespace
}  // namespace postern::lab
