// datagram_test.cpp - UDP and echo through the fast engine, by real programs inside and servers on the lab's remote.
//
//   guest: ping, dig, openssl, postern-datagram, postern-probe ─► postern ─► host 192.0.2.1 ─► remote 192.0.2.2
#include <fmt/format.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <tuple>

#include "postern/base/socket_address.h"

#include "guest_test.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using namespace std::chrono_literals;

class DatagramTest : public GuestTest {
 protected:
  std::vector<Server> servers() const override { return {Server::dns, Server::echo}; }
  std::optional<Guest> fast(std::vector<std::string> options = {}) const {
    options.insert(options.end(), {"--engine", "fast"});
    return guest({.options = std::move(options)});
  }
  bool has_ping_sockets() const { return host().sh("ping -c1 -W5 $LAB_REMOTE4", role()).ok(); }
  nlohmann::json counters(const Guest& inside) const {
    const Outcome status = sh(fmt::format("postern status --json --pid {}", inside.postern().pid()));
    return nlohmann::json::parse(status.out, nullptr, false)["counters"];
  }
};

// ---- UDP

TEST_F(DatagramTest, EchoesDatagramsOfEverySizeOverBothFamilies) {
  for (const std::vector<std::string>& options : {std::vector<std::string>{"--mtu", "1500"}, {}}) {
    const auto inside = fast(options);
    ASSERT_TRUE(inside);
    for (const std::string_view to : {kRemote4, kFar4, kRemote6, kFar6}) {
      for (const size_t bytes : std::initializer_list<size_t>{1, 1400, 1452, 1473, 8192, 60000}) {
        EXPECT_EQ(inside->sh(fmt::format("postern-probe --udp {} 7 open=2 echo={}", to, bytes)).out, "open 2\necho 2\n")
            << bytes << " bytes to " << to;
      }
    }
  }
}

TEST_F(DatagramTest, FlowsWithoutWhatTheKernelMayLack) {
  for (const char* missing : {"uso", "tso", "csum", "vnet"}) {
    const auto inside = guest(
        {.options = {"--engine", "fast", "--mtu", "1500"}, .before = fmt::format("export POSTERN_PRETEND_MISSING={}", missing)});
    ASSERT_TRUE(inside);
    for (const std::string_view to : {kRemote4, kRemote6}) {
      EXPECT_EQ(inside->sh(fmt::format("postern-probe --udp {} 7 open=5 echo=1400 echo=8192", to)).out,
                "open 5\necho 5\necho 5\n")
          << missing;
    }
  }
}

TEST_F(DatagramTest, ResolvesNames) {
  const auto inside = fast();
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside
                ->sh("dig +short @10.0.2.3 $LAB_DNS_NAME A; dig +short @$LAB_REMOTE4 $LAB_DNS_NAME A; dig +short @$LAB_REMOTE6 "
                     "$LAB_DNS_NAME A")
                .out,
            fmt::format("{0}\n{0}\n{0}\n", kRemote4));
}

// To their address nothing else leads, however it is framed.
TEST_F(DatagramTest, QueriesThatLeaveInOneCallAreEachAnswered) {
  const auto inside = fast({"--mtu", "1500"});
  ASSERT_TRUE(inside);
  constexpr const char* kScript = R"(
import socket, struct, sys
name = b''.join(bytes([len(part)]) + part.encode() for part in sys.argv[2].split('.')) + b'\0'
query = lambda number: struct.pack('!6H', number, 0x100, 1, 0, 0, 0) + name + struct.pack('!2H', 1, 1)
s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect((sys.argv[1], 53))
SOL_UDP, UDP_SEGMENT = 17, 103
s.sendmsg([query(1) + query(2) + query(3)], [(SOL_UDP, UDP_SEGMENT, struct.pack('=H', len(query(1))))])
print(sorted(struct.unpack('!H', s.recv(999)[:2])[0] for _ in range(3))))";
  for (const char* server : {"10.0.2.3", "fd00::3"}) {
    EXPECT_EQ(inside->run({"python3", "-c", kScript, server, std::string(kName)}).out, "[1, 2, 3]\n") << server;
  }
}

struct Stream {
  const char* name;
  const char* segment;
};

