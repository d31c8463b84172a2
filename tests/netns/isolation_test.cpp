// isolation_test.cpp - what root inside may not reach: the host's loopback, whatever frame it makes up.
//
//   guest: AF_PACKET on tap0                      host of the lab
//   postern-rawframe ── knocks ──► postern ──X──► port 7000, TCP and UDP, on every address of the host, loopback first
//                    ── marker ──►         ─────► port 7001, UDP, on 192.0.2.1: everything before it has been dealt with
//
// Frames leave a TAP in the order in which they came, and a connect to the loopback is there at once; so when the marker has
// arrived, a knock that has not will never.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "guest_test.h"
#include "hostile_frames.h"
#include "listener.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;
using namespace std::chrono_literals;

constexpr Port kDoorPort{7000}, kMarkerPort{7001};

std::vector<IpAddress> addresses(std::initializer_list<const char*> texts) {
  std::vector<IpAddress> parsed;
  for (const char* text : texts) parsed.push_back(*parse_ip(text));
  return parsed;
}

/// Every address that stands for the host itself, or that a stack could take for one.
const std::vector<IpAddress>& host_faces() {
  static const auto kFaces = addresses({"127.0.0.1",        "127.0.0.53",  "127.255.255.254", "0.0.0.0",   "0.1.2.3", "10.0.2.2",
                                        "10.0.2.3",         "10.0.2.255",  "255.255.255.255", "224.0.0.1", "::1",     "::",
                                        "::ffff:127.0.0.1", "::127.0.0.1", "::ffff:0.0.0.0",  "fd00::2",   "fd00::3", "fd00::",
                                        "fd00::1",          "fd00::dead",  "fe80::2",         "fe80::1",   "ff02::1"});
  return kFaces;
}

/// What a kernel can be told: that its own 127.0.0.1 is somewhere else. (Of ::1 it will not believe it.)
constexpr const char* kLoopbackThroughTheTap = R"(set -e
  sysctl -qw net.ipv4.conf.all.route_localnet=1 net.ipv4.conf.tap0.route_localnet=1 net.ipv4.conf.all.rp_filter=0
  ip address flush dev lo
  ip route flush table local dev lo
  ip route add 127.0.0.0/8 dev tap0 src 10.0.2.100
  ip neighbour replace 127.0.0.1 lladdr 52:55:0a:00:02:02 dev tap0)";

/// All the doors of the host at one port, and what has come through them.
class Doors {
 public:
  static Result<Doors> open(const Machine& host) {
    Doors doors;
    for (const char* any : {"0.0.0.0", "::"}) {
      for (const Transport transport : {Transport::tcp, Transport::udp}) {
        POSTERN_TRY(door, Listener::open(host, transport, {*parse_ip(any), kDoorPort}), "doors");
        (transport == Transport::tcp ? doors.tcp_ : doors.udp_).push_back(std::move(door));
      }
    }
    return doors;
  }

  size_t connections() {
    size_t count = 0;
    for (Listener& door : tcp_) {
      while (door.next(0ms)) ++count;
    }
    return count;
  }

  /// The names of the knocks, for that is what they carry.
  std::set<std::string> datagrams() {
    std::set<std::string> names;
    for (Listener& door : udp_) {
      while (const auto datagram = door.next(0ms)) names.insert(datagram->bytes);
    }
    return names;
  }

 private:
  std::vector<Listener> tcp_, udp_;
};

class Isolation : public GuestTest {
 protected:
  void SetUp() override {
    GuestTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto doors = Doors::open(host());
    ASSERT_TRUE(doors) << doors.error().message();
    doors_.emplace(*std::move(doors));
    auto marker = Listener::open(host(), Transport::udp, {*parse_ip(kHost4), kMarkerPort});
    ASSERT_TRUE(marker) << marker.error().message();
    marker_.emplace(*std::move(marker));
  }

  Doors& doors() { return *doors_; }

  /// Runs a program beside the TAP that sends these frames and then the marker, and waits for that.
  template <class RunInside>
  void send(std::vector<Bytes> frames, RunInside run_inside) {
    frames.push_back(honest_datagram(*parse_ip(kHost4), kMarkerPort, "marker"));
    const Outcome sent =
        run_inside(Command{.argv = {"postern-rawframe", "tap0", "--stdin", "--wait-ms", "0"}, .input = to_hex_lines(frames)});
    ASSERT_THAT(sent, EndsWithStatus(1));  // sent; we did not wait for answers
    ASSERT_TRUE(marker_->next());
  }

