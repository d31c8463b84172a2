// fast_engine_test.cpp - what only whole kernels and many connections can show of the fast engine: a router inside, frames from a
// packet socket, the host's sockets as the kernel has them, the end of it all with bytes under way.
#include <fmt/format.h>

#include <csignal>
#include <cstdlib>

#include "guest_test.h"
#include "listener.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

/// The TCP sockets of a process, and what has been set on them. Without its /proc, which is closed to whoever is root of the
/// lab's user namespace alone: pidfd_getfd(2).
constexpr const char* kTcpSockets = R"py(
import ctypes, errno, os, socket, sys
PIDFD_GETFD, SO_BUF_LOCK, MOST = 438, 72, 1024
libc = ctypes.CDLL(None, use_errno=True)
relay = os.pidfd_open(int(sys.argv[1]))
for number in range(MOST):
    fd = libc.syscall(PIDFD_GETFD, relay, number, 0)
    if fd < 0 and ctypes.get_errno() != errno.EBADF: sys.exit('pidfd_getfd: ' + os.strerror(ctypes.get_errno()))
    try: found = socket.socket(fileno=fd)
    except (OSError, ValueError): continue
    if found.family not in (socket.AF_INET, socket.AF_INET6) or found.type != socket.SOCK_STREAM: continue
    try: peer = found.getpeername()[0]
    except OSError: peer = 'nobody'
    print(peer, 'no_delay', found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
          'fixed_buffers', found.getsockopt(socket.SOL_SOCKET, SO_BUF_LOCK))
)py";

class FastEngine : public GuestTest {
 protected:
  std::vector<Server> servers() const override { return {Server::http, Server::echo}; }

  std::optional<Guest> fast_guest() const { return guest({.options = {"--engine", "fast"}}); }

  /// A file of the remote's, which everybody on the host can read too, and its SHA-256.
  void make_file(std::string_view name, uint64_t bytes) {
    ASSERT_TRUE(make_web_file(remote(), name, bytes));
    ASSERT_THAT(host().sh("chmod 755 $LAB_WWW"), Succeeds());
    sum_ = host().sh(fmt::format("sha256sum < $LAB_WWW/{}", name)).out;
    ASSERT_FALSE(sum_.empty());
  }
  const std::string& sum() const { return sum_; }

  /// A line for each that postern has.
  std::string tcp_sockets(const Guest& guest) const {
    const Outcome list = host().run({"python3", "-c", kTcpSockets, std::to_string(guest.postern().pid())});
    EXPECT_THAT(list, Succeeds());
    return list.out;
  }

  uint64_t asked(const Guest& guest, std::string_view command, std::string_view what) const {
    const Outcome answer =
        sh(fmt::format("echo '{{\"execute\":\"{}\"}}' | socat -t 20 - ABSTRACT-CONNECT:postern/{}/{} | jq .return.{}", command,
                       kUserId, guest.postern().pid(), what));
    EXPECT_THAT(answer, Succeeds());
    return std::strtoull(answer.out.c_str(), nullptr, 10);
  }

 private:
  std::string sum_;
};

// ---- a narrower path inside

/// A container in the guest, as rootless Docker has them: the guest routes, and its kernel says what does not fit. The container
/// asks for more than its link carries, or no segment would be too large.
constexpr const char* kContainer = R"sh(
  unshare --net sleep infinity & pid=$!
  until [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
  set -e
  within() { nsenter --net=/proc/$pid/ns/net "$@"; }
  sysctl -qw net.ipv6.conf.tap0.accept_ra=2  # or the default route goes when forwarding comes
  sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  ip link add inner0 mtu 1400 type veth peer name eth0 mtu 1400 netns $pid
  ip link set inner0 up
  within ip link set eth0 up
  ip address add 10.99.0.1/24 dev inner0
  ip address add fd99::1/64 dev inner0 nodad
  within ip address add 10.99.0.2/24 dev eth0
  within ip address add fd99::2/64 dev eth0 nodad
  within ip route add default via 10.99.0.1 advmss $1
  within ip -6 route add default via fd99::1 advmss $1
  for to in "$LAB_REMOTE4" "[$LAB_REMOTE6]"; do within curl -sS --max-time 15 "http://$to/much" | sha256sum; done
  awk '$1 == "Ip:" && ++n == 2 { print ($19 > 0) ? "too large over IPv4" : "all fits" }' /proc/net/snmp
  awk '$1 == "Icmp6OutPktTooBigs" { print ($2 > 0) ? "too large over IPv6" : "all fits" }' /proc/net/snmp6
)sh";

