// published_datagram_test.cpp - what people publish over UDP: a DNS server, a clock, a game; and the large datagrams of a tunnel.
//
//   remote 192.0.2.2 ──┐
//   host 192.0.2.1 ────┼─► host's port/udp ─► postern ─► guest: dnsmasq, NTP, postern-echo
//   host 127.0.0.1 ────┘
#include <fmt/format.h>

#include <tuple>
#include <utility>

#include "guest_test.h"

namespace postern::lab {
namespace {

/// A server of stratum 1 whose clock says 1 January 2030, RFC 5905 7.3: mode 4, and the client's time comes back as the origin.
constexpr const char* kNtpServer = R"(
import socket, struct
server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
server.bind(('::', 123))
print('listening', flush=True)
while True:
    asked, client = server.recvfrom(100)
    mode, origin, now = asked[0] & 7, asked[40:48], struct.pack('>II', 4102444800, 0)
    if len(asked) == 48 and mode == 3:
        server.sendto(struct.pack('>BBbbII4s', 0x24, 1, 6, -20, 0, 0, b'LAB\0') + now + origin + now + now, client))";

constexpr const char* kNtpClient = R"(
import socket, struct, sys
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(10)
client.connect((sys.argv[1], int(sys.argv[2])))
sent = b'whoasked'
client.send(bytes([0x23]) + bytes(39) + sent)
said = client.recv(100)
print(len(said), said[0] & 7, said[24:32] == sent, struct.unpack('>I', said[40:44])[0] - 2208988800))";

/// 60 a second for two seconds, by a schedule that a late one does not move; what came back, and whether in order.
constexpr const char* kGame = R"(
import select, socket, struct, sys, time
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.connect((sys.argv[1], int(sys.argv[2])))
start, came = time.monotonic(), []
def take(until):
    while select.select([client], [], [], max(0, until - time.monotonic()))[0]:
        came.append(struct.unpack('>I', client.recv(200)[:4])[0])
        if len(came) == 120: return
for turn in range(120):
    take(start + turn / 60)
    client.send(struct.pack('>I', turn) + bytes(96))
take(time.monotonic() + 10)
print(len(came), came == list(range(120))))";

class PublishedDatagrams : public GuestTest {
 protected:
  std::vector<Server> servers() const override { return {Server::echo}; }
  struct Client {
    const Machine& from;
    const char* to;
  };
  std::vector<Client> clients() const { return {{remote(), "192.0.2.1"}, {host(), "192.0.2.1"}, {host(), "127.0.0.1"}}; }

  static std::string python(const Client& client, const char* script, std::string_view port) {
    const Outcome outcome = client.from.run({"python3", "-c", script, client.to, std::string(port)});
    return outcome.out + outcome.err;
  }
};

TEST_F(PublishedDatagrams, ADnsServerInsideAnswersByUdpAndTcp) {
  LAB_SKIP_UNLESS(not_installed("dnsmasq dig").empty(), "dnsmasq and dig", "apt-get install dnsmasq-base bind9-dnsutils");
  const auto inside = guest({.options = {"-p", "5300:53/udp", "-p", "5300:53"}});
  ASSERT_TRUE(inside);
  std::vector<std::string> argv = {"dnsmasq",
                                   "--no-daemon",
                                   "--no-resolv",
                                   "--no-hosts",
                                   "--user=root",
                                   "--conf-file=/dev/null",
                                   "--pid-file=",
                                   "--edns-packet-max=4096",
                                   "--host-record=who.lab.test,203.0.113.7"};
  for (char letter = 'a'; letter < 'a' + 12; ++letter)
    argv.push_back(fmt::format("--txt-record=much.lab.test,{}", std::string(250, letter)));
  const auto server = serve(*inside, std::move(argv));
  ASSERT_TRUE(server);
  for (const Client& client : clients()) {
    for (const char* by : {"+notcp", "+tcp"}) {
      const std::string dig = fmt::format("dig +tries=1 +time=5 {} -p 5300 @{}", by, client.to);
      EXPECT_EQ(client.from.sh(dig + " +short who.lab.test A").out, "203.0.113.7\n") << dig;
      EXPECT_EQ(client.from.sh(dig + " +short +ignore +bufsize=4096 much.lab.test TXT | wc -l").out, "12\n") << dig;
    }
  }
}