  struct Reached {
    std::vector<std::string> over_tcp;  // the addresses knocked at
    std::set<std::string> over_udp;     // the knocks
  };

  /// One address after the other, or a connection would not tell which knock it was.
  template <class RunInside>
  Reached knock(const std::vector<IpAddress>& destinations, RunInside run_inside) {
    const std::vector<Knock> knocks = knocks_at(destinations, kDoorPort);
    Reached reached;
    for (const IpAddress& destination : destinations) {
      std::vector<Bytes> frames;
      for (const Knock& knock : knocks) {
        if (knock.to == destination) frames.insert(frames.end(), knock.frames.begin(), knock.frames.end());
      }
      send(std::move(frames), run_inside);
      if (HasFatalFailure()) return reached;
      if (doors().connections() > 0) reached.over_tcp.push_back(to_string(destination));
      reached.over_udp.merge(doors().datagrams());
    }
    return reached;
  }

 private:
  std::optional<Doors> doors_;
  std::optional<Listener> marker_;
};

TEST_F(Isolation, TheDoorsDoNotice) {
  for (const char* at : {"127.0.0.1", "127.0.0.53", "0.0.0.0", "::1", "::ffff:127.0.0.1", "192.0.2.1"}) {
    sh(fmt::format("postern-probe {0} 7000 open; postern-probe {0} 7000 --udp --limit-ms 1 open echo", at));
    EXPECT_EQ(doors().connections(), 1U) << at;
    EXPECT_EQ(doors().datagrams().size(), 1U) << at;
  }
}

// The test of the test: the same frames do get through libslirp, whose own switch looks at its virtual addresses alone.
TEST_F(Isolation, TheFramesReachTheLoopbackBehindSlirp4netnsAlone) {
  LAB_SKIP_UNLESS(sh("command -v slirp4netns").ok(), "slirp4netns", "apt-get install slirp4netns");
  const Process inside = start_sh("exec unshare --user --map-root-user --net sleep infinity");
  const std::string pid = std::to_string(inside.pid());
  const std::string is_there =
      fmt::format("test $(readlink /proc/{0}/ns/user) != $(readlink /proc/self/ns/user) && grep -q . /proc/{0}/uid_map", pid);
  ASSERT_TRUE(wait_until([&] { return sh(is_there).ok(); }));
  const Process slirp = start_sh("exec slirp4netns --configure --enable-ipv6 --disable-host-loopback " + pid + " tap0");
  const auto run_inside = [&](Command command) {
    command.argv.insert(command.argv.begin(), {"nsenter", "-t", pid, "-U", "-n", "--preserve-credentials"});
    command.role = role();
    return host().run(command);
  };
  ASSERT_TRUE(wait_until([&] { return !run_inside({.argv = {"ip", "route", "show", "default"}}).out.empty(); })) << slirp.err();
  const Reached reached = knock(addresses({"127.0.0.1", "127.0.0.53", "0.0.0.0", "10.0.2.2", "::1"}), run_inside);
  EXPECT_THAT(reached.over_tcp, IsSupersetOf({"127.0.0.1", "127.0.0.53", "0.0.0.0", "::1"}));
  EXPECT_THAT(reached.over_udp,
              IsSupersetOf({"udp 127.0.0.1 plain", "udp 127.0.0.1 in fragments", "udp 127.0.0.1 with a record route",
                            "udp 127.0.0.1 from the gateway", "udp 0.0.0.0 plain", "udp ::1 plain"}));
  EXPECT_THAT(reached.over_udp, Not(Contains("udp 10.0.2.2 plain")));

  ASSERT_THAT(run_inside({.argv = {"sh", "-c", kLoopbackThroughTheTap}}), Succeeds());
  run_inside({.argv = {"postern-probe", "127.0.0.1", "7000", "open"}});
  EXPECT_EQ(doors().connections(), 1U);
}

TEST_F(Isolation, NoFrameReachesTheHostsLoopback) {
  const auto inside = guest({.options = {"--ipv6"}});
  ASSERT_TRUE(inside);
  const Reached reached = knock(host_faces(), [&](const Command& command) { return inside->run(command); });
  EXPECT_THAT(reached.over_tcp, IsEmpty());
  EXPECT_THAT(reached.over_udp, IsEmpty());
}

