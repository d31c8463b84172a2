// lab_test.cpp - the lab keeps what tests/support promises: topology, servers, users, ends. Real clients bear witness.
#include "lab_test.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <set>

#include "container.h"
#include "listener.h"
#include "topology.h"
#include "wire.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

class LabHosts : public LabTest {};

class LabServers : public LabTest {
  std::vector<Server> servers() const override { return {Server::http, Server::dns, Server::echo}; }
};

TEST_F(LabServers, AnswerHttpOnEveryAddress) {
  for (const std::string_view at : {kRemote4, kFar4}) {
    EXPECT_EQ(host().run({"curl", "-s", fmt::format("http://{}/", at)}).out, kPageText);
    EXPECT_EQ(host().run({"curl", "-s", fmt::format("http://{}/client", at)}).out, fmt::format("{}\n", kHost4));
  }
  for (const std::string_view at : {kRemote6, kFar6}) {
    EXPECT_EQ(host().run({"curl", "-s", fmt::format("http://[{}]/client", at)}).out, fmt::format("{}\n", kHost6));
  }
}

TEST_F(LabServers, AnswerHttpForTheUserByName) { EXPECT_EQ(host().sh_as_user("curl -s http://$LAB_DNS_NAME/").out, kPageText); }

TEST_F(LabServers, StoreUploads) {
  ASSERT_TRUE(make_web_file(remote(), "two.bin", 2 << 20));
  const Outcome sums = host().sh(
      "curl -s http://$LAB_REMOTE4/two.bin -o $TMPDIR/two.bin && curl -sf -T $TMPDIR/two.bin http://$LAB_REMOTE4/upload/up.bin &&"
      "sha256sum < $TMPDIR/two.bin && sha256sum < $LAB_WWW/two.bin && sha256sum < $LAB_WWW/upload/up.bin");
  ASSERT_THAT(sums, Succeeds());
  EXPECT_EQ(sums.out.substr(0, sums.out.find('\n')).size(), 64 + 3);
  EXPECT_EQ(std::set<std::string>({sums.out.substr(0, 64), sums.out.substr(68, 64), sums.out.substr(136, 64)}).size(), 1U);
}

TEST_F(LabServers, ResolveNamesOverUdpAndTcp) {
  const auto dig = [this](std::string_view question) { return host().sh(fmt::format("dig +short {}", question)).out; };
  EXPECT_EQ(dig("$LAB_DNS_NAME A"), fmt::format("{}\n", kRemote4));
  EXPECT_EQ(dig("+tcp $LAB_DNS_NAME AAAA"), fmt::format("{}\n", kRemote6));
  EXPECT_EQ(dig("@$LAB_REMOTE6 $LAB_DNS_NAME4 A"), fmt::format("{}\n", kRemote4));
  EXPECT_EQ(dig("$LAB_DNS_NAME4 AAAA"), "");
  EXPECT_THAT(host().sh("dig nosuch.lab.test; dig example.com").out, AllOf(HasSubstr("NXDOMAIN"), Not(HasSubstr("REFUSED"))));
  EXPECT_THAT(host().sh("dig +ignore $LAB_DNS_LARGE_NAME TXT").out, HasSubstr("flags: qr aa tc"));
  EXPECT_THAT(host().sh("dig $LAB_DNS_LARGE_NAME TXT").out, AllOf(HasSubstr("(TCP)"), HasSubstr("ANSWER: 16")));
}

TEST_F(LabServers, EchoFromTheAddressThatWasAsked) {
  for (const std::string_view at : {kRemote4, kFar4, kRemote6, kFar6}) {
    EXPECT_EQ(host().sh(fmt::format("echo hello | nc -N {} {}", at, kEchoPort)).out, "hello\n");
    EXPECT_EQ(host().sh(fmt::format("echo hello | nc -u -W1 -w5 {} {}", at, kEchoPort)).out, "hello\n") << at;
  }
}

