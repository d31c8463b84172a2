// bridge_ports_test.cpp - published ports by the thousand, in ranges, at one address of the host, of both protocols; and taken by
// two. bridge_test.h draws it.
#include <algorithm>

#include "bridge_test.h"
#include "listener.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

class BridgePorts : public BridgeTest {
 protected:
  void SetUp() override {
    BridgeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    up(kBlue);
  }
  void start_web(std::string_view ports) {
    web_ = container_on("blue", at(50, 2) + " " + std::string(ports));
    ASSERT_TRUE(web_);
    serve(*web_, Server::http);
    serve(*web_, Server::echo);
  }
  const Container& web() const { return *web_; }
  std::string elements_of(std::string_view map) const {
    return host()
        .sh(fmt::format("nft -j list map inet postern {} | jq '[.nftables[].map? // empty | .elem // [] | length] | add'", map))
        .out;
  }
  std::string published() const { return bridge("ports ls --json | jq '.ports | length'").out; }
  std::string from_outside(int port) const { return knock(remote(), kHost4, port); }

 private:
  std::optional<Container> web_;
};

constexpr const char* kRefused = "open 0 ECONNREFUSED\n";  // nobody of the host listens there either

TEST_F(BridgePorts, FiveThousandComeAndGoOneByOne) {
  std::string many;
  for (int port = 20000; port < 25000; ++port) many += fmt::format(" {}:80", port);
  start_web("");
  const Outcome added = host().run({.argv = {"sh", "-c", "postern bridge ports add blue c50-2" + many}, .limit = 60s});
  ASSERT_THAT(added, Succeeds());
  EXPECT_EQ(published(), "5000\n");
  EXPECT_EQ(elements_of("publish4"), "5000\n");
  EXPECT_EQ(elements_of("publish6"), "5000\n");
  for (const int port : {20000, 22222, 24999}) EXPECT_EQ(from_outside(port), kReached) << port;
  for (const int port : {19999, 25000}) EXPECT_EQ(from_outside(port), kRefused) << port;
  ASSERT_THAT(bridge("ports add blue c50-2 25000:80"), Succeeds());
  EXPECT_EQ(published(), "5001\n");
  EXPECT_EQ(elements_of("publish4"), "5001\n");
  EXPECT_EQ(from_outside(25000), kReached);
  ASSERT_THAT(bridge("ports rm blue c50-2 22222:80"), Succeeds());
  EXPECT_EQ(published(), "5000\n");
  EXPECT_EQ(elements_of("publish4"), "5000\n");
  EXPECT_EQ(from_outside(22222), kRefused);
  for (const int port : {22221, 22223}) EXPECT_EQ(from_outside(port), kReached) << port;
  EXPECT_EQ(knock(host(), "127.0.0.1", 24999), kReached);
  EXPECT_EQ(knock(host(), "127.0.0.1", 22222), kRefused);
  EXPECT_THAT(bridge("check"), Succeeds());
  ASSERT_THAT(bridge("detach blue c50-2"), Succeeds());
  EXPECT_EQ(published(), "0\n");
  EXPECT_EQ(from_outside(24999), kRefused);
}

TEST_F(BridgePorts, FiveThousandComeWithTheContainer) {
  std::string many;
  for (int port = 20000; port < 25000; ++port) many += fmt::format(" -p {}:80", port);
  start_web(many);
  EXPECT_EQ(elements_of("publish4"), "5000\n");
  EXPECT_EQ(from_outside(23456), kReached);
}

