#include "sighting_events.h"

#include <gtest/gtest.h>

#include "../wire/frame_builder.h"

namespace postern::api {
namespace {

using namespace wire::test;
using journey::Event, journey::Point;
using relay::Sighting;
using Fate = Sighting::Fate;
using Way = Sighting::Way;

constexpr Ends kOut{"10.0.2.100", "192.0.2.1"}, kBack{"192.0.2.1", "10.0.2.100"};
const Places kPlaces{.guest = {.inode = 11, .name = {}},
                     .host = {.inode = 22, .name = {}},
                     .tap = {.index = 0, .name = "tap0", .kind = "tun"},
                     .self = {4711, "postern"}};
const journey::Mapping kMapping{.local = {*parse_ip("198.51.100.7"), Port{50'000}}, .remote = {*parse_ip("192.0.2.1"), Port{80}}};

Sighting from_guest(Fate fate, relay::Carrier carrier = relay::Carrier::none, std::optional<relay::Drop> drop = {}) {
  Sighting sighting;
  sighting.fate = fate;
  sighting.carrier = carrier;
  sighting.drop = drop;
  sighting.when = TimePoint(std::chrono::nanoseconds(1'000));
  return sighting;
}

std::vector<Event> told(const Sighting& sighting, const Frame& frame, const std::optional<journey::Mapping>& mapping = {}) {
  return events_of(sighting, ShownFrame::read(frame), mapping, kPlaces, 7);
}

std::vector<Point> points(const std::vector<Event>& events) {
  std::vector<Point> found;
  found.reserve(events.size());
  for (const Event& event : events) found.push_back(event.point);
  return found;
}

TEST(SightingEvents, ACarriedFrameIsSeenAtTheTapByTheEngineAndAtTheHostsSocket) {
  const auto events = told(from_guest(Fate::carried, relay::Carrier::fast), tcp_frame(kOut), kMapping);
  ASSERT_EQ(points(events), (std::vector{Point::tap_in, Point::engine, Point::host_socket}));
  EXPECT_EQ(events[0].network.inode, 11u);
  EXPECT_EQ(events[0].device.name, "tap0");
  ASSERT_TRUE(events[0].macs);
  EXPECT_EQ(events[0].macs->source, kGuestMac);
  EXPECT_EQ(events[0].macs->destination, kGatewayMac);
  EXPECT_EQ(events[1].engine, "fast");
  EXPECT_EQ(events[2].network.inode, 22u);
  ASSERT_TRUE(events[2].mapping);
  EXPECT_EQ(events[2].mapping->local.port, Port{50'000});
  for (const Event& event : events) {
    EXPECT_EQ(event.observer, journey::Observer::relay);
    EXPECT_EQ(event.identity, 7u);
    EXPECT_EQ(event.ethertype, 0x0800);
    ASSERT_TRUE(event.packet);
    EXPECT_EQ(event.packet->destination, kOut.to());
    EXPECT_EQ(event.captured, slice(tcp_frame(kOut), 14, tcp_frame(kOut).size()));
  }
}

TEST(SightingEvents, TheirTimesKeepTheirOrder) {
  const auto events = told(from_guest(Fate::carried, relay::Carrier::fast), tcp_frame(kOut), kMapping);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].time_ns, 1'000u);
  EXPECT_LT(events[0].time_ns, events[1].time_ns);
  EXPECT_LT(events[1].time_ns, events[2].time_ns);
}

TEST(SightingEvents, WithoutAKnownSocketTheEngineIsTheLast) {
  EXPECT_EQ(points(told(from_guest(Fate::carried, relay::Carrier::libslirp), udp_frame(kOut))),
            (std::vector{Point::tap_in, Point::engine}));
}

TEST(SightingEvents, ADropHasTheCountersWordAndARefusalSaysThatItIsAnswered) {
  const auto dropped = told(from_guest(Fate::dropped, {}, relay::Drop::martian_destination), udp_frame(kOut));
  ASSERT_EQ(points(dropped), (std::vector{Point::tap_in, Point::drop}));
  ASSERT_TRUE(dropped[1].drop);
  EXPECT_EQ(dropped[1].drop->reason, "martian_destination");
  const auto refused = told(from_guest(Fate::refused, {}, relay::Drop::hop_limit), udp_frame(kOut));
  ASSERT_EQ(points(refused), (std::vector{Point::tap_in, Point::drop}));
  EXPECT_NE(refused[1].drop->where.find("ICMP"), std::string::npos);
}

TEST(SightingEvents, AFragmentThatWaitsIsSeenAtTheTapAlone) {
  EXPECT_EQ(points(told(from_guest(Fate::absorbed), udp_frame(kOut))), std::vector{Point::tap_in});
}

TEST(SightingEvents, AFrameTowardsTheNamespaceComesFromTheHostsSocket) {
  Sighting sighting = from_guest(Fate::carried);
  sighting.way = Way::to_guest;
  EXPECT_EQ(points(told(sighting, tcp_frame(kBack), kMapping)), (std::vector{Point::host_socket, Point::tap_out}));
  EXPECT_EQ(points(told(sighting, tcp_frame(kBack))), std::vector{Point::tap_out});
}

TEST(SightingEvents, CapturesTheBeginningOfALongPacket) {
  const Frame frame = udp_frame(kOut, {.payload = Frame(1'000, 'x')});
  const auto events = told(from_guest(Fate::absorbed), slice(frame, 0, relay::Witness::kMostShown));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].captured, slice(frame, 14, 14 + 128));
  ASSERT_TRUE(events[0].packet);
  EXPECT_EQ(events[0].packet->bytes, 1'028u);
}

TEST(SightingEvents, WhatIsNoIpPacketHasNone) {
  const auto frame = ShownFrame::read(ethernet_frame(0x0806, Frame(28)));
  EXPECT_EQ(frame.ethertype, 0x0806);
  EXPECT_FALSE(frame.packet);
  EXPECT_FALSE(ShownFrame::read(Frame(13)).macs);
}

TEST(SightingEvents, AFlowIsNamedAsTheNamespaceSeesItWhicheverWayThePacketGoes) {
  const auto parsed = [](const Frame& frame) { return *ShownFrame::read(frame).packet; };
  const auto out = flow_of(parsed(tcp_frame(kOut, {.source = 4'000, .destination = 80})), Way::from_guest);
  const auto back = flow_of(parsed(tcp_frame(kBack, {.source = 80, .destination = 4'000})), Way::to_guest);
  ASSERT_TRUE(out && back);
  EXPECT_EQ(out->key, (flow::FlowKey{kOut.from(), Port{4'000}, kOut.to(), Port{80}}));
  EXPECT_EQ(out->key, back->key);
  EXPECT_EQ(out->protocol, wire::Protocol::tcp);
}

TEST(SightingEvents, AnEchoIsNamedByItsIdAndAnErrorIsOfNoFlow) {
  const auto packet_of = [](const IcmpFields& fields) { return *ShownFrame::read(icmp_frame(kOut, fields)).packet; };
  const auto echo = flow_of(packet_of({.type = 8, .echo_id = 77}), Way::from_guest);
  ASSERT_TRUE(echo);
  EXPECT_EQ(echo->key, (flow::FlowKey{kOut.from(), Port{77}, kOut.to(), Port{0}}));
  EXPECT_FALSE(flow_of(packet_of({.type = 3, .code = 1}), Way::from_guest));
}

}  // namespace
}  // namespace postern::api
