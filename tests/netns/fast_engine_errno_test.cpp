// fast_engine_errno_test.cpp - errno by errno: the same client once on the host itself and once inside, through the fast engine.
//
//   host:    postern-probe ───────────────────────┬──► 192.0.2.2, over the veth              remote: the test itself, with a
//   guest:   postern-probe ─► postern ─► socket ──┴──► 203.0.113.2, over a wire of 20 ms     listening socket there
//
// Both print a line for each step, and the lines are the same; where they may differ, the table says so, and docs/fast-engine.md
// why. A veth answers before connect(2) returns: what happens later than that shows over the wire alone.
#include <fmt/format.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <sstream>

#include "guest_test.h"
#include "wire.h"

namespace postern::lab {
namespace {

constexpr uint16_t kPort = 7100, kClosedPort = 99;

enum class Over { veth, wire };
enum class Family { ipv4, ipv6 };

/// A connection as its remote end has it.
class Peer {
 public:
  explicit Peer(UniqueFd socket) : socket_(std::move(socket)) {}

  bool says(std::string_view text) { return ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) > 0; }
  bool says_its_end() { return ::shutdown(socket_.get(), SHUT_WR) == 0; }
  /// Up to the client's end.
  size_t hears() {
    std::array<char, 4096> buffer;
    size_t bytes = 0;
    while (socket_ && happens(POLLIN)) {
      const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (got <= 0) break;
      bytes += static_cast<size_t>(got);
    }
    return bytes;
  }
  bool is_spoken_to() const { return happens(POLLIN); }
  bool closes() {
    socket_.reset();
    return true;
  }
  /// What it has said has arrived first.
  bool resets() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return wait_until([this] { return waiting() == 0; }) && closes();
  }

 private:
  bool happens(short what) const {
    pollfd wait{socket_.get(), what, 0};
    return ::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())) > 0;
  }
  /// Bytes that have not been acknowledged, tcp(7).
  int waiting() const {
    int bytes = -1;
    ::ioctl(socket_.get(), SIOCOUTQ, &bytes);
    return bytes;
  }

  UniqueFd socket_;
};

class Errno : public GuestTest, public testing::WithParamInterface<std::tuple<Over, Family>> {
 public:
  /// The remote answers nothing that comes from the host, and says nothing to it.
  bool vanishes() const { return route(remote(), "add blackhole " + here()); }
  bool is_back() const { return route(remote(), "del blackhole " + here()); }

 protected:
  void SetUp() override {
    GuestTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (over() == Over::wire) {
      auto laid = start(lab(), wire_);
      ASSERT_TRUE(laid) << laid.error().message();
      laid_.emplace(*std::move(laid));
    }
    ASSERT_NO_FATAL_FAILURE(listen());
    inside_ = guest({.options = {"--engine", "fast"}});
    ASSERT_TRUE(inside_);
  }

  static Over over() { return std::get<Over>(GetParam()); }
  static Family family() { return std::get<Family>(GetParam()); }
  static bool is4() { return family() == Family::ipv4; }

  std::string interface() const { return over() == Over::veth ? std::string(kInterface) : wire_.name(); }
  std::string there() const {
    if (over() == Over::veth) return std::string(is4() ? kRemote4 : kRemote6);
    return is4() ? wire_.remote4() : wire_.remote6();
  }
  /// The host, as the remote sees it.
  std::string here() const {
    if (over() == Over::veth) return std::string(is4() ? kHost4 : kHost6);
    return is4() ? "203.0.113.1" : "2001:db8:5:0::1";
  }
  /// `ip route ARGUMENTS` of this family. False where it failed.
  bool route(const Machine& machine, std::string_view arguments) const {
    const Outcome done = machine.sh(fmt::format("ip {} route {}", is4() ? "-4" : "-6", arguments));
    EXPECT_THAT(done, Succeeds());
    return done.ok();
  }