// The answers of a published port may go to the gateway, the face of clients on the loopback; no others may.
TEST_F(Isolation, NoFrameReachesItFromAPublishedPortEither) {
  const auto inside =
      guest({.options = {"--ipv6", "-p", "5000:5000/udp", "-p", "[::]:5000:5000/udp", "-p", "20000-20400:20000-20400"}});
  ASSERT_TRUE(inside);
  const Reached reached = knock(host_faces(), [&](const Command& command) { return inside->run(command); });
  EXPECT_THAT(reached.over_tcp, IsEmpty());
  EXPECT_THAT(reached.over_udp, IsEmpty());
}

TEST_F(Isolation, WithHostLoopbackAllowedOnlyTheGatewayLeadsThere) {
  const auto inside = guest({.options = {"--ipv6", "--allow-host-loopback"}});
  ASSERT_TRUE(inside);
  const Reached reached = knock(host_faces(), [&](const Command& command) { return inside->run(command); });
  EXPECT_THAT(reached.over_tcp, UnorderedElementsAre("10.0.2.2", "fd00::2"));
  EXPECT_THAT(reached.over_udp, IsSupersetOf({"udp 10.0.2.2 plain", "udp fd00::2 plain"}));
  EXPECT_THAT(reached.over_udp, Each(AnyOf(StartsWith("udp 10.0.2.2 "), StartsWith("udp fd00::2 "))));
}

TEST_F(Isolation, TheGatewayIsUnreachableAtOnce) {
  const auto inside = guest({.options = {"--ipv6"}});
  ASSERT_TRUE(inside);
  for (const char* at : {"10.0.2.2", "10.0.2.3", "fd00::2", "fd00::3"}) {
    const auto probe = [&](const char* how) {
      return inside->sh(fmt::format("postern-probe --limit-ms 900 {} {} 7000 open echo", how, at)).out;
    };
    EXPECT_THAT(probe(""), StartsWith("open 0 ENETUNREACH\n")) << at;  // sooner than a SYN is sent again
    EXPECT_THAT(probe("--udp"), AnyOf("open 1\necho 0 EHOSTUNREACH\n", "open 1\necho 0 EACCES\n")) << at;
  }
  EXPECT_EQ(doors().connections(), 0U);
  EXPECT_THAT(doors().datagrams(), IsEmpty());
}

TEST_F(Isolation, RoutesOfTheGuestsOwnDoNotLeadThere) {
  const auto inside = guest({.options = {"--ipv6"}});
  ASSERT_TRUE(inside);
  ASSERT_THAT(inside->sh(kLoopbackThroughTheTap), Succeeds());
  EXPECT_EQ(inside->sh("postern-probe --limit-ms 200 127.0.0.1 7000 open").out, "open 0 ETIMEDOUT\n");
  inside->sh("postern-probe --udp --limit-ms 1 127.0.0.1 7000 open echo");
  send({}, [&](const Command& command) { return inside->run(command); });
  EXPECT_EQ(doors().connections(), 0U);
  EXPECT_THAT(doors().datagrams(), IsEmpty());
}

TEST_F(Isolation, AResolverOnTheHostsLoopbackAnswersAndNothingElseThere) {
  LAB_SKIP_UNLESS(sh("command -v dnsmasq").ok(), "dnsmasq", "apt-get install dnsmasq-base");
  ASSERT_THAT(host().sh("echo nameserver 127.0.0.1 > /etc/resolv.conf"), Succeeds());
  const auto resolver = host().spawn({.argv = {"dnsmasq", "--no-daemon", "--no-resolv", "--no-hosts", "--conf-file=/dev/null",
                                               "--pid-file=", "--bind-interfaces", "--interface=lo", "--except-interface=eth0",
                                               "--host-record=loopback.lab.test,203.0.113.5"}});
  ASSERT_TRUE(resolver) << resolver.error().message();
  ASSERT_TRUE(wait_until([&] {
    return listens(host(), resolver->pid(), "udp", 53) && listens(host(), resolver->pid(), "tcp", 53);
  })) << resolver->err();
  EXPECT_EQ(sh("postern run -- dig +short loopback.lab.test").out, "203.0.113.5\n");
  EXPECT_EQ(sh("postern run -- dig +short +tcp @10.0.2.3 loopback.lab.test").out, "203.0.113.5\n");
  EXPECT_EQ(sh("postern run -- getent hosts loopback.lab.test").out, "203.0.113.5     loopback.lab.test\n");
}