TEST_F(PublishedDatagrams, AClockInsideTellsTheTime) {
  const auto inside = guest({.options = {"-p", "1123:123/udp"}});
  ASSERT_TRUE(inside);
  auto server = inside->spawn({.argv = {"python3", "-c", kNtpServer}});
  ASSERT_TRUE(server && says(*server, "listening")) << server->err();
  for (const Client& client : clients()) EXPECT_EQ(python(client, kNtpClient, "1123"), "48 4 True 1893456000\n") << client.to;
}

TEST_F(PublishedDatagrams, AGameOfSixtyDatagramsASecondLosesNoneAndKeepsTheirOrder) {
  const auto inside = guest({.options = {"-p", "5000:7/udp"}});
  ASSERT_TRUE(inside);
  const auto echo = serve(*inside, {"postern-echo", "7"});
  ASSERT_TRUE(echo);
  std::vector<Process> players;
  for (const Client& client : clients()) {
    auto player = client.from.spawn({.argv = {"python3", "-c", kGame, client.to, "5000"}});
    ASSERT_TRUE(player);
    players.push_back(*std::move(player));
  }
  for (Process& player : players) {
    EXPECT_EQ(player.wait(), 0) << player.err();
    EXPECT_EQ(player.out(), "120 True\n");
  }
}

// WireGuard's 1420 and 32 more, what fills a frame over IPv6 and over IPv4, and what does not go into one.
TEST_F(PublishedDatagrams, LargeOnesComeAndGoWholeWhateverTheMtu) {
  for (const auto& [mtu, port] : {std::pair("1500", "5000"), std::pair("65520", "5001")}) {
    const auto inside = guest(
        {.options = {"--ipv6", "--mtu", mtu, "-p", fmt::format("{}:7/udp", port), "-p", fmt::format("[::]:{}:7/udp", port)}});
    ASSERT_TRUE(inside);
    const auto echo = serve(*inside, {"postern-echo", "7"});
    ASSERT_TRUE(echo);
    std::vector<Client> all = clients();
    all.push_back({remote(), "2001:db8:1::1"});
    all.push_back({host(), "::1"});
    for (const Client& client : all) {
      for (const char* bytes : {"1452", "1472", "1473", "8192", "60000"}) {
        EXPECT_EQ(client.from.run({"postern-probe", "--udp", client.to, port, "open=2", fmt::format("echo={}", bytes)}).out,
                  "open 2\necho 2\n")
            << bytes << " bytes to " << client.to << ", MTU " << mtu;
      }
    }
  }
}

// By the kernels' own counters: a fragment would be put together again by the guest, the host or the remote.
TEST_F(PublishedDatagrams, WhatFitsIntoAFrameStaysOneBothWays) {
  const auto inside = guest({.options = {"--mtu", "1500", "-p", "5000:7/udp", "-p", "[::]:5000:7/udp"}});
  ASSERT_TRUE(inside);
  const auto echo = serve(*inside, {"postern-echo", "7"});
  ASSERT_TRUE(echo);
  constexpr const char* kReassembled =
      "awk '/^Ip: [0-9]/ { n += $15 } /^Ip6ReasmReqds/ { n += $2 } END { print n }' "
      "/proc/net/snmp /proc/net/snmp6";
  const auto reassembled = [&] {
    return inside->sh(kReassembled).out + host().sh(kReassembled).out + remote().sh(kReassembled).out;
  };
  for (const auto& [to, from, bytes] : {std::tuple(kRemote4, "192.0.2.1", 1472), std::tuple(kRemote6, "2001:db8:1::1", 1452)}) {
    const auto both_ways = [&, to = to, from = from](int size) {
      EXPECT_EQ(inside->sh(fmt::format("postern-probe --udp {} 7 open=2 echo={}", to, size)).out, "open 2\necho 2\n");
      EXPECT_EQ(remote().sh(fmt::format("postern-probe --udp {} 5000 open=2 echo={}", from, size)).out, "open 2\necho 2\n");
    };
    const std::string before = reassembled();
    both_ways(1452);
    both_ways(bytes);
    EXPECT_EQ(reassembled(), before) << to;
    both_ways(bytes + 1);
    EXPECT_NE(reassembled(), before) << to << ": the counters do not tell";
  }
}

}  // namespace
}  // namespace postern::lab
