// packet_sockets_test.cpp - packets at the devices of the running kernel, told by trace::PacketSockets.
//
//   the test's namespace:  lo;   v0 ─veth─ eth0 of another: 10.1.0.1 and 10.1.0.2
#include "postern/trace/packet_sockets.h"

#include <net/if.h>
#include <sys/socket.h>

#include "postern/base/socket_address.h"

#include "trace_test.h"

namespace postern::trace {
namespace {

using journey::Event;
using journey::Point;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PacketSocketsTest : public TraceTest {
 protected:
  std::unique_ptr<PacketSockets> open(std::string_view filter, Following::Extent extent = Following::Extent::connection) {
    return value(PacketSockets::open(*loop, follow(filter, extent), sink()));
  }

  /// "transmit 10.1.0.2", by what they are for.
  std::vector<std::string> seen() const {
    std::vector<std::string> all;
    for (const Event& event : events)
      all.push_back(std::string(name(event.point)) + " " + to_string(event.packet.value().destination));
    return all;
  }

  void connect(const Neighbour& other) {
    run("ip link add v0 type veth peer name eth0 netns " + other.pid());
    run("ip addr add 10.1.0.1/24 dev v0; ip link set v0 address 02:00:00:00:01:01 up");
    other.sh("ip addr add 10.1.0.2/24 dev eth0; ip link set eth0 address 02:00:00:00:01:02 up");
  }
};

uint64_t now_ns() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count());
}

TEST_P(PacketSocketsTest, APingIsTransmittedAndItsAnswerArrives) {
  const Neighbour other;
  connect(other);
  const auto source = open("icmp");
  const uint64_t before = now_ns();
  run("ping -c1 -W5 10.1.0.2 >/dev/null");
  const uint64_t after = now_ns();
  ASSERT_TRUE(until([&] { return events.size() >= 2; }));
  EXPECT_THAT(seen(), ElementsAre("transmit 10.1.0.2", "ingress 10.1.0.1"));
  for (const Event& event : events) {
    EXPECT_EQ(event.observer, journey::Observer::packet_socket);
    EXPECT_EQ(event.clock, Event::Clock::exact);
    EXPECT_EQ(event.network.inode, inode_of_network());
    EXPECT_EQ(event.device.index, static_cast<int>(::if_nametoindex("v0")));
    EXPECT_EQ(event.ethertype, 0x0800);
    EXPECT_EQ(event.captured.size(), 84u) << "ping's 56 bytes and both headers";
    EXPECT_EQ(event.packet->bytes, 84u);
    EXPECT_GE(event.time_ns + 1'000'000, before) << "two clocks are compared by reading one after the other";
    EXPECT_LE(event.time_ns, after + 1'000'000);
  }
  EXPECT_LT(events[0].time_ns, events[1].time_ns);
  EXPECT_EQ(events[0].macs.value().source.to_string(), "02:00:00:00:01:01");
  EXPECT_EQ(events[0].macs->destination.to_string(), "02:00:00:00:01:02");
  EXPECT_EQ(events[1].macs.value().source.to_string(), "02:00:00:00:01:02");
  EXPECT_EQ(source->lost(), 0u);
}

TEST_P(PacketSocketsTest, OnTheLoopbackEachPacketGoesOutAndComesIn) {
  const auto source = open("icmp");
  run("ping -c1 -W5 127.0.0.1 >/dev/null");
  source->drain();
  EXPECT_THAT(seen(), ElementsAre("transmit 127.0.0.1", "ingress 127.0.0.1", "transmit 127.0.0.1", "ingress 127.0.0.1"));
}

