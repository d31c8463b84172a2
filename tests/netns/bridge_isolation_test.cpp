// bridge_isolation_test.cpp - what a bridge network lets nobody do. Every closed way stands beside an open one, so that a way is
// not found closed because nothing works. bridge_test.h draws it; each of blue's ways has a door on green's side too.
#include "bridge_test.h"
#include "listener.h"

namespace postern::lab {
namespace {

using ::testing::Ne;

class BridgeIsolation : public BridgeTest {
 protected:
  /// web of blue has nginx and publishes it as 8080, and on the host's loopback alone as 8081.
  void build(std::string_view blue_options = "", std::string_view green_options = "") {
    up(fmt::format("{} {}", kBlue, blue_options));
    up(fmt::format("{} {}", kGreen, green_options));
    web_ = container_on("blue", at(50, 2) + " -p 8080:80 -p 127.0.0.1:8081:80 -p [::1]:8081:80");
    peer_ = container_on("blue", at(50, 3) + " -p 8082:80");
    other_ = container_on("green", at(51, 2) + " -p 8083:80");
    ASSERT_TRUE(web_ && peer_ && other_);
    for (const auto* server : {&*web_, &*peer_, &*other_}) serve(*server, Server::http);
  }
  std::vector<Server> servers() const override { return {Server::http}; }

  const Container& web() const { return *web_; }
  const Container& peer() const { return *peer_; }
  const Container& other() const { return *other_; }

  /// The outside has found a way to the networks' own addresses.
  void route_from_outside() const {
    ASSERT_THAT(remote().sh("ip route add 10.50.0.0/24 via 192.0.2.1 && ip route add fd50::/64 via 2001:db8:1::1 && "
                            "ip route add 10.51.0.0/24 via 192.0.2.1 && ip route add fd51::/64 via 2001:db8:1::1"),
                Succeeds());
  }
  std::string mac_of(const Machine& machine, std::string_view link) const {
    const std::string out = machine.sh(fmt::format("ip -json link show {} | jq -r '.[0].address'", link)).out;
    return out.substr(0, out.find('\n'));
  }