class NarrowPath : public FastEngine, public testing::WithParamInterface<unsigned> {};
INSTANTIATE_TEST_SUITE_P(BehindMtu, NarrowPath, testing::Values(1500, 65520), testing::PrintToStringParamName());

TEST_P(NarrowPath, InsideIsLearntFromTheRouter) {
  make_file("much", 5'000'000);
  const std::string mtu = std::to_string(GetParam()), segment = std::to_string(GetParam() - 60);
  const Outcome fetched = host().run(
      {.argv = {"postern", "run", "--engine", "fast", "--mtu", mtu, "--", "sh", "-c", kContainer, "container", segment},
       .role = role(),
       .limit = 2 * kPatience});
  EXPECT_EQ(fetched.out, fmt::format("{0}{0}too large over IPv4\ntoo large over IPv6\n", sum())) << fetched.err;
}

// ---- many at once

TEST_F(FastEngine, SixtyFourSendersEachWayArriveWhole) {
  make_file("some", 2'000'000);
  const auto inside = fast_guest();
  ASSERT_TRUE(inside);
  const Outcome all = inside->run({.argv = {"sh", "-c", R"sh(
    for i in $(seq 64); do
      { curl -sS http://$LAB_REMOTE4/some | sha256sum > $TMPDIR/down.$i; } &
      curl -sSf -T $LAB_WWW/some "http://[$LAB_REMOTE6]/upload/$i" &
    done
    wait
    cat $TMPDIR/down.* | sort | uniq -c)sh"},
                                   .limit = 5 * kPatience});
  EXPECT_EQ(all.out, "     64 " + sum()) << all.err;
  EXPECT_EQ(host().sh("for i in $(seq 64); do sha256sum < $LAB_WWW/upload/$i; done | sort | uniq -c").out, "     64 " + sum());
}

// POSTERN_SHORT_CONNECTIONS=200000 for a real siege.
TEST_F(FastEngine, ShortConnectionsLeaveNoDescriptor) {
  const char* wanted = std::getenv("POSTERN_SHORT_CONNECTIONS");
  const unsigned long count = wanted ? std::strtoul(wanted, nullptr, 10) : 2'000;
  const auto inside = fast_guest();
  ASSERT_TRUE(inside);
  ASSERT_THAT(inside->sh("sysctl -qw net.ipv4.tcp_max_tw_buckets=100"), Succeeds());  // or its ports are used up at 28 000
  ASSERT_EQ(tcp_sockets(*inside), "");
  for (const std::string_view to : {kRemote4, kRemote6}) {
    const Command cycles = {.argv = {"postern-probe", std::string(to), "7", fmt::format("cycle={}", count / 2)},
                            .limit = kPatience + std::chrono::milliseconds(5 * count)};
    EXPECT_EQ(inside->run(cycles).out, fmt::format("cycle {}\n", count / 2));
  }
  EXPECT_EQ(asked(*inside, "counters", "fast_tcp.opened"), count);
  EXPECT_TRUE(wait_until([&] { return tcp_sockets(*inside).empty(); })) << tcp_sockets(*inside);
  EXPECT_EQ(asked(*inside, "status", "flows.open"), 0U);
}

// ---- a checksum that nobody vouches for

/// A TCP of its own beside the kernel's, at an address that the kernel does not have, with a packet socket: what no program of
/// the namespace is told to leave to the device. Says what comes back, sequence numbers counted from the SYNs.
constexpr const char* kByHand = R"py(
import socket, struct, sys
source, target, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
family = socket.AF_INET6 if ':' in target else socket.AF_INET
here, there = socket.inet_pton(family, source), socket.inet_pton(family, target)
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
link.bind(('tap0', 0))
link.settimeout(10)
FIN, SYN, PSH, ACK = 1, 2, 8, 16
OURS = 1000

def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff

def put(flags, own_port, at, ack=0, payload=b'', spoilt=0):
    tcp = struct.pack('!HHIIBBHHH', own_port, port, OURS + at, ack, 5 << 4, flags, 65535, 0, 0) + payload
    right = checksum(here + there + struct.pack('!II', len(tcp), 6) + tcp)
    tcp = tcp[:16] + struct.pack('!H', right ^ spoilt) + tcp[18:]
    if family == socket.AF_INET6:
        ip = struct.pack('!IHBB', 6 << 28, len(tcp), 6, 64) + here + there
    else:
        ip = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(tcp), 1, 0x4000, 64, 6, 0) + here + there
        ip = ip[:10] + struct.pack('!H', checksum(ip)) + ip[12:]
    kind = b'\x86\xdd' if family == socket.AF_INET6 else b'\x08\x00'
    link.send(bytes.fromhex('52550a000202') + link.getsockname()[4] + kind + ip + tcp)