TEST_F(LabHosts, ReachEachOtherAndNobodyElse) {
  for (const std::string_view at : {kRemote4, kFar4, kRemote6, kFar6}) {
    EXPECT_THAT(host().sh_as_user(fmt::format("ping -c1 -W5 {}", at)), Succeeds());
  }
  EXPECT_THAT(remote().sh("ping -c1 -W5 $LAB_HOST4 && ping -c1 -W5 $LAB_HOST6"), Succeeds());
  EXPECT_THAT(host().sh("ping -c1 -W5 $LAB_UNREACHABLE4").out, HasSubstr("Destination Host Unreachable"));
  EXPECT_THAT(host().sh("ping -c1 -W5 $LAB_UNREACHABLE6").out, HasSubstr("Destination unreachable"));
  EXPECT_THAT(host().sh("ping -c1 -W0.2 $LAB_SILENT4").out, HasSubstr("0 received, 100% packet loss"));
  EXPECT_EQ(host().sh("ip -o link | cut -d: -f2").out, " lo\n eth0@if2\n");
}

TEST_F(LabHosts, RunTheUserWithoutPrivilege) {
  EXPECT_EQ(host().sh_as_user("id -u; id -un; id -G").out, "4000\nlab\n4000\n");
  EXPECT_EQ(host().sh_as_user("grep -E 'Cap(Eff|Prm)|NoNewPrivs' /proc/self/status | tr -d '\\n\\t'").out,
            "CapPrm:0000000000000000CapEff:0000000000000000NoNewPrivs:0");
  EXPECT_THAT(host().sh_as_user("ip link set lo down").err, HasSubstr("Operation not permitted"));
  EXPECT_THAT(host().sh_as_user("touch $HOME/x $TMPDIR/y $XDG_RUNTIME_DIR/z && rm $TMPDIR/y"), Succeeds());
  EXPECT_THAT(host().sh_as_user("unshare -rn ip link set lo up"), Succeeds());
}

TEST_F(LabHosts, GiveTheUserATunNode) {
  LAB_SKIP_UNLESS(!lab().missing("tun"), "tun", *lab().missing("tun"));
  EXPECT_THAT(host().sh_as_user("unshare -rn ip tuntap add tap0 mode tap"), Succeeds());
}

TEST_F(LabHosts, GiveTheUserSubordinateIds) {
  LAB_SKIP_UNLESS(!lab().missing("subuid"), "subuid", *lab().missing("subuid"));
  LAB_SKIP_UNLESS(host().sh("command -v newuidmap").ok(), "newuidmap", "apt-get install uidmap");
  EXPECT_THAT(host().sh_as_user("unshare -r --map-auto awk '{print $2, $3}' /proc/self/uid_map").out, HasSubstr("100000 65535"));
}

TEST_F(LabHosts, CarryATapOfSlirp4netns) {
  LAB_SKIP_UNLESS(!lab().missing("tun"), "tun", *lab().missing("tun"));
  LAB_SKIP_UNLESS(host().sh("command -v slirp4netns").ok(), "slirp4netns", "apt-get install slirp4netns");
  const auto web = start(remote(), Server::http);
  ASSERT_TRUE(web) << web.error().message();
  auto inside = host().spawn({.argv = {"unshare", "-rn", "sleep", "1000"}, .role = Role::user});
  ASSERT_TRUE(inside) << inside.error().message();
  const std::string pid = std::to_string(inside->pid());
  ASSERT_TRUE(wait_until(
      [&] { return host().sh_as_user("test $(readlink /proc/" + pid + "/ns/net) != $(readlink /proc/self/ns/net)").ok(); }));
  auto slirp = host().spawn({.argv = {"slirp4netns", "-c", pid, "tap0"}, .role = Role::user});
  ASSERT_TRUE(slirp) << slirp.error().message();
  const std::string enter = "nsenter -t " + pid + " -U -n --preserve-credentials ";
  ASSERT_TRUE(wait_until([&] { return !host().sh_as_user(enter + "ip route show default").out.empty(); })) << slirp->err();
  EXPECT_EQ(host().sh_as_user(enter + "curl -s http://$LAB_REMOTE4/client").out, fmt::format("{}\n", kHost4));
}

TEST_F(LabHosts, HaveFilesOfTheirOwn) {
  EXPECT_EQ(host().sh("cat /etc/resolv.conf").out, fmt::format("nameserver {}\n", kRemote4));
  EXPECT_EQ(host().sh("getent passwd lab").out, "lab:x:4000:4000:lab:/run/lab/home:/bin/sh\n");
  EXPECT_THAT(host().sh("echo mine > /etc/lab-made-this && echo 203.0.113.1 other > /etc/hosts"), Succeeds());
  EXPECT_FALSE(std::filesystem::exists("/etc/lab-made-this"));
  EXPECT_THAT(host().sh("getent ahosts root.invalid || ls -d /run/*").out, Not(HasSubstr("nscd")));
}

