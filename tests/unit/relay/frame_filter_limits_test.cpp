// Bounds: fragments that wait for each other, and flows.
#include <gtest/gtest.h>

#include <algorithm>

#include "filter_probe.h"

namespace postern::relay {
namespace {

using namespace test;
using std::chrono::seconds;

constexpr const char* kRemotes[] = {"192.0.2.1", "2001:db8::1"};

TEST(FrameFilter, FragmentsPassAsOneFrame) {
  FilterProbe probe;
  const Ends ends = to("192.0.2.1");
  const Frame datagram = udp_datagram(ends, {.payload = Frame(8'192, 0x42)});
  std::vector<Frame> parts = fragments(ends, datagram, {.id = 9}, 1'480);
  for (size_t i = 0; i + 1 < parts.size(); ++i) EXPECT_EQ(probe.fate(parts[i]), "absorbed");
  EXPECT_EQ(probe.fate(parts.back()), "pass");
  EXPECT_EQ(probe.out(), ip_frame(ends, datagram, {.id = 9}));
}

TEST(FrameFilter, WhatFragmentsHideIsFilteredWhenItIsWhole) {
  FilterProbe probe;
  const auto last_fate = [&](const Ends& ends, uint8_t protocol, const Frame& payload) {
    const std::vector<Frame> parts = fragments(ends, payload, {.protocol = protocol, .id = 3}, 8);
    for (size_t i = 0; i + 1 < parts.size(); ++i) EXPECT_EQ(probe.fate(parts[i]), "absorbed");
    return probe.fate(parts.back());
  };
  const Ends gateway = to("10.0.2.2"), remote = to("192.0.2.1"), group = to("239.0.0.1");
  EXPECT_EQ(last_fate(gateway, 6, tcp_segment(gateway, {})), "refuse host_alias");
  EXPECT_EQ(last_fate(gateway, 17, udp_datagram(gateway, {})), "refuse host_alias");
  EXPECT_EQ(last_fate(group, 17, udp_datagram(group, {})), "drop group_destination");
  EXPECT_EQ(last_fate(remote, 132, Frame(40)), "drop unsupported_protocol");
  EXPECT_EQ(last_fate(remote, 6, Frame(17, 0xff)), "drop malformed");
  const test::TcpFields urgent{.flags = 0x38, .urgent_pointer = 5, .payload = {1}};
  EXPECT_EQ(last_fate(remote, 6, tcp_segment(remote, urgent)), "pass");
  EXPECT_EQ(probe.out()[14 + 20 + 13], 0x18);
}

TEST(FrameFilter, FragmentsToAndFromMartiansAreDroppedOneByOne) {
  FilterProbe probe(with_host_loopback());
  for (const uint16_t where : std::initializer_list<uint16_t>{0x2000, 0x2001, 0x0002}) {
    EXPECT_EQ(probe.fate(ip_frame(to("127.0.0.1"), Frame(8), {.fragment = where})), "drop martian_destination");
    EXPECT_EQ(probe.fate(ip_frame(from("127.0.0.1"), Frame(8), {.fragment = where})), "drop martian_source");
    EXPECT_EQ(probe.fate(ip_frame({"0.0.0.0", "255.255.255.255"}, Frame(8), {.fragment = where})), "drop martian_source");
    EXPECT_EQ(probe.fate(ip_frame(to("192.0.2.1"), Frame(8), {.options = {131, 3, 4, 0}, .fragment = where})),
              "drop source_route");
  }
}

TEST(FrameFilter, FragmentBoundsAreCounted) {
  FilterProbe probe;
  const auto part = [](uint16_t id, uint16_t where, size_t bytes = 8) {
    return ip_frame(to("192.0.2.1"), Frame(bytes), {.id = id, .fragment = where});
  };
  EXPECT_EQ(probe.fate(part(1, 0x3fff, 8)), "drop malformed") << "beyond 64 KiB";
  EXPECT_EQ(probe.fate(part(1, 0x2000)), "absorbed");
  EXPECT_EQ(probe.fate(part(1, 0x2000)), "drop fragment_overlap");
  for (uint16_t id = 0; id < 64; ++id) EXPECT_EQ(probe.fate(part(static_cast<uint16_t>(100 + id), 0x2000)), "absorbed");
  EXPECT_EQ(probe.fate(part(200, 0x2000)), "absorbed fragment_limit");
  probe.now += seconds(30);
  probe.filter().expire(probe.now);
  EXPECT_EQ(probe.filter().drops().of(Drop::fragment_timeout), 64u);
}

FilterConfig with_two_flows() {
  FilterConfig config;
  config.max_flows = 2;
  config.host_loopback = stack::HostLoopback::gateway;
  config.hash_key = {1, 2};
  return config;
}

TEST(FrameFilter, AtTheFlowLimitASynIsDroppedAndAConnectionGoesOn) {
  FilterProbe probe(with_two_flows());
  for (const char* destination : {"192.0.2.1", "2001:db8::1", "10.0.2.2", "fd00::2"}) {
    probe.open_flows = 1;
    EXPECT_EQ(probe.fate(tcp_frame(to(destination))), "pass") << destination;
    probe.open_flows = 2;
    EXPECT_EQ(probe.fate(tcp_frame(to(destination))), "drop flow_limit") << destination;
    EXPECT_EQ(probe.fate(tcp_frame(to(destination), {.flags = 0x10})), "pass") << destination;
    EXPECT_EQ(probe.fate(tcp_frame(to(destination), {.flags = 0x12})), "pass") << destination;
  }
}

TEST(FrameFilter, AnEngineOfItsOwnLimitsItsFlowsItself) {
  FilterConfig config;
  config.serves = Engine::fast;
  FilterProbe probe(config);
  probe.open_flows = config.max_flows;
  EXPECT_EQ(probe.fate(tcp_frame(to("192.0.2.1"))), "pass");
  EXPECT_EQ(probe.fate(udp_frame(to("192.0.2.1"))), "pass");
  EXPECT_EQ(probe.fate(echo_request(to("192.0.2.1"))), "pass");
}

/// The same with IPv6's fragment header, RFC 8200 4.5; `before` stands in front of it.
std::vector<Frame> fragments6(const Ends& ends, const Frame& payload, size_t size, uint8_t protocol = 17) {
  std::vector<Frame> frames;
  for (size_t begin = 0; begin < payload.size(); begin += size) {
    const size_t end = std::min(begin + size, payload.size());
    Frame header = {protocol, 0};
    append16(header, begin | (end < payload.size() ? 1 : 0));
    append32(header, 0xabcdef01);
    frames.push_back(ip_frame(ends, slice(payload, begin, end), {.extensions = header, .first_extension = 44}));
  }
  return frames;
}

TEST(FrameFilter, Ipv6FragmentsPassAsOneFrameToTheFastEngine) {
  FilterConfig config;
  config.serves = Engine::fast;
  FilterProbe probe(config);
  const Ends ends = to("2001:db8::1");
  for (const size_t bytes : {8'192u, 65'000u, 100u}) {
    const Frame datagram = udp_datagram(ends, {.payload = Frame(bytes, 0x42)});
    std::vector<Frame> parts = fragments6(ends, datagram, 1'448);
    std::reverse(parts.begin(), parts.end());
    for (size_t i = 0; i + 1 < parts.size(); ++i) EXPECT_EQ(probe.fate(parts[i]), "absorbed");
    EXPECT_EQ(probe.fate(parts.back()), "pass");
    EXPECT_EQ(probe.out(), ip_frame(ends, datagram, {})) << bytes;
  }
}

TEST(FrameFilter, WhatIpv6FragmentsHideIsFilteredWhenItIsWhole) {
  FilterConfig config;
  config.serves = Engine::fast;
  FilterProbe probe(config);
  const Ends gateway = to("fd00::2"), remote = to("2001:db8::1");
  const std::vector<Frame> parts = fragments6(gateway, udp_datagram(gateway, {}), 8);
  for (size_t i = 0; i + 1 < parts.size(); ++i) EXPECT_EQ(probe.fate(parts[i]), "absorbed");
  EXPECT_EQ(probe.fate(parts.back()), "refuse host_alias");
  const Frame part(24, 1);
  EXPECT_EQ(probe.fate(fragments6(remote, part, 16)[1]), "absorbed");
  EXPECT_EQ(probe.fate(fragments6(remote, part, 16)[1]), "drop fragment_overlap");
  Frame behind_options = {44, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 1, 0, 0, 0, 1};
  EXPECT_EQ(probe.fate(ip_frame(remote, Frame(16), {.extensions = behind_options, .first_extension = 60})), "drop ipv6_fragment");
  FilterProbe of_libslirp;
  EXPECT_EQ(of_libslirp.fate(fragments6(remote, part, 16)[0]), "drop ipv6_fragment");
}

TEST(FrameFilter, AtTheFlowLimitADatagramPassesFromAPortThatHasASocket) {
  for (const char* remote : kRemotes) {
    FilterProbe probe(with_two_flows());
    probe.open_flows = 1;
    EXPECT_EQ(probe.fate(udp_frame(to(remote), {.source = 1000})), "pass");
    probe.open_flows = 2;
    EXPECT_EQ(probe.fate(udp_frame(to(remote), {.source = 1000, .destination = 9999})), "pass")
        << "another peer, the same socket";
    EXPECT_EQ(probe.fate(udp_frame(to(remote), {.source = 1001})), "drop flow_limit");
    EXPECT_EQ(probe.fate(udp_frame(to(remote), {.source = 1001})), "drop flow_limit") << "a drop opens nothing";
    probe.now += seconds(239);
    EXPECT_EQ(probe.fate(udp_frame(to(remote), {.source = 1000})), "pass") << "and lives on";
    probe.now += seconds(239);
    EXPECT_EQ(probe.fate(udp_frame(to(remote), {.source = 1000})), "pass");
    probe.now += seconds(240);
    EXPECT_EQ(probe.fate(udp_frame(to(remote), {.source = 1000})), "drop flow_limit");
  }
}

TEST(FrameFilter, ASocketThatAskedForANameLivesTenSeconds) {
  FilterProbe probe(with_two_flows());
  EXPECT_EQ(probe.fate(udp_frame(to("10.0.2.3"), {.source = 1000, .destination = 53})), "pass");
  probe.open_flows = 2;
  probe.now += seconds(9);
  EXPECT_EQ(probe.fate(udp_frame(to("10.0.2.3"), {.source = 1000, .destination = 53})), "pass");
  probe.now += seconds(10);
  EXPECT_EQ(probe.fate(udp_frame(to("10.0.2.3"), {.source = 1000, .destination = 53})), "drop flow_limit");
}

TEST(FrameFilter, AtTheFlowLimitWhatNeedsNoNewSocketPasses) {
  FilterProbe probe(with_two_flows());
  probe.filter().published_udp().set(5353);
  probe.open_flows = 99;
  EXPECT_EQ(probe.fate(udp_frame({"0.0.0.0", "255.255.255.255"}, {.source = 68, .destination = 67})), "pass");
  EXPECT_EQ(probe.fate(udp_frame(to("ff02::1:2"), {.source = 546, .destination = 547})), "pass");
  EXPECT_EQ(probe.fate(icmp_frame(to("ff02::2"), {.type = 133})), "pass");
  EXPECT_EQ(probe.fate(arp_frame()), "pass");
  for (const char* inside : {"10.0.2.2", "10.0.2.3", "fd00::2", "fd00::3"}) {
    EXPECT_EQ(probe.fate(echo_request(to(inside))), "pass") << "libslirp answers itself";
  }
  for (const char* remote : kRemotes) {
    EXPECT_EQ(probe.fate(udp_frame(to(remote), {.source = 5353})), "pass") << "published: it has a socket";
    EXPECT_EQ(probe.fate(icmp_frame(to(remote), {.type = static_cast<uint8_t>(remote[0] == '1' ? 0 : 129)})), "pass")
        << "a reply";
  }
}

TEST(FrameFilter, AtTheFlowLimitNoEchoGoesOut) {
  FilterProbe probe(with_two_flows());
  for (const char* remote : kRemotes) {
    probe.open_flows = 0;
    EXPECT_EQ(probe.fate(echo_request(to(remote), 7)), "pass");
    probe.open_flows = 2;
    EXPECT_EQ(probe.fate(echo_request(to(remote), 7)), "drop flow_limit") << "libslirp opens a socket for each request";
  }
}

}  // namespace
}  // namespace postern::relay