TEST_F(DatagramTest, ManyInACallArriveEachWay) {
  const auto inside = fast({"--mtu", "1500", "-p", "5000:5000/udp"});
  ASSERT_TRUE(inside);
  for (const Stream& each : {Stream{"plain", ""}, Stream{"superframes", "1400"}}) {
    const char* bytes = *each.segment != '\0' ? "28000" : "1400";
    auto sink = remote().spawn({.argv = {"postern-datagram", "sink", "6000", "20000"}});
    ASSERT_TRUE(sink && says(*sink, "listening"));
    const Outcome up = inside->sh(fmt::format("postern-datagram send $LAB_REMOTE4 6000 20000 {} {}", bytes, each.segment));
    EXPECT_THAT(up.out, StartsWith("answered 20000")) << each.name;
    EXPECT_TRUE(sink->wait());
    EXPECT_THAT(sink->out(), HasSubstr("got 20000")) << each.name;
  }
}

TEST_F(DatagramTest, TenThousandPeersOfOneSocket) {
  ASSERT_THAT(remote().sh("ip route add local 198.18.0.0/16 dev lo"), Succeeds());
  const auto inside = fast();
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->sh("postern-datagram peers 198.18 7 10000").out, "answered 10000\n");
  EXPECT_LT(inside->open_sockets(), 10u);
}

TEST_F(DatagramTest, StrangersCannotSendInUnlessTheyAreAskedIn) {
  for (const bool full_cone : {false, true}) {
    const auto inside = fast(full_cone ? std::vector<std::string>{"--udp-nat", "full-cone"} : std::vector<std::string>{});
    ASSERT_TRUE(inside);
    auto peer = remote().open_socket(AF_INET, SOCK_DGRAM);
    ASSERT_TRUE(peer);
    const SocketAddress any(Ipv4{}, Port{7000});
    ASSERT_EQ(::bind(peer->get(), any.get(), any.size()), 0);
    auto client = inside->spawn({.argv = {"postern-datagram", "listen", "4000"}});
    ASSERT_TRUE(client && says(*client, "listening"));
    // The same port inside speaks to the remote once, so that it is a mapping: from beside, by the port's own number.
    ASSERT_THAT(inside->sh("echo x | nc -u -w1 -p 4001 192.0.2.2 7000"), Succeeds());
    SocketAddress from;
    char got = 0;
    ASSERT_EQ(::recvfrom(peer->get(), &got, 1, 0, from.get(), from.room()), 1);
    const std::string strangers = fmt::format("postern-probe --udp --limit-ms 300 192.0.2.1 {} open echo", from.port().number);
    host().sh(strangers);
    const auto told = counters(*inside)["fast_datagrams"];
    EXPECT_EQ(told["filtered"].get<uint64_t>(), full_cone ? 0u : 1u);
  }
}

TEST_F(DatagramTest, ThePortInsideIsThePortOutsideWhereThatIsWanted) {
  const auto inside = fast({"--udp-same-port"});
  ASSERT_TRUE(inside);
  auto peer = remote().open_socket(AF_INET, SOCK_DGRAM);
  ASSERT_TRUE(peer);
  const SocketAddress any(Ipv4{}, Port{7000});
  ASSERT_EQ(::bind(peer->get(), any.get(), any.size()), 0);
  ASSERT_THAT(inside->sh("echo x | nc -u -w1 -p 4001 192.0.2.2 7000"), Succeeds());
  SocketAddress from;
  char got = 0;
  ASSERT_EQ(::recvfrom(peer->get(), &got, 1, 0, from.get(), from.room()), 1);
  EXPECT_EQ(from.port(), Port{4001});
}

TEST_F(DatagramTest, TheGatewayLeadsToTheLoopbackWhereItIsOpen) {
  const auto inside = fast({"--allow-host-loopback"});
  ASSERT_TRUE(inside);
  auto echo = host().spawn({.argv = {"postern-datagram", "listen", "5400"}});
  ASSERT_TRUE(echo && says(*echo, "listening"));
  EXPECT_EQ(inside->sh("postern-probe --udp 10.0.2.2 5400 open=3 echo=100").out, "open 3\necho 3\n");
  EXPECT_EQ(inside->sh("postern-probe --udp 10.0.2.2 5401 open echo").out, "open 1\necho 0 ECONNREFUSED\n");
}