TEST_F(LabHosts, AreSeparateFromAnotherLab) {
  auto other = Lab::make();
  ASSERT_TRUE(other) << other.error().message();
  const auto here = Listener::open(host(), Transport::tcp, {Ipv4::of(127, 0, 0, 1), {8080}});
  const auto there = Listener::open(other->host(), Transport::tcp, {Ipv4::of(127, 0, 0, 1), {8080}});
  ASSERT_TRUE(here && there);
  EXPECT_THAT(host().sh("touch /run/lab/tmp/here && nc -z 127.0.0.1 8080"), Succeeds());
  EXPECT_TRUE(here->reached());
  EXPECT_FALSE(there->reached());
  EXPECT_THAT(other->host().sh("test ! -e /run/lab/tmp/here"), Succeeds());
}

TEST_F(LabHosts, LendSocketsToTheTest) {
  for (const char* at : {"127.0.0.1", "::1"}) {
    for (const Transport transport : {Transport::tcp, Transport::udp}) {
      auto listener = Listener::open(host(), transport, {*parse_ip(at), {}});
      ASSERT_TRUE(listener) << listener.error().message();
      EXPECT_FALSE(listener->reached());
      const char* kind = transport == Transport::udp ? "-u -w1" : "-N";
      host().sh(fmt::format("printf knock | nc {} {} {} >/dev/null &", kind, at, listener->port().number));
      const auto arrival = listener->next();
      ASSERT_TRUE(arrival) << at;
      EXPECT_EQ(arrival->bytes, "knock");
      EXPECT_EQ(to_string(arrival->from.address), at);
    }
  }
}

TEST_F(LabHosts, HoldContainersOfTheirOwn) {
  auto container = Container::start(host());
  ASSERT_TRUE(container) << container.error().message();
  EXPECT_EQ(container->sh("ip -o link | cut -d: -f2").out, " lo\n");
  EXPECT_EQ(container->sh("readlink /proc/self/ns/net").out, host().sh("readlink " + container->path()).out);
  EXPECT_NE(container->sh("readlink /proc/self/ns/net").out, host().sh("readlink /proc/self/ns/net").out);
  ASSERT_THAT(container->sh("ip link set lo up"), Succeeds());
  auto inside = Listener::open(*container, Transport::udp, {*parse_ip("127.0.0.1"), Port{5353}});
  ASSERT_TRUE(inside) << inside.error().message();
  ASSERT_THAT(host().run({"bash", "-c", "echo outside > /dev/udp/127.0.0.1/5353"}), Succeeds());
  ASSERT_THAT(container->run({"bash", "-c", "echo inside > /dev/udp/127.0.0.1/5353"}), Succeeds());
  EXPECT_EQ(inside->next()->bytes, "inside\n");
  EXPECT_FALSE(inside->reached());
  container->end();
  EXPECT_EQ(container->sh("true").status, Outcome::kNotStarted);
}

TEST_F(LabHosts, CarryRawFrames) {
  auto web = start(remote(), Server::echo);
  ASSERT_TRUE(web) << web.error().message();
  EXPECT_EQ(host().sh("postern-rawframe eth0 --syn $LAB_FAR4 7").out, "tcp 198.51.100.2:7 > 192.0.2.1:40000 SYN,ACK\n");
  EXPECT_EQ(host().sh("postern-rawframe eth0 --syn $LAB_REMOTE6 9").out,
            "tcp [2001:db8:1::2]:9 > [2001:db8:1::1]:40000 RST,ACK\n");
  EXPECT_EQ(host().sh("postern-rawframe eth0 --udp $LAB_FAR4 7 --payload 12345").out,
            "udp 198.51.100.2:7 > 192.0.2.1:40000 5 bytes\n");
  EXPECT_EQ(host().sh("postern-rawframe eth0 --udp $LAB_REMOTE4 9").out, "icmp 192.0.2.2 > 192.0.2.1 type 3 code 3\n");
  EXPECT_EQ(host().sh("postern-rawframe eth0 --echo $LAB_REMOTE6").out, "icmp6 2001:db8:1::2 > 2001:db8:1::1 type 129 code 0\n");
  EXPECT_THAT(host().sh("postern-rawframe eth0 --syn 127.0.0.1 7 --wait-ms 100"), EndsWithStatus(1));
  EXPECT_THAT(host().sh("postern-rawframe nosuch --syn 127.0.0.1 7"), EndsWithStatus(2));
}