def next_answer():
    while True:
        frame, at = link.recvfrom(65536)
        ip = frame[14:]
        tcp = ip[40:] if ip[0] >> 4 == 6 else ip[20:]
        if at[2] == socket.PACKET_OUTGOING or here not in ip[:40] or len(tcp) < 20: continue
        source_port, own_port, sequence, ack = struct.unpack('!HHII', tcp[:12])
        if source_port == port: return own_port, tcp[13], sequence, ack - OURS

put(SYN, 40000, 0, spoilt=1)
put(SYN, 40001, 0)
own_port, flags, sequence, ack = next_answer()
print('SYN: to', own_port, 'flags', flags, 'ack', ack)
theirs = sequence + 1
put(ACK | PSH, 40001, 1, theirs, b'wrong', spoilt=1)
put(ACK | PSH, 40001, 1, theirs, b'right')
print('data: to %d flags %d ack %d' % (lambda a: (a[0], a[1], a[3]))(next_answer()))
put(ACK | FIN, 40001, 6, theirs)
)py";

TEST_F(FastEngine, BytesUnderAWrongChecksumReachNobody) {
  const auto inside = fast_guest();
  ASSERT_TRUE(inside);
  uint64_t dropped = 0;
  const std::tuple<std::string_view, std::string_view, const char*> families[] = {{kRemote4, "10.0.2.77", "0.0.0.0"},
                                                                                  {kRemote6, "fd00::77", "::"}};
  for (const auto& [to, source, any] : families) {
    auto listener = Listener::open(remote(), Transport::tcp, {*parse_ip(any), Port{0}});
    ASSERT_TRUE(listener) << listener.error().message();
    const Outcome talk =
        inside->run({"python3", "-c", kByHand, std::string(source), std::string(to), std::to_string(listener->port().number)});
    EXPECT_EQ(talk.out, "SYN: to 40001 flags 18 ack 1\ndata: to 40001 flags 16 ack 6\n") << talk.err;
    const auto arrival = listener->next();
    ASSERT_TRUE(arrival);
    EXPECT_EQ(arrival->bytes, "right");
    EXPECT_FALSE(listener->reached()) << "the other SYN";
    EXPECT_EQ(asked(*inside, "counters", "drops.bad_checksum"), dropped += 2);
  }
}

// ---- an urgent mark in the remote's stream