 private:
  std::optional<Container> web_, peer_, other_;
};

TEST_F(BridgeIsolation, AnotherNetworkIsReachedByItsPublishedPortsAlone) {
  build();
  for (const char* address : {"10.50.0.2", "fd50::2"}) EXPECT_NE(knock(other(), address, 80), kReached) << address;
  for (const char* address : {"10.51.0.2", "fd51::2"}) EXPECT_NE(knock(web(), address, 80), kReached) << address;
  EXPECT_NE(knock(other(), "10.50.0.2", 7), kReached);
  EXPECT_EQ(source_seen(other(), "192.0.2.1:8080"), "10.51.0.2\n") << "the source is kept between networks";
  EXPECT_EQ(source_seen(other(), "[2001:db8:1::1]:8080"), "fd51::2\n");
  EXPECT_EQ(source_seen(web(), "192.0.2.1:8083"), "10.50.0.2\n");
}

TEST_F(BridgeIsolation, RoutesToContainersAreClosedFromOutside) {
  build();
  route_from_outside();
  for (const char* address : {"10.50.0.2", "fd50::2", "10.51.0.2", "fd51::2"}) {
    EXPECT_NE(knock(remote(), address, 80), kReached) << address << ": a published port, by the container's own address";
  }
  auto hidden = Listener::open(web(), Transport::udp, {*parse_ip("10.50.0.2"), Port{9000}});
  ASSERT_TRUE(hidden) << hidden.error().message();
  EXPECT_EQ(remote().sh("postern-probe --udp --limit-ms 300 10.50.0.2 9000 open echo").out, "open 1\necho 0 ETIMEDOUT\n");
  EXPECT_FALSE(hidden->reached());
  EXPECT_EQ(source_seen(remote(), "192.0.2.1:8080"), "192.0.2.2\n");
}

TEST_F(BridgeIsolation, APortOfTheLoopbackIsOfTheLoopbackAlone) {
  build();
  EXPECT_EQ(host().sh("curl -sS --max-time 10 http://127.0.0.1:8081/").out, kPageText);
  EXPECT_EQ(host().sh("curl -sS --max-time 10 http://[::1]:8081/").out, kPageText);
  route_from_outside();
  for (const Machine* from : {&remote(), static_cast<const Machine*>(&other())}) {
    for (const char* address : {"192.0.2.1", "2001:db8:1::1", "10.50.0.1", "fd50::1"}) {
      EXPECT_NE(knock(*from, address, 8081), kReached) << address;
    }
  }
}

// With route_localnet, which many hosts have from Docker or from kube-proxy, the kernel's own check of martians is off.
TEST_F(BridgeIsolation, TheLoopbackForgedFromALinkIsDropped) {
  build();
  ASSERT_THAT(host().sh("for link in all eth0 blue; do sysctl -qw net.ipv4.conf.$link.route_localnet=1 "
                        "net.ipv4.conf.$link.rp_filter=0; done"),
              Succeeds());
  auto datagrams = Listener::open(web(), Transport::udp, {*parse_ip("10.50.0.2"), Port{5353}});
  ASSERT_TRUE(datagrams) << datagrams.error().message();
  ASSERT_THAT(bridge("ports add blue c50-2 5353:5353/udp"), Succeeds());
  const std::string proxy = first_line("jq -r .port4 /run/postern/bridge/proxy.json");
  ASSERT_FALSE(proxy.empty());
  const struct {
    const Machine& from;
    std::string gate;
    std::string open;  // where a frame made by the same hand is answered
  } links[] = {{remote(), mac_of(host(), "eth0"), "192.0.2.1"}, {peer(), mac_of(host(), "blue"), "192.0.2.1"}};
  for (const auto& link : links) {
    const auto forged = [&](std::string_view address, std::string_view port) {
      return link.from.sh(fmt::format("postern-rawframe eth0 --to-mac {} --wait-ms 300 --syn {} {}", link.gate, address, port));
    };
    EXPECT_THAT(forged(link.open, "8080"), Succeeds());
    for (const std::string& port : {std::string("8080"), std::string("8081"), proxy}) {
      EXPECT_THAT(forged("127.0.0.1", port), EndsWithStatus(1)) << port;
      EXPECT_THAT(forged("::1", port), EndsWithStatus(1)) << port;
    }
    EXPECT_NE(knock(link.from, "192.0.2.1", std::stoi(proxy)), kReached) << "the proxy's own port";
    for (const char* address : {"127.0.0.1", "::1", "192.0.2.1"}) {
      (void)link.from.sh(
          fmt::format("postern-rawframe eth0 --to-mac {} --wait-ms 0 --udp {} 5353 --payload {}", link.gate, address, address));
    }
    const auto first = datagrams->next();
    ASSERT_TRUE(first) << "the last one, which is honest";
    EXPECT_EQ(first->bytes, "192.0.2.1");
  }
}

TEST_F(BridgeIsolation, NothingLeavesByAnAddressThatIsNotTheHosts) {
  build();
  ASSERT_THAT(remote().sh("nft 'add table inet seen; add chain inet seen arrived { type filter hook prerouting priority -300; }; "
                          "add rule inet seen arrived ip saddr != { 192.0.2.0/24, 127.0.0.0/8 } counter; "
                          "add rule inet seen arrived ip6 saddr fd50::/64 counter'"),
              Succeeds());
  auto datagrams = Listener::open(remote(), Transport::udp, {*parse_ip(kRemote4), Port{9000}});
  ASSERT_TRUE(datagrams) << datagrams.error().message();
  const std::string gate = mac_of(host(), "blue");
  const auto send = [&](std::string_view frame) {
    return web().sh(fmt::format("postern-rawframe eth0 --to-mac {} --wait-ms 0 {}", gate, frame));
  };
  send("--udp 192.0.2.2 9000 --source 203.0.113.9 --payload forged");
  send("--udp 192.0.2.2 9000 --source 10.51.0.2 --payload another-network");
  send("--syn 192.0.2.2 9001 --flags SA");  // of no connection: it would not be translated
  send("--syn 2001:db8:1::2 9001 --flags SA");
  send("--udp 192.0.2.2 9000 --payload honest");  // the frames of one link stay in order
  const auto first = datagrams->next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->bytes, "honest");
  EXPECT_EQ(to_string(first->from.address), kHost4);
  EXPECT_EQ(remote().sh("nft list table inet seen | grep -o 'packets [0-9]*'").out, "packets 0\npackets 0\n");
}

TEST_F(BridgeIsolation, WithIccOffPeersAreClosedAndTheOutsideIsOpen) {
  build("--icc off");
  for (const char* address : {"10.50.0.2", "fd50::2"}) EXPECT_NE(knock(peer(), address, 80), kReached) << address;
  EXPECT_NE(knock(web(), "10.50.0.3", 80), kReached);
  EXPECT_EQ(source_seen(peer(), kRemote4), "192.0.2.1\n");
  EXPECT_EQ(source_seen(host(), "10.50.0.2"), "10.50.0.1\n");
  EXPECT_EQ(source_seen(remote(), "192.0.2.1:8080"), "192.0.2.2\n");
  EXPECT_EQ(source_seen(other(), "192.0.2.1:8080"), "10.51.0.2\n");
}

TEST_F(BridgeIsolation, AFullyIsolatedNetworkIsClosedToOthersAndOpenOutside) {
  build("--isolate full");
  for (const char* address : {"192.0.2.1", "2001:db8:1::1", "10.50.0.1", "fd51::1"}) {
    EXPECT_NE(knock(other(), address, 8080), kReached) << "its ports, by " << address;
    EXPECT_NE(knock(web(), address, 8083), kReached) << "theirs, by " << address;
  }
  EXPECT_NE(knock(other(), "10.50.0.2", 80), kReached);
  EXPECT_EQ(source_seen(remote(), "192.0.2.1:8080"), "192.0.2.2\n");
  EXPECT_EQ(source_seen(remote(), "192.0.2.1:8083"), "192.0.2.2\n");
  EXPECT_EQ(source_seen(peer(), "10.50.0.2"), "10.50.0.3\n");
  EXPECT_EQ(source_seen(web(), kRemote4), "192.0.2.1\n");
}

TEST_F(BridgeIsolation, OpenNetworksReachEachOtherDirectly) {
  build("--isolate open", "--isolate open");
  EXPECT_EQ(source_seen(other(), "10.50.0.2"), "10.51.0.2\n") << "not masqueraded between networks";
  EXPECT_EQ(source_seen(web(), "[fd51::2]"), "fd50::2\n");
  route_from_outside();
  EXPECT_NE(knock(remote(), "10.50.0.2", 80), kReached);
}

TEST_F(BridgeIsolation, AnOpenNetworkIsClosedToOneThatIsNot) {
  build("--isolate open");
  EXPECT_NE(knock(other(), "10.50.0.2", 80), kReached);
  EXPECT_NE(knock(web(), "10.51.0.2", 80), kReached);
  EXPECT_EQ(source_seen(other(), "192.0.2.1:8080"), "10.51.0.2\n");
}

TEST_F(BridgeIsolation, AnInternalNetworkReachesItselfAndNothingElse) {
  up("blue --internal --subnet 10.50.0.0/24 --subnet fd50::/64");
  up(kGreen);
  const auto web = container_on("blue", at(50, 2)), peer = container_on("blue", at(50, 3));
  const auto other = container_on("green", at(51, 2) + " -p 8083:80");
  ASSERT_TRUE(web && peer && other);
  for (const auto* server : {&*web, &*other}) serve(*server, Server::http);
  serve(host(), Server::echo);
  EXPECT_EQ(source_seen(*peer, "10.50.0.2"), "10.50.0.3\n");
  EXPECT_EQ(source_seen(*peer, "[fd50::2]"), "fd50::3\n");
  EXPECT_EQ(peer->sh("ip route show default; ip -6 route show default").out, "");
  // Root inside is not bound to the routes that we gave it.
  ASSERT_THAT(peer->sh("ip route add default via 10.50.0.1 && ip route add default via fd50::1"), Succeeds());
  for (const std::string_view address : {kRemote4, kRemote6}) EXPECT_NE(knock(*peer, address, 80), kReached) << address;
  for (const char* address : {"10.51.0.2", "fd51::2"}) EXPECT_NE(knock(*peer, address, 80), kReached) << address;
  for (const char* address : {"192.0.2.1", "2001:db8:1::1", "10.51.0.1"}) {
    EXPECT_NE(knock(*peer, address, 8083), kReached) << address;
    EXPECT_NE(knock(*peer, address, 7), kReached) << address;
  }
  for (const char* address : {"10.50.0.1", "fd50::1"}) EXPECT_NE(knock(*peer, address, 7), kReached) << address;
  EXPECT_EQ(knock(*other, "10.51.0.1", 7), kReached) << "the host's server";
  route_from_outside();
  EXPECT_NE(knock(remote(), "10.50.0.2", 80), kReached);
}

TEST_F(BridgeIsolation, WithAnExternalLinkPacketsLeaveByItAlone) {
  ASSERT_THAT(host().sh("ip link add other0 type veth peer name other0 netns remote && ip link set other0 up && "
                        "ip address add 203.0.113.1/30 dev other0 && "
                        "ip -netns remote link set other0 up && ip -netns remote address add 203.0.113.2/30 dev other0"),
              Succeeds());
  up("blue --subnet 10.50.0.0/24 --external other0");
  up("green --subnet 10.51.0.0/24");
  const auto bound = container_on("blue", ""), free = container_on("green", "");
  ASSERT_TRUE(bound && free);
  EXPECT_EQ(source_seen(*bound, "203.0.113.2"), "203.0.113.1\n");
  EXPECT_NE(knock(*bound, kRemote4, 80), kReached);
  EXPECT_EQ(source_seen(*free, kRemote4), "192.0.2.1\n");
  EXPECT_EQ(source_seen(*free, "203.0.113.2"), "203.0.113.1\n");
}

TEST_F(BridgeIsolation, WithoutMasqueradeTheSourceIsTheContainers) {
  up("blue --subnet 10.50.0.0/24 --no-masquerade");
  const auto made = container_on("blue", "--ip 10.50.0.2");
  ASSERT_TRUE(made);
  ASSERT_THAT(remote().sh("ip route add 10.50.0.0/24 via 192.0.2.1"), Succeeds());
  EXPECT_EQ(source_seen(*made, kRemote4), "10.50.0.2\n");
}

// Their rules are not ours to change, and ours close nothing but our own networks.
TEST_F(BridgeIsolation, ForwardingOfOthersIsLeftAlone) {
  ASSERT_THAT(
      host().sh("sysctl -qw net.ipv4.ip_forward=1 && ip netns add guest && ip link add vm0 type veth peer name eth0 netns "
                "guest && ip address add 10.99.0.1/24 dev vm0 && ip link set vm0 up && "
                "ip -netns guest address add 10.99.0.2/24 dev eth0 && ip -netns guest link set eth0 up && "
                "ip -netns guest route add default via 10.99.0.1 && ip -netns remote route add 10.99.0.0/24 via 192.0.2.1"),
      Succeeds());
  const std::string asks = "ip netns exec guest curl -sS --max-time 10 http://192.0.2.2/client";
  ASSERT_EQ(host().sh(asks).out, "10.99.0.2\n");
  build();
  EXPECT_EQ(host().sh(asks).out, "10.99.0.2\n");
  EXPECT_EQ(host().sh("ip netns exec guest curl -sS --max-time 10 http://192.0.2.1:8080/client").out, "10.99.0.2\n");
  EXPECT_NE(host().sh("ip netns exec guest postern-probe --limit-ms 300 10.50.0.2 80 open").out, kReached);
}

}  // namespace
}  // namespace postern::lab