TEST_F(LabHosts, GiveAProcessItsInputStatusAndLimit) {
  EXPECT_EQ(host().run(Command{.argv = {"cat"}, .input = "said"}).out, "said");
  EXPECT_THAT(host().sh("exit 7"), EndsWithStatus(7));
  EXPECT_THAT(host().sh("kill -9 $$"), EndsWithStatus(137));
  EXPECT_THAT(host().run({"no-such-program"}), EndsWithStatus(Outcome::kNotStarted));
  EXPECT_THAT(host().run(Command{.argv = {"sleep", "1000"}, .limit = 20ms}), EndsWithStatus(Outcome::kTimedOut));
  EXPECT_EQ(host().run(Command{.argv = {"sh", "-c", "echo $MINE"}, .environment = {"MINE=1"}}).out, "1\n");
}

TEST_F(LabHosts, EndAProcessAndItsGroupWithItsObject) {
  {
    auto process = host().spawn({.argv = {"sh", "-c", "sleep 1000 & sleep 1000"}});
    ASSERT_TRUE(process) << process.error().message();
    ASSERT_TRUE(wait_until([this] { return lab().processes().size() == 3; }));
    process->signal(0);
    EXPECT_TRUE(process->running());
  }
  EXPECT_TRUE(wait_until([this] { return lab().processes().empty(); }));
}

TEST_F(LabHosts, SignalOneProcessAlone) {
  auto process = host().spawn({.argv = {"sh", "-c", "sleep 1000 & wait"}});
  ASSERT_TRUE(process) << process.error().message();
  const auto named_sleep = [](const ProcessSeen& seen) { return seen.name == "sleep"; };
  ASSERT_TRUE(wait_until([&] { return std::ranges::any_of(lab().processes(), named_sleep); }));
  process->signal(SIGTERM);
  EXPECT_EQ(process->wait(), 128 + SIGTERM);
  const auto left = lab().processes();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_TRUE(named_sleep(left[0]));
}

/// Whether any process of this machine has `netns` as its network namespace.
bool is_in_use(const std::string& netns) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    if (std::filesystem::read_symlink(entry.path() / "ns/net", error) == netns) return true;
  }
  return false;
}

// postern-lab as a child of the test; its command has daemons in both hosts and says which namespaces they are in.
struct Script {
  pid_t pid;
  std::string host, remote;
};

Script start_script(const std::string& program) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    const char* command =
        "setsid sleep 1000 & postern-lab --enter remote sh -c 'readlink /proc/self/ns/net; setsid sleep 1000 & wait' & "
        "postern-lab --enter host readlink /proc/self/ns/net; wait";
    ::execl(program.c_str(), program.c_str(), "--user", "--servers", "echo", "--", "sh", "-c", command, nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  const UniqueFd reading(ends[0]);
  std::string text;
  for (char byte = 0; std::count(text.begin(), text.end(), '\n') < 2 && ::read(reading.get(), &byte, 1) == 1;) text += byte;
  const size_t end = text.find('\n');
  return {pid, text.substr(0, end), text.substr(end + 1, text.size() - end - 2)};
}

TEST(LabEnd, LeavesNothingAfterSigkillOfItsMaker) {
  const Script script = start_script(std::filesystem::read_symlink("/proc/self/exe").parent_path() / "postern-lab");
  ASSERT_NE(script.host, script.remote);
  EXPECT_TRUE(is_in_use(script.host) && is_in_use(script.remote));
  ASSERT_EQ(::kill(script.pid, SIGKILL), 0);
  ::waitpid(script.pid, nullptr, 0);
  EXPECT_TRUE(wait_until([&] { return !is_in_use(script.host) && !is_in_use(script.remote); }, 2s));
}

TEST(LabEnd, ComesWithTheObject) {
  auto lab = Lab::make();
  ASSERT_TRUE(lab) << lab.error().message();
  auto daemon = lab->remote().run({"sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & readlink /proc/self/ns/net"});
  const std::string netns = daemon.out.substr(0, daemon.out.find('\n'));
  EXPECT_TRUE(is_in_use(netns));
  { const Lab ended = *std::move(lab); }
  EXPECT_FALSE(is_in_use(netns));
}