TEST_F(DatagramTest, ADtlsExchange) {
  const auto inside = fast({"--mtu", "1500"});
  ASSERT_TRUE(inside);
  const std::string folder = fmt::format("{}/dtls", kTemporary);
  ASSERT_THAT(
      remote().sh(fmt::format("mkdir -p {0} && cd {0} && openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 2 "
                              "-subj /CN=lab 2>/dev/null && chmod 644 key cert",
                              folder)),
      Succeeds());
  auto server = remote().spawn(
      {.argv = {"sh", "-c",
                fmt::format("cd {} && sleep 30 | openssl s_server -dtls1_2 -accept 4433 -cert cert -key key -quiet", folder)}});
  ASSERT_TRUE(server);
  ASSERT_TRUE(wait_until([&] { return remote().sh("grep -q :1151 /proc/net/udp /proc/net/udp6").ok(); }));  // 4433
  auto client = inside->spawn(
      {.argv = {"sh", "-c",
                "(echo hello from inside; sleep 20) | timeout 20 openssl s_client -dtls1_2 -connect 192.0.2.2:4433 -quiet"}});
  ASSERT_TRUE(client);
  EXPECT_TRUE(says(*server, "hello from inside")) << server->err() << client->err();
}

TEST_F(DatagramTest, StatusTellsOfFlowsAndDatagrams) {
  const auto inside = fast();
  ASSERT_TRUE(inside);
  ASSERT_EQ(inside->sh("postern-probe --udp $LAB_REMOTE4 7 open echo").out, "open 1\necho 1\n");
  const auto told = counters(*inside)["fast_datagrams"];
  EXPECT_GE(told["to_host"].get<uint64_t>(), 1u);
  EXPECT_GE(told["to_guest"].get<uint64_t>(), 1u);
}

// ---- echo

TEST_F(DatagramTest, PingsOverBothFamilies) {
  LAB_SKIP_UNLESS(has_ping_sockets(), "ping sockets", "net.ipv4.ping_group_range");
  const auto inside = fast({"--mtu", "1500"});
  ASSERT_TRUE(inside);
  for (const std::string_view to : {kRemote4, kFar4, kRemote6, kFar6}) {
    EXPECT_THAT(inside->sh(fmt::format("ping -c3 -i0.1 -W5 {}", to)).out, HasSubstr("3 received, 0% packet loss")) << to;
    EXPECT_THAT(inside->sh(fmt::format("ping -c1 -W5 -s 8000 {}", to)).out, HasSubstr("8008 bytes from")) << to;
  }
  EXPECT_THAT(inside->sh("ping -c1 -W5 10.0.2.2 && ping -c1 -W5 10.0.2.3 && ping -c1 -W5 fd00::2 && ping -c1 -W5 fd00::3"),
              Succeeds());
}

TEST_F(DatagramTest, AFloodOfPingsTakesOneSocket) {
  LAB_SKIP_UNLESS(has_ping_sockets(), "ping sockets", "net.ipv4.ping_group_range");
  const auto inside = fast();
  ASSERT_TRUE(inside);
  const size_t before = inside->open_sockets();
  EXPECT_THAT(inside->sh("ping -f -c 5000 -W5 $LAB_REMOTE4").out, HasSubstr(" 0% packet loss"));
  EXPECT_LE(inside->open_sockets(), before + 1);
}

TEST_F(DatagramTest, PingTellsWhatRoutersSay) {
  LAB_SKIP_UNLESS(has_ping_sockets(), "ping sockets", "net.ipv4.ping_group_range");
  const auto inside = fast();
  ASSERT_TRUE(inside);
  EXPECT_THAT(inside->sh("ping -c1 -W5 $LAB_UNREACHABLE4").out,
              HasSubstr("From 192.0.2.2 icmp_seq=1 Destination Host Unreachable"));
  EXPECT_THAT(inside->sh("ping -c1 -W5 -t1 $LAB_FAR4").out, HasSubstr("From 10.0.2.2 icmp_seq=1 Time to live exceeded"));
}

// ---- errors, as on the host itself

TEST_F(DatagramTest, TheHopsOfAWayAreSeen) {
  ASSERT_THAT(remote().sh("ip link add behind type veth peer name beyond && ip link set beyond up && ip address add "
                          "203.0.113.129/26 dev behind && ip link set behind up && "
                          "echo 1 > /proc/sys/net/ipv4/ip_forward"),
              Succeeds());
  const auto inside = fast();
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->sh("postern-datagram hop 192.0.2.2 7 1").out, "11/0 by 10.0.2.2 EHOSTUNREACH\n");
  EXPECT_EQ(inside->sh("postern-datagram hop $LAB_REMOTE6 7 1").out, "3/0 by fd00::2 EHOSTUNREACH\n");
  EXPECT_EQ(inside->sh("postern-datagram hop 203.0.113.130 7 2").out, "11/0 by 192.0.2.2 EHOSTUNREACH\n");
  EXPECT_EQ(inside->sh("postern-datagram hop $LAB_UNREACHABLE4 7 2").out, "3/1 by 192.0.2.2 EHOSTUNREACH\n");
  EXPECT_EQ(inside->sh("postern-datagram hop 192.0.2.2 7 2").out, "answer 1\n");
}