  /// The next client.
  Peer accept() const {
    pollfd wait{listener_.get(), POLLIN, 0};
    ::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count()));
    return Peer(UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  }

  enum class Where { host, inside };
  /// A client that takes `steps`.
  Process start_probe(Where where, std::string_view address, uint16_t port, std::string_view steps) const {
    Command command{.argv = {"postern-probe", "--limit-ms", "10000", std::string(address), std::to_string(port)}, .role = role()};
    std::istringstream words{std::string(steps)};
    for (std::string step; words >> step;) command.argv.push_back(std::move(step));
    auto started = where == Where::host ? host().spawn(command) : inside_->spawn(command);
    if (!started) ADD_FAILURE() << started.error().message();
    return started ? *std::move(started) : Process({}, 0, {}, {});
  }
  static bool has_connected(const Process& client) {
    return wait_until([&client] { return !client.out().empty(); });
  }
  static std::string lines_of(Process client) {
    EXPECT_TRUE(client.wait()) << client.err();
    return client.out();
  }

 private:
  void listen() {
    auto socket = remote().open_socket(AF_INET6, SOCK_STREAM);  // for both families, RFC 3493 3.7
    ASSERT_TRUE(socket) << socket.error().message();
    const int off = 0;
    ::setsockopt(socket->get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(kPort);
    ASSERT_EQ(::bind(socket->get(), reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
    ASSERT_EQ(::listen(socket->get(), 16), 0);
    listener_ = *std::move(socket);
  }

  Wire wire_;
  std::optional<Process> laid_;
  UniqueFd listener_;
  std::optional<Guest> inside_;
};

std::string name_of_path(const testing::TestParamInfo<Errno::ParamType>& info) {
  return fmt::format("{}Ipv{}", std::get<Over>(info.param) == Over::veth ? "Veth" : "Wire20ms",
                     std::get<Family>(info.param) == Family::ipv4 ? 4 : 6);
}
INSTANTIATE_TEST_SUITE_P(Over, Errno,
                         testing::Combine(testing::Values(Over::veth, Over::wire), testing::Values(Family::ipv4, Family::ipv6)),
                         name_of_path);

// ---- connect(2)

/// What connect(2) sees, over IPv4 and IPv6; `inside` where it is not the same.
struct Sees {
  const char* ipv4;
  const char* ipv6;
};
struct Unreached {
  const char* what;
  const char* at_the_host;    // kind of route there; "via" leads to the remote, "dev" to nobody
  const char* at_the_remote;  // and there; nullptr: none
  Sees host;
  std::optional<Sees> inside = std::nullopt;
};

constexpr Unreached kUnreached[] = {
    {"nobody answers ARP", "dev", nullptr, {"EHOSTUNREACH", "EHOSTUNREACH"}},
    {"a router has no route", "via", nullptr, {"ENETUNREACH", "ENETUNREACH"}},
    {"a router says unreachable", "via", "unreachable", {"EHOSTUNREACH", "ENETUNREACH"}},  // Linux forwards IPv6 so
    {"a router prohibits it", "via", "prohibit", {"EHOSTUNREACH", "EACCES"}},
    {"the host has no route", "throw", nullptr, {"ENETUNREACH", "ENETUNREACH"}},
    {"the host says unreachable", "unreachable", nullptr, {"EHOSTUNREACH", "EHOSTUNREACH"}},
    // ICMP for "prohibited" is EHOSTUNREACH to IPv4's sockets.
    {"the host prohibits it", "prohibit", nullptr, {"EACCES", "EACCES"}, Sees{"EHOSTUNREACH", "EACCES"}},
    // No ICMP message says EINVAL.
    {"the host swallows it", "blackhole", nullptr, {"EINVAL", "EINVAL"}, Sees{"ECONNREFUSED", "ECONNREFUSED"}},
};

class ErrnoOfConnect : public Errno {
 protected:
  /// Whoever is not there has not answered after three times as long.
  void hasten() {
    const std::string neighbours = fmt::format("net/ipv{}/neigh/{}/retrans_time_ms", is4() ? 4 : 6, interface());
    ASSERT_THAT(host().sh(fmt::format("echo 100 > /proc/sys/{}", neighbours)), Succeeds());
    const char* one_answer_a_second = is4() ? "net/ipv4/icmp_ratelimit" : "net/ipv6/icmp/ratelimit";
    ASSERT_THAT(remote().sh(fmt::format("echo 0 > /proc/sys/{}", one_answer_a_second)), Succeeds());
  }
  bool lead(const Unreached& unreached, const std::string& to) const {
    const std::string_view kind = unreached.at_the_host;
    const std::string dev = "dev " + interface();
    const bool led = kind == "dev"   ? route(host(), fmt::format("add {} {}", to, dev))
                     : kind == "via" ? route(host(), fmt::format("add {} via {} {}", to, there(), dev))
                                     : route(host(), fmt::format("add {} {}", kind, to));
    return led && (!unreached.at_the_remote || route(remote(), fmt::format("add {} {}", unreached.at_the_remote, to)));
  }
};
INSTANTIATE_TEST_SUITE_P(Over, ErrnoOfConnect,
                         testing::Combine(testing::Values(Over::veth, Over::wire), testing::Values(Family::ipv4, Family::ipv6)),
                         name_of_path);

TEST_P(ErrnoOfConnect, IsTheHostsWhereNobodyIsReached) {
  ASSERT_NO_FATAL_FAILURE(hasten());
  const auto open = [this](Where where, const std::string& to) { return lines_of(start_probe(where, to, kPort, "open")); };
  unsigned number = is4() ? 200 : 1;
  for (const Unreached& unreached : kUnreached) {
    SCOPED_TRACE(unreached.what);
    const std::string to = fmt::format("{}{}", is4() ? "203.0.113." : "2001:db8:6::", number++);
    ASSERT_TRUE(lead(unreached, to));
    const Sees inside = unreached.inside.value_or(unreached.host);
    EXPECT_EQ(open(Where::host, to), fmt::format("open 0 {}\n", is4() ? unreached.host.ipv4 : unreached.host.ipv6));
    EXPECT_EQ(open(Where::inside, to), fmt::format("open 0 {}\n", is4() ? inside.ipv4 : inside.ipv6));
  }
}

TEST_P(ErrnoOfConnect, IsTheHostsWhereThePortIsClosed) {
  for (const Where where : {Where::host, Where::inside}) {
    EXPECT_EQ(lines_of(start_probe(where, there(), kClosedPort, "open=3 refused=3")), "open 0 ECONNREFUSED\nrefused 3\n");
  }
}

// ---- a connection

/// The client takes `steps`, and at its `hold` the remote has its turn.
struct Course {
  const char* what;
  const char* steps;
  bool (*turn)(const Errno& test, Peer& peer);
  const char* lines;
  size_t remote_hears = 0;
};

const Course kCourses[] = {
    {"a reset, and a read", "open hold hear say hear", [](const Errno&, Peer& peer) { return peer.resets(); },
     "open 1\nhold 0\nhear 0 ECONNRESET\nsay 0 EPIPE\nhear 0\n"},
    {"a reset, and a write", "open hold over say say", [](const Errno&, Peer& peer) { return peer.resets(); },
     "open 1\nhold 0\nover 1\nsay 0 ECONNRESET\nsay 0 EPIPE\n"},
    {"a reset behind bytes", "open hold over hear hear",
     [](const Errno&, Peer& peer) { return peer.says("hello") && peer.resets(); },
     "open 1\nhold 0\nover 1\nhear 5 ECONNRESET\nhear 0\n"},
    {"a remote that closes without reading", "open say hold hear say",
     [](const Errno&, Peer& peer) { return peer.is_spoken_to() && peer.closes(); },
     "open 1\nsay 45\nhold 0\nhear 0 ECONNRESET\nsay 0 EPIPE\n"},
    {"the remote says its end first", "open hold hear say end",
     [](const Errno&, Peer& peer) { return peer.says("hello") && peer.says_its_end(); },
     "open 1\nhold 0\nhear 5\nsay 45\nend 1\n", 45},
    {"the client says its end first", "open say end hold hear over say",
     [](const Errno&, Peer& peer) { return peer.hears() == 45 && peer.says("hello") && peer.closes(); },
     "open 1\nsay 45\nend 1\nhold 0\nhear 5\nover 1\nsay 0 EPIPE\n"},
    {"a remote that has closed is spoken to", "open hold hear say over say hear",
     [](const Errno&, Peer& peer) { return peer.closes(); }, "open 1\nhold 0\nhear 0\nsay 45\nover 1\nsay 0 EPIPE\nhear 0\n"},
    {"a remote that has started anew is spoken to", "open hold say hear say",
     [](const Errno& test, Peer& peer) { return test.vanishes() && peer.resets() && test.is_back(); },
     "open 1\nhold 0\nsay 45\nhear 0 ECONNRESET\nsay 0 EPIPE\n"},
};

TEST_P(Errno, OfAConnectionIsTheHosts) {
  for (const Course& course : kCourses) {
    for (const Where where : {Where::host, Where::inside}) {
      SCOPED_TRACE(fmt::format("{}, {}", course.what, where == Where::host ? "on the host" : "inside"));
      Process client = start_probe(where, there(), kPort, course.steps);
      Peer peer = accept();
      EXPECT_TRUE(has_connected(client) && course.turn(*this, peer));
      client.signal(SIGUSR1);
      EXPECT_EQ(lines_of(std::move(client)), course.lines);
      EXPECT_EQ(peer.hears(), course.remote_hears);
    }
  }
}

// The host's kernel has the bytes, and it is the host's kernel that gives up; a reset is all that TCP has to say it with.
TEST_P(Errno, OfARemoteThatVanishesIsThatOfAReset) {
  ASSERT_THAT(host().sh("echo 1 > /proc/sys/net/ipv4/tcp_retries2"), Succeeds());  // a second, not a quarter of an hour
  for (const Where where : {Where::host, Where::inside}) {
    Process client = start_probe(where, there(), kPort, "open hold say hear say");
    const Peer peer = accept();
    EXPECT_TRUE(has_connected(client) && vanishes());
    client.signal(SIGUSR1);
    EXPECT_EQ(lines_of(std::move(client)),
              fmt::format("open 1\nhold 0\nsay 45\nhear 0 {}\nsay 0 EPIPE\n", where == Where::host ? "ETIMEDOUT" : "ECONNRESET"));
    EXPECT_TRUE(is_back());
  }
}

}  // namespace
}  // namespace postern::lab