TEST_F(BridgePorts, ARangeLeadsToEachItsOwn) {
  start_web("-p 1000-9999:1000-9999 -p 1000-9999:1000-9999/udp -p 20076-20085:76-85");
  auto last = container();
  EXPECT_EQ(published(), "3\n");
  EXPECT_EQ(from_outside(20080), kReached) << "80, nginx";
  EXPECT_EQ(from_outside(20079), kRefused) << "79, where nobody listens inside";
  EXPECT_EQ(source_seen(remote(), "[2001:db8:1::1]:20080"), "2001:db8:1::2\n");
  const auto echo = web().spawn({.argv = {"postern-echo", "9999"}});
  ASSERT_TRUE(echo);
  ASSERT_TRUE(wait_until([&] { return listens(web(), echo->pid(), "udp6", 9999); }));
  EXPECT_EQ(from_outside(9999), kReached);
  EXPECT_EQ(knock_udp(remote(), kHost4, 9999), kAnswered);
  EXPECT_EQ(knock_udp(remote(), kHost6, 9999), kAnswered);
  EXPECT_EQ(knock(host(), "127.0.0.1", 20080), kReached);
  EXPECT_EQ(knock(host(), "::1", 9999), kReached);
}

TEST_F(BridgePorts, AHostAddressIsTheOnlyOneThatAnswers) {
  ASSERT_THAT(host().sh("ip address add 192.0.2.77/24 dev eth0 && ip address add 2001:db8:1::77/64 dev eth0 nodad"), Succeeds());
  start_web("-p 192.0.2.77:8080:80 -p [2001:db8:1::77]:8081:80");
  EXPECT_EQ(source_seen(remote(), "192.0.2.77:8080"), "192.0.2.2\n");
  EXPECT_EQ(source_seen(remote(), "[2001:db8:1::77]:8081"), "2001:db8:1::2\n");
  for (const char* other : {"192.0.2.1", "2001:db8:1::1", "2001:db8:1::77"})
    EXPECT_EQ(knock(remote(), other, 8080), kRefused) << other;
  for (const char* other : {"192.0.2.1", "2001:db8:1::1", "192.0.2.77"})
    EXPECT_EQ(knock(remote(), other, 8081), kRefused) << other;
  EXPECT_EQ(knock(host(), "127.0.0.1", 8080), kRefused);
  EXPECT_EQ(knock(host(), "192.0.2.77", 8080), kReached);
}

TEST_F(BridgePorts, TheLoopbacksServeBothFamilies) {
  up("four --subnet 10.52.0.0/24");
  const auto only4 = container_on("four", "-p 8080:80 -p 7000:7/udp");
  ASSERT_TRUE(only4);
  serve(*only4, Server::http);
  serve(*only4, Server::echo);
  for (const char* own : {"127.0.0.1:8080", "[::1]:8080"}) {
    EXPECT_EQ(host().sh(fmt::format("curl -sS --max-time 10 http://{}/", own)).out, kPageText) << own << ", of IPv4 alone";
  }
  EXPECT_EQ(knock_udp(host(), "127.0.0.1", 7000), kAnswered);
}

TEST_F(BridgePorts, OneThatIsTakenIsRefusedWithItsHolder) {
  start_web("-p 8080:80 -p 9000-9099:9000-9099");
  const auto second = container();
  ASSERT_TRUE(second);
  const std::string before = snapshot();
  for (const char* taken :
       {"8080:81", "192.0.2.1:8080:80", "127.0.0.1:8080:80", "9050:80", "9090-9110:9090-9110", "8000-8100:8000-8100"}) {
    EXPECT_THAT(attach("blue", *second, fmt::format("-p 7777:80 -p {}", taken)), RefusesWith({"c50-2", taken})) << taken;
    EXPECT_THAT(bridge(fmt::format("ports add blue c50-2 7777:80 {}", taken)), RefusesWith({"c50-2", taken})) << taken;
  }
  EXPECT_EQ(snapshot(), before) << "all of a command or nothing of it";
  EXPECT_THAT(attach("blue", *second, "-p 8080:80/udp"), Succeeds()) << "the other protocol's is free";
}