TEST_F(Isolation, TheHostsOwnAddressStaysReachable) {
  for (const std::string_view at : {kHost4, kHost6}) {
    sh(fmt::format("postern run -- sh -c 'postern-probe {0} 7000 open; postern-probe --udp --limit-ms 1 {0} 7000 open echo'",
                   at));
    EXPECT_TRUE(wait_until([&] { return doors().connections() == 1; })) << at;
    EXPECT_TRUE(wait_until([&] { return doors().datagrams().size() == 1; })) << at;
  }
}

// ---- the host's other addresses

class IsolatedHost : public Isolation {};

TEST_F(IsolatedHost, IsOpenUnlessItIsAskedFor) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->sh("postern-probe $LAB_HOST4 9 open").out, "open 0 ECONNREFUSED\n") << "by the host itself";
}

TEST_F(IsolatedHost, RefusesItsAddressesAlsoThoseThatComeLater) {
  const auto inside = guest({.options = {"--isolate-host"}});
  ASSERT_TRUE(inside);
  for (const char* refused : {"$LAB_HOST4", "$LAB_HOST6", "169.254.169.254"}) {
    const std::string probe = fmt::format("postern-probe --limit-ms 500 {} 9 open", refused);
    EXPECT_THAT(inside->sh(probe).out, AnyOf("open 0 ENETUNREACH\n", "open 0 EHOSTUNREACH\n")) << refused;
  }
  EXPECT_EQ(inside->sh("postern-probe $LAB_REMOTE4 9 open").out, "open 0 ECONNREFUSED\n");
  EXPECT_EQ(inside->sh("grep host.postern.internal /etc/hosts").out, "");

  ASSERT_THAT(host().sh("ip link add later type veth && ip address add 198.51.100.7/32 dev lo"), Succeeds());
  EXPECT_TRUE(wait_until(
      [&] { return inside->sh("postern-probe --limit-ms 500 198.51.100.7 9 open").out.find("UNREACH") != std::string::npos; }));
}

// A published UDP port has to answer its clients on the host, so what it sends to them passes, and to nobody else there.
TEST_F(IsolatedHost, LetsAPublishedUdpPortAnswerItsClientsUntilItIsRemoved) {
  const auto inside = guest({.options = {"--isolate-host"}});
  ASSERT_TRUE(inside);
  const auto sent_from_port_7 = [&](int to) {
    const std::string script = fmt::format(R"(
import errno, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('10.0.2.100', 7)); s.connect(('192.0.2.1', {})); s.settimeout(2)
try:
    s.send(b'echo')
    print(s.recv(9).decode())
except OSError as e: print(errno.errorcode.get(e.errno, e)))",
                                           to);
    return inside->run({"python3", "-c", script}).out;
  };
  constexpr const char* kPasses = "echo\n";
  constexpr const char* kRefused = "EHOSTUNREACH\n";
  // libslirp sends from a port inside by any socket that leads there.
  const char* const forgotten = std::getenv("LAB_ENGINE") ? kPasses : "timed out\n";
  EXPECT_EQ(sent_from_port_7(6000), kRefused);
  ASSERT_THAT(sh("postern ports add 5000:7/udp 5001:7/udp 5007:7"), Succeeds());
  EXPECT_EQ(sent_from_port_7(6000), kRefused) << "nobody has called";
  const auto client = host().spawn({.argv = {"python3", "-c", R"(
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('192.0.2.1', 6000)); s.sendto(b'hello', ('192.0.2.1', 5000))
while True:
    try: s.sendto(*s.recvfrom(99))
    except OSError: pass)"}});
  ASSERT_TRUE(client);
  EXPECT_TRUE(wait_until([&] { return sent_from_port_7(6000) == kPasses; }));
  EXPECT_EQ(sent_from_port_7(6001), kRefused) << "no client";
  ASSERT_THAT(sh("postern ports rm 5000:7/udp"), Succeeds());
  EXPECT_EQ(sent_from_port_7(6000), forgotten) << "it came by that port, and no other leads to it";
  ASSERT_THAT(sh("postern ports rm 5001:7/udp"), Succeeds());
  EXPECT_EQ(sent_from_port_7(6000), kRefused) << "the TCP port of that number does not count";
  ASSERT_THAT(sh("postern ports add 5000:7/udp"), Succeeds());
  EXPECT_EQ(sent_from_port_7(6000), forgotten) << "until it calls again";
}

}  // namespace
}  // namespace postern::lab