TEST(LabEnd, TellsItsProcesses) {
  auto lab = Lab::make();
  ASSERT_TRUE(lab) << lab.error().message();
  auto process = lab->host().spawn({.argv = {"sleep", "1000"}});
  ASSERT_TRUE(process);
  { const Lab ended = *std::move(lab); }
  EXPECT_EQ(process->wait(0ms), 128 + SIGKILL);
}

class LabOfAnOrdinaryUser : public LabTest {
 protected:
  // The same lab again, made inside this one by a user without any privilege.
  Outcome in_inner_lab(const std::string& options, const std::string& script) const {
    return host().run_as_user({"sh", "-c", "exec postern-lab " + options + " -- sh -c '" + script + "'"});
  }
};

TEST_F(LabOfAnOrdinaryUser, HasServersAndBothRoles) {
  EXPECT_EQ(in_inner_lab("--servers http,dns,echo", "curl -s http://$LAB_DNS_NAME/; id -u").out, std::string(kPageText) + "0\n");
  EXPECT_EQ(in_inner_lab("--user --servers http", "curl -s http://$LAB_FAR4/; id -u; unshare -rn true && echo nested").out,
            std::string(kPageText) + "4000\nnested\n");
  EXPECT_THAT(in_inner_lab("--user", "ip link set lo down").err, HasSubstr("not permitted"));
  EXPECT_THAT(in_inner_lab("--user", "ping -c1 -W5 $LAB_FAR6"), Succeeds());
}

TEST_F(LabOfAnOrdinaryUser, SaysWhatItLacks) { EXPECT_THAT(in_inner_lab("", "echo $LAB_MISSING").out, HasSubstr("subuid")); }

TEST_F(LabHosts, CanDoWithoutIpv6) {
  auto lab4 = Lab::make({.mtu_bytes = 9000, .families = Families::ipv4_only});
  ASSERT_TRUE(lab4) << lab4.error().message();
  EXPECT_EQ(lab4->host().sh("ip -6 route show default").out, "");
  EXPECT_EQ(lab4->host().sh("ip -o link show eth0 | grep -o 'mtu [0-9]*'").out, "mtu 9000\n");
}

class LabWire : public LabServers {
 protected:
  void SetUp() override {
    LabServers::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    LAB_SKIP_UNLESS(!lab().missing("tun"), "tun", *lab().missing("tun"));
    auto laid = start(lab(), wire_);
    ASSERT_TRUE(laid) << laid.error().message();
    process_.emplace(*std::move(laid));
  }

  const Wire wire_{.number = 1, .round_trip = 20ms};

 private:
  std::optional<Process> process_;
};

TEST_F(LabWire, TakesItsTimeInBothFamilies) {
  for (const std::string& at : {wire_.remote4(), wire_.remote6()}) {
    const Outcome ping = host().sh(fmt::format("ping -c30 -i0.05 -W5 {} | sed -n 's|^rtt.* = \\([0-9]*\\).*|\\1|p'", at));
    EXPECT_THAT(ping, Succeeds());
    EXPECT_GE(std::atoi(ping.out.c_str()), 20) << at;
    EXPECT_LT(std::atoi(ping.out.c_str()), 40) << at;  // the quickest of thirty, on a machine with other work
  }
}

TEST_F(LabWire, CarriesABulkUnchangedAndCountsNoLoss) {
  ASSERT_TRUE(make_web_file(remote(), "bulk", 16 << 20));
  const Outcome sums = host().sh(fmt::format("curl -s http://{}/bulk | sha256sum; sha256sum <$LAB_WWW/bulk", wire_.remote4()));
  ASSERT_EQ(sums.out.size(), 2 * 68U) << sums.err;
  EXPECT_EQ(sums.out.substr(0, 68), sums.out.substr(68));
  EXPECT_EQ(host().run({"cat", wire_.lost_file()}).out, "0\n");
}

TEST_F(LabWire, TellsScriptsItsAddress) {
  EXPECT_EQ(host().sh("postern-lab --no-ipv6 --wires 5,20 -- sh -c 'echo $LAB_WIRE_5MS4 $LAB_WIRE_20MS4 $LAB_WIRE_20MS6'").out,
            "203.0.113.2 203.0.113.6\n");
}

}  // namespace
}  // namespace postern::lab