// moby#53384, netavark#1045: what an old UDP flow remembers would lead on to where nobody is.
TEST_F(BridgePorts, AnUdpFlowFollowsItsPortToTheNextContainer) {
  start_web("-p 7000:7/udp");
  Process client = *remote().spawn({.argv = {"socat", "-t20", "STDIO", "UDP4:192.0.2.1:7000,sourceport=5555"}, .input = "one\n"});
  ASSERT_TRUE(wait_until([&] { return client.out() == "one\n"; })) << client.err();
  client.kill();
  ASSERT_THAT(bridge("detach blue c50-2"), Succeeds());
  const auto next = container_on("blue", at(50, 3) + " -p 7000:7/udp");
  ASSERT_TRUE(next);
  serve(*next, Server::echo);
  Process again = *remote().spawn({.argv = {"socat", "-t20", "STDIO", "UDP4:192.0.2.1:7000,sourceport=5555"}, .input = "two\n"});
  EXPECT_TRUE(wait_until([&] { return again.out() == "two\n"; }, 5s)) << again.err();
}

TEST_F(BridgePorts, OneThatIsRemovedEndsItsConnectionsAndNoOthers) {
  start_web("-p 7000:7 -p 7001:7");
  // A connection from outside that speaks once, and again when it gets SIGUSR1.
  const auto talk = [this](const char* port) {
    Process talking = *remote().spawn(
        {.argv = {"postern-probe", "--limit-ms", "2000", std::string(kHost4), port, "open", "echo", "hold", "echo"}});
    EXPECT_TRUE(wait_until([&] { return talking.out() == kAnswered; })) << talking.out();
    return talking;
  };
  Process removed = talk("7000"), other = talk("7001");
  ASSERT_THAT(bridge("ports rm blue c50-2 7000:7"), Succeeds());
  ASSERT_THAT(bridge("ports add blue c50-2 7002:7/udp 7003:7"), Succeeds());
  for (Process* talking : {&removed, &other}) {
    talking->signal(SIGUSR1);
    EXPECT_TRUE(talking->wait());
  }
  EXPECT_THAT(removed.out(), HasSubstr("hold 0\necho 0 "));
  EXPECT_THAT(other.out(), HasSubstr("hold 0\necho 1\n"));
  EXPECT_EQ(from_outside(7000), kRefused);
  EXPECT_EQ(from_outside(7001), kReached);
}

// The DNS server of the network has port 53 at the gateway, and keeps it.
TEST_F(BridgePorts, Port53CanBePublishedBesideTheNetworksOwn) {
  start_web("--hostname web");
  ASSERT_THAT(bridge("ports add blue c50-2 53:53/udp 53:53/tcp"), Succeeds());
  EXPECT_EQ(web().sh("dig +short +time=2 @10.50.0.1 web").out, "10.50.0.2\n");
  auto datagrams = Listener::open(web(), Transport::udp, {*parse_ip("10.50.0.2"), Port{53}});
  ASSERT_TRUE(datagrams) << datagrams.error().message();
  (void)remote().sh("printf asked | socat - UDP:192.0.2.1:53");
  const auto asked = datagrams->next();
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->bytes, "asked");
  auto taken = Listener::open(host(), Transport::tcp, {*parse_ip(kHost4), Port{5300}});
  ASSERT_TRUE(taken) << taken.error().message();
  EXPECT_THAT(bridge("ports add blue c50-2 5300:53"), EndsWithStatus(1)) << "a port of the host that somebody listens on";
}

// Where the proxy has died, nobody but root takes its place.
TEST_F(BridgePorts, TheProxysPortIsOneOfThePrivileged) {
  start_web("-p 8080:80");
  for (const char* family : {"4", "6"}) {
    EXPECT_THAT(host().sh(fmt::format("test $(jq .port{} /run/postern/bridge/proxy.json) -lt 1024", family)), Succeeds())
        << family;
  }
  EXPECT_EQ(host().sh("curl -sS --max-time 10 http://127.0.0.1:8080/").out, kPageText);
}

}  // namespace
}  // namespace postern::lab