TEST_F(DatagramTest, TracerouteByDatagramsShowsTheGatewayFirst) {
  LAB_SKIP_UNLESS(sh("busybox --list | grep -qx traceroute6").ok(), "traceroute", "apt-get install busybox-static");
  const auto inside = fast();
  ASSERT_TRUE(inside);
  for (const auto& [program, to, gateway] :
       {std::tuple("traceroute", kFar4, "10.0.2.2"), std::tuple("traceroute6", kFar6, "fd00::2")}) {
    const Outcome way = inside->sh(fmt::format("busybox {} -n -q1 -w5 -m3 {}", program, to));
    EXPECT_THAT(way.out, ContainsRegex(fmt::format("\n 1  {}  [0-9.]+ ms\n 2  {}  [0-9.]+ ms\n$", gateway, to))) << way.err;
  }
}

/// Arguments: a destination, the family's number, the ICMP socket's, level and name of the hop limit, and of "tell me of errors".
/// Prints what connect(2) says of a SYN of one hop, and who sent which ICMP type, as `traceroute -T` does it.
constexpr const char* kTraceByTcp = R"(
import socket, sys
to, family, icmp, level, limit, errors = sys.argv[1], *map(int, sys.argv[2:])
heard = socket.socket(family, socket.SOCK_RAW, icmp)
heard.settimeout(10)
for hops in (1, 2):
    probe = socket.socket(family)
    probe.settimeout(10)
    probe.setsockopt(level, limit, hops)
    probe.setsockopt(level, errors, 1)
    print(hops, probe.connect_ex((to, 53)), flush=True)
while True:  # neighbour discovery is heard too
    packet, who = heard.recvfrom(2000)
    kind = packet[20] if family == socket.AF_INET else packet[0]
    if kind in (3, 11):
        print(who[0], kind)
        break)";

TEST_F(DatagramTest, TracerouteByTcpShowsTheGatewayFirst) {
  const auto inside = fast();
  ASSERT_TRUE(inside);
  const auto trace = [&](std::string_view to, const std::vector<int>& numbers) {
    std::vector<std::string> argv = {"python3", "-c", kTraceByTcp, std::string(to)};
    for (const int each : numbers) argv.push_back(std::to_string(each));
    const Outcome outcome = inside->run(std::move(argv));
    return outcome.out + outcome.err;
  };
  EXPECT_EQ(trace(kRemote4, {AF_INET, IPPROTO_ICMP, IPPROTO_IP, IP_TTL, IP_RECVERR}),
            fmt::format("1 {}\n2 0\n10.0.2.2 11\n", EHOSTUNREACH));
  EXPECT_EQ(trace(kRemote6, {AF_INET6, IPPROTO_ICMPV6, IPPROTO_IPV6, IPV6_UNICAST_HOPS, IPV6_RECVERR}),
            fmt::format("1 {}\n2 0\nfd00::2 3\n", EHOSTUNREACH));
}

TEST_F(DatagramTest, ErrorsAreThoseOfTheHostItself) {
  const auto inside = fast({"--ipv6"});
  ASSERT_TRUE(inside);
  const auto add = [&](std::string_view what) {
    ASSERT_THAT(host().sh(fmt::format("ip route add {0} 203.0.113.99 && ip -6 route add {0} 2001:db8:9::99", what)), Succeeds());
  };
  const auto drop = [&] { ASSERT_THAT(host().sh("ip route del 203.0.113.99; ip -6 route del 2001:db8:9::99"), Succeeds()); };
  const auto compare = [&](std::string_view what, std::string_view v4, std::string_view v6) {
    for (const std::string_view to : {v4, v6}) {
      const std::string probe = fmt::format("postern-probe --udp --limit-ms 3000 {} 99 open echo", to);
      const std::string error = host().sh(probe).out, within = inside->sh(probe).out;
      const auto errno_of = [](const std::string& out) {  // of connect() there, of the answer here
        const size_t begin = out.find('E');
        return begin == out.npos ? "" : out.substr(begin, out.find('\n', begin) - begin);
      };
      EXPECT_EQ(errno_of(within), errno_of(error)) << what << " " << to;
    }
  };
  compare("closed port", kRemote4, kRemote6);
  compare("unreachable", kUnreachable4, kUnreachable6);
  add("unreachable");
  compare("no way to the host", "203.0.113.99", "2001:db8:9::99");
  drop();
}

}  // namespace
}  // namespace postern::lab