TEST_F(FastEngine, WhatStandsBehindAnUrgentMarkArrives) {
  Process server = *remote().spawn({.argv = {"python3", "-c", R"py(
import socket
listener = socket.create_server(('', 7007))
print('listens', flush=True)
peer, _ = listener.accept()
peer.sendall(b'abc')
peer.send(b'!', socket.MSG_OOB)
peer.sendall(b'behind it')
peer.recv(1)
)py"}});
  ASSERT_TRUE(says(server, "listens")) << server.err();
  EXPECT_EQ(sh("postern run -- bash -c 'exec 3<>/dev/tcp/$LAB_REMOTE4/7007; timeout 5 head -c 13 <&3'").out, "abc!behind it");
}

// ---- the host's sockets

// With the first, whoever is inside decides what goes together; with the others, the host's kernel how large its buffers grow.
TEST_F(FastEngine, TheHostsSocketsHaveNoDelayAndBuffersThatGrow) {
  const auto inside = fast_guest();
  ASSERT_TRUE(inside);
  const auto open = [&](std::string_view to) {
    auto client = inside->spawn({.argv = {"postern-probe", std::string(to), "7", "open", "echo=1000000", "hold"}});
    EXPECT_TRUE(client && says(*client, "echo 1\n"));
    return client;
  };
  const auto over4 = open(kRemote4), over6 = open(kRemote6);
  EXPECT_EQ(tcp_sockets(*inside),
            fmt::format("{} no_delay 1 fixed_buffers 0\n{} no_delay 1 fixed_buffers 0\n", kRemote4, kRemote6));
}

// ---- the end, with bytes under way

class FastEngineEnd : public FastEngine {
 protected:
  static constexpr auto kSoon = 2s;  // the limit is the promise

  /// Each way over each family, without end.
  static constexpr const char* kTraffic =
      "for to in $LAB_REMOTE4 $LAB_REMOTE6; do nc $to 7 </dev/zero >/dev/null & done; echo up; wait";

  /// Of both connections 10 MB have arrived.
  bool traffic_flows() const {
    return wait_until([this] {
      return remote().sh("ss -Htin state established sport = :7 | grep -Eo ' bytes_received:[0-9]{8,}' | wc -l").out == "2\n";
    });
  }
  bool remote_is_left() const {
    return wait_until([this] { return remote().sh("ss -Htn state established sport = :7").out.empty(); });
  }
};

/// More than all buffers on the way hold, by a program that ends as soon as it has written.
TEST_F(FastEngineEnd, WhatTheCommandWroteLastArrives) {
  constexpr size_t kBytes = 20'000'000;
  for (const auto& [to, any] : {std::pair(kRemote4, "0.0.0.0"), std::pair(kRemote6, "::")}) {
    auto listener = Listener::open(remote(), Transport::tcp, {*parse_ip(any), Port{0}});
    ASSERT_TRUE(listener) << listener.error().message();
    Process run = start_sh(fmt::format("exec postern run --engine fast -- bash -c 'head -c {} /dev/zero > /dev/tcp/{}/{}'",
                                       kBytes, to, listener->port().number));
    const auto arrival = listener->next();
    ASSERT_TRUE(arrival) << run.err();
    EXPECT_EQ(arrival->bytes.size(), kBytes) << to;
    EXPECT_EQ(run.wait(), 0);
  }
}

TEST_F(FastEngineEnd, OfACommandWhoseRemoteDoesNotReadIsNotLong) {
  auto listener = Listener::open(remote(), Transport::tcp, {*parse_ip("0.0.0.0"), Port{0}});
  ASSERT_TRUE(listener) << listener.error().message();
  const char* script = "exec postern run --engine fast -- bash -c 'exec 3<>/dev/tcp/{}/{}; head -c 900000 /dev/zero >&3'";
  Process run = start_sh(fmt::format(fmt::runtime(script), kRemote4, listener->port().number));
  EXPECT_EQ(run.wait(8s), 0);  // 2 s of silence, and not the 10 s in all
}

TEST_F(FastEngineEnd, OfAllProcessesOfARunIsItsEnd) {
  Process run = start_sh(fmt::format("exec postern run --engine fast -- sh -c '{}'", kTraffic));
  ASSERT_TRUE(says(run, "up") && traffic_flows()) << run.err();
  ASSERT_THAT(host().sh(fmt::format("kill -KILL $(ps -o pid= --ppid {})", run.pid())), Succeeds());  // pid 1 inside
  EXPECT_EQ(run.wait(kSoon), 128 + SIGKILL);
  EXPECT_THAT(run.err(), IsEmpty());
  EXPECT_TRUE(remote_is_left());
}

TEST_F(FastEngineEnd, OfPosternLeavesNoConnection) {
  for (const int number : {SIGTERM, SIGKILL}) {
    Process run = start_sh(fmt::format("exec postern run --engine fast -- sh -c '{}'", kTraffic));
    ASSERT_TRUE(says(run, "up") && traffic_flows()) << run.err();
    run.signal(number);
    EXPECT_EQ(run.wait(kSoon), 128 + number);
    EXPECT_TRUE(remote_is_left());
  }
}

TEST_F(FastEngineEnd, OfANamespaceIsTheEndOfItsAttach) {
  ASSERT_THAT(sh("mkfifo $TMPDIR/ready"), Succeeds());
  Process made =
      start_sh(fmt::format("exec unshare --user --map-root-user --net --pid --fork --kill-child sh -c '"
                           "echo made; read line < $TMPDIR/ready; {}'",
                           kTraffic));
  ASSERT_TRUE(says(made, "made"));
  Process attached = start_sh(
      fmt::format("exec postern attach --engine fast --configure --ready-fd 1 $(ps -o pid= --ppid {}) tap0", made.pid()));
  ASSERT_TRUE(says(attached, "1")) << attached.err();
  ASSERT_THAT(sh("echo > $TMPDIR/ready"), Succeeds());
  ASSERT_TRUE(traffic_flows()) << made.err();
  made.kill();
  EXPECT_EQ(attached.wait(kSoon), 0);
  EXPECT_THAT(attached.err(), AllOf(IsOneLine(), HasSubstr("has ended")));
  EXPECT_TRUE(remote_is_left());
}

}  // namespace
}  // namespace postern::lab