TEST_P(PacketSocketsTest, TheAnswerIsFollowedWhereConnectionsAre) {
  const Neighbour other;
  connect(other);
  {
    const auto source = open("dst host 10.1.0.2", Following::Extent::packet);
    run("ping -c1 -W5 10.1.0.2 >/dev/null");
    source->drain();
    EXPECT_THAT(seen(), ElementsAre("transmit 10.1.0.2"));
  }
  events.clear();
  const auto source = open("dst host 10.1.0.2", Following::Extent::connection);
  run("ping -c1 -W5 10.1.0.2 >/dev/null");
  source->drain();
  EXPECT_THAT(seen(), ElementsAre("transmit 10.1.0.2", "ingress 10.1.0.1"));
}

TEST_P(PacketSocketsTest, OtherPacketsAreNotTold) {
  const Neighbour other;
  connect(other);
  const auto source = open("tcp or host 10.1.0.9");
  run("ping -c1 -W5 10.1.0.2 >/dev/null; ping -c1 -W5 127.0.0.1 >/dev/null");
  source->drain();
  EXPECT_THAT(seen(), IsEmpty());
}

TEST_P(PacketSocketsTest, ADeviceThatComesLaterIsWatchedTooAndSoIsIpv6) {
  const auto source = open("icmp6 and host fd00::2");
  const Neighbour other;
  connect(other);
  run("ip -6 addr add fd00::1/64 dev v0 nodad");
  other.sh("ip -6 addr add fd00::2/64 dev eth0 nodad");
  run("ping -6 -c1 -W5 fd00::2 >/dev/null");
  ASSERT_TRUE(until([&] {
    size_t echoes = 0;
    for (const Event& event : events) echoes += event.packet->icmp_type == 128 || event.packet->icmp_type == 129;
    return echoes == 2;
  }));
}

TEST_P(PacketSocketsTest, ItStaysInItsNamespaceWhereverTheThreadGoes) {
  const auto source = open("icmp");
  run("ping -c1 -W5 127.0.0.1 >/dev/null");
  const uint64_t inode = inode_of_network();
  ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
  run("ip link set lo up; ping -c1 -W5 127.0.0.1 >/dev/null");
  source->drain();
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events.front().network.inode, inode);
}

TEST_P(PacketSocketsTest, WhatCouldNotBeKeptUpWithIsCountedAndHindersNobody) {
  const auto source = open("udp");
  const UniqueFd receiver(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
      sender(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  SocketAddress to(IpAddress(Ipv4::of(127, 0, 0, 1)), Port{0});
  ASSERT_EQ(::bind(receiver.get(), to.get(), to.size()), 0);
  ASSERT_EQ(::getsockname(receiver.get(), to.get(), to.room()), 0);
  constexpr uint64_t kSent = 50'000;  // each is seen twice
  for (uint64_t i = 0; i < kSent; ++i) ASSERT_EQ(::sendto(sender.get(), "x", 1, 0, to.get(), to.size()), 1);
  source->drain();
  EXPECT_GT(events.size(), 10'000u) << "there is room for a burst, whoever watches";
  EXPECT_EQ(events.size() + source->lost(), 2 * kSent);
  EXPECT_EQ(events.size() + source->lost(), 2 * kSent) << "asking does not change it";
  events.clear();
  ASSERT_EQ(::sendto(sender.get(), "x", 1, 0, to.get(), to.size()), 1);
  EXPECT_TRUE(until([&] { return events.size() == 2; }));
}

TEST_P(PacketSocketsTest, WithoutThePrivilegeItIsEperm) {
  const Child stranger([] {
    if (::unshare(CLONE_NEWUSER) < 0) ::_exit(1);  // root of another user namespace than that of this network
    auto own_loop = value(loop::EventLoop::create());
    const auto refused = PacketSockets::open(*own_loop, follow("icmp"), [](Event&&) {});
    if (refused || !refused.error().is(std::errc::operation_not_permitted)) ::_exit(1);
  });
  EXPECT_GT(stranger.pid(), 0);
}

TRACE_AS_ROOT_AND_ROOTLESS(PacketSocketsTest);

}  // namespace
}  // namespace postern::trace
