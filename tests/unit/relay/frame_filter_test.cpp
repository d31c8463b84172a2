// Where a frame may go: the rules about addresses, in both families. What cannot be read: frame_filter_malformed_test. What
// there is no room for: frame_filter_limits_test.
#include "postern/relay/frame_filter.h"

#include <gtest/gtest.h>

#include "filter_probe.h"

namespace postern::relay {
namespace {

using namespace test;

constexpr uint8_t kAck = wire::tcp_flag::ack;
constexpr uint8_t kSynAck = wire::tcp_flag::syn | wire::tcp_flag::ack;

/// A frame of each protocol between two ends; the TCP one asks for a connection.
std::vector<Frame> each_protocol(const Ends& ends) { return {tcp_frame(ends), udp_frame(ends), echo_request(ends)}; }

TEST(FrameFilter, PassesOrdinaryTrafficUnchanged) {
  FilterProbe probe;
  for (const char* remote : {"192.0.2.1", "10.0.2.4", "169.254.1.1", "10.0.3.2", "2001:db8::1", "fd00:0:0:1::2"}) {
    for (const Frame& frame : each_protocol(to(remote))) {
      EXPECT_EQ(probe.fate(frame), "pass") << remote;
      EXPECT_EQ(probe.out(), frame) << remote;
    }
  }
  EXPECT_EQ(probe.fate(arp_frame()), "pass");
  EXPECT_EQ(probe.filter().drops().total(), 0u);
}

TEST(FrameFilter, MartianDestinationsAreDroppedWhateverIsAllowed) {
  for (const FilterConfig& config : {FilterConfig{}, with_host_loopback()}) {
    FilterProbe probe(config);
    probe.filter().published_udp().set();
    for (const char* martian : {"127.0.0.1", "127.1.2.3", "0.0.0.0", "0.1.2.3", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1",
                                "::ffff:0.0.0.0", "::ffff:192.0.2.1"}) {
      for (const Frame& frame : each_protocol(to(martian))) EXPECT_EQ(probe.fate(frame), "drop martian_destination") << martian;
      EXPECT_EQ(probe.fate(tcp_frame(to(martian), {.flags = kAck})), "drop martian_destination") << martian;
      EXPECT_EQ(probe.fate(udp_frame(to(martian), {.source = 68, .destination = 67})), "drop martian_destination") << martian;
      EXPECT_EQ(probe.fate(ip_frame(to(martian), {1, 2, 3}, {.protocol = 132})), "drop martian_destination") << martian;
    }
  }
}

TEST(FrameFilter, MartianAndGroupSourcesAreDropped) {
  FilterProbe probe(with_host_loopback());
  for (const char* source : {"127.0.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "::", "::1", "::ffff:10.0.2.100",
                             "::10.0.2.100", "ff02::1"}) {
    for (const Frame& frame : each_protocol(from(source))) EXPECT_EQ(probe.fate(frame), "drop martian_source") << source;
  }
}

TEST(FrameFilter, WhoHasNoAddressYetMayAskForOne) {
  FilterProbe probe;
  const auto dhcp = [&](const Ends& ends, uint16_t source, uint16_t destination) {
    return probe.fate(udp_frame(ends, {.source = source, .destination = destination}));
  };
  EXPECT_EQ(dhcp({"0.0.0.0", "255.255.255.255"}, 68, 67), "pass");
  EXPECT_EQ(dhcp({"0.0.0.0", "255.255.255.255"}, 69, 67), "drop martian_source");
  EXPECT_EQ(dhcp({"0.0.0.0", "255.255.255.255"}, 68, 69), "drop martian_source");
  EXPECT_EQ(dhcp({"0.0.0.0", "10.0.2.2"}, 68, 67), "drop martian_source");
  EXPECT_EQ(dhcp({"0.0.0.1", "255.255.255.255"}, 68, 67), "drop martian_source");
  EXPECT_EQ(dhcp({"127.0.0.1", "255.255.255.255"}, 68, 67), "drop martian_source");

  const auto icmp6 = [&](const char* source, uint8_t type) {
    return probe.fate(icmp_frame({source, "ff02::1:ff00:64"}, {.type = type, .payload = Frame(16)}));
  };
  for (const uint8_t type : std::initializer_list<uint8_t>{133, 135, 131, 132, 143})
    EXPECT_EQ(icmp6("::", type), "pass") << +type;
  for (const uint8_t type : std::initializer_list<uint8_t>{136, 128, 1})
    EXPECT_EQ(icmp6("::", type), "drop martian_source") << +type;
  EXPECT_EQ(icmp6("::1", 135), "drop martian_source");
}

struct Alias {
  const char* address;
  std::string closed;          // fate of a SYN or datagram while the host's loopback is closed
  std::string gateway_opened;  // and with the gateway opened
};
const std::vector<Alias> kAliases = {
    {"10.0.2.2", "refuse host_alias", "pass"},
    {"10.0.2.3", "refuse host_alias", "refuse host_alias"},  // DNS, but not on its port
    {"fd00::2", "refuse host_alias", "pass"},
    {"fd00::3", "refuse host_alias", "refuse host_alias"},
    {"fd00::1", "refuse host_alias", "refuse host_alias"},
    {"fd00::ffff:1:2:3", "refuse host_alias", "refuse host_alias"},
    {"fe80::2", "refuse host_alias", "refuse host_alias"},
    {"febf::1", "refuse host_alias", "refuse host_alias"},
};

TEST(FrameFilter, AliasesOfTheHostAreRefusedToWhatWouldOpenAFlow) {
  FilterProbe closed, opened(with_host_loopback());
  for (const Alias& alias : kAliases) {
    for (const uint16_t port : std::initializer_list<uint16_t>{1, 54, 67, 69, 80, 65'535}) {
      const Frame syn = tcp_frame(to(alias.address), {.destination = port});
      const Frame datagram = udp_frame(to(alias.address), {.destination = port});
      EXPECT_EQ(closed.fate(syn), alias.closed) << alias.address << " " << port;
      EXPECT_EQ(closed.fate(datagram), alias.closed) << alias.address << " " << port;
      EXPECT_EQ(opened.fate(syn), alias.gateway_opened) << alias.address << " " << port;
      EXPECT_EQ(opened.fate(datagram), alias.gateway_opened) << alias.address << " " << port;
    }
  }
}

/// For a UDP socket, which net unreachable does not reach, prohibited.
TEST(FrameFilter, AReachedPortOfTheGatewayIsOpenAndNoOther) {
  FilterConfig config;
  config.reach = {{.host_port = {5432}, .guest_port = {15'432}}};
  FilterProbe probe(config);
  for (const char* gateway : {"10.0.2.2", "fd00::2"}) {
    EXPECT_EQ(probe.fate(tcp_frame(to(gateway), {.destination = 15'432, .flags = wire::tcp_flag::syn})), "pass") << gateway;
    EXPECT_EQ(probe.fate(tcp_frame(to(gateway), {.destination = 5432, .flags = wire::tcp_flag::syn})), "refuse host_alias");
    EXPECT_EQ(probe.fate(udp_frame(to(gateway), {.destination = 15'432})), "refuse host_alias") << gateway;
  }
  EXPECT_EQ(probe.fate(tcp_frame(to("10.0.2.3"), {.destination = 15'432, .flags = wire::tcp_flag::syn})), "refuse host_alias");
  EXPECT_EQ(probe.fate(tcp_frame(to("127.0.0.1"), {.destination = 15'432, .flags = wire::tcp_flag::syn})),
            "drop martian_destination");
}

TEST(FrameFilter, RefusalSaysNetUnreachableFromTheGateway) {
  FilterProbe probe;
  for (const char* alias : {"10.0.2.2", "10.0.2.3", "fd00::2", "fd00::99"}) {
    for (const Frame& frame : {tcp_frame(to(alias)), udp_frame(to(alias))}) {
      ASSERT_EQ(probe.fate(frame), "refuse host_alias");
      const Frame out = probe.out();
      const Ends ends = to(alias);
      const size_t icmp_at = ends.is_v4() ? 34 : 54;
      const auto answer = wire::IpPacket::parse(wire::Bytes(out).subspan(14));
      ASSERT_TRUE(answer);
      EXPECT_EQ(answer->source, *parse_ip(ends.is_v4() ? "10.0.2.2" : "fd00::2"));
      EXPECT_EQ(answer->destination, ends.from());
      EXPECT_EQ(out[icmp_at], ends.is_v4() ? 3 : 1);
      const bool is_udp = frame == udp_frame(to(alias));
      EXPECT_EQ(out[icmp_at + 1], !is_udp ? 0 : ends.is_v4() ? 13 : 1);
      EXPECT_EQ(Frame(out.begin(), out.begin() + 6), Frame(kGuestMac.octets.begin(), kGuestMac.octets.end()));
    }
  }
}

TEST(FrameFilter, RefusalOfALinkLayerBroadcastIsSilent) {
  FilterProbe probe;
  Frame frame = tcp_frame(to("10.0.2.2"));
  std::fill_n(frame.begin(), 6, 0xff);
  EXPECT_EQ(probe.fate(frame), "drop host_alias");
}

TEST(FrameFilter, SegmentsOfAConnectionPassToAnAlias) {
  FilterProbe probe;
  for (const Alias& alias : kAliases) {
    for (const uint8_t flags : std::initializer_list<uint8_t>{kSynAck, kAck, 0x11, 0x04, 0x14, 0x00}) {
      EXPECT_EQ(probe.fate(tcp_frame(to(alias.address), {.flags = flags})), "pass") << alias.address << " flags " << +flags;
    }
    for (const uint8_t flags : std::initializer_list<uint8_t>{0x02, 0xc2, 0x03, 0x06, 0x22}) {
      EXPECT_EQ(probe.fate(tcp_frame(to(alias.address), {.flags = flags})), "refuse host_alias")
          << alias.address << " " << +flags;
    }
  }
}

TEST(FrameFilter, EchoAndNeighbourDiscoveryPassToAnAlias) {
  FilterProbe probe;
  for (const Alias& alias : kAliases) EXPECT_EQ(probe.fate(echo_request(to(alias.address))), "pass") << alias.address;
  for (const uint8_t type : std::initializer_list<uint8_t>{133, 135, 136}) {
    for (const char* destination : {"fe80::2", "fd00::2", "ff02::2", "ff02::1:ff00:2"}) {
      EXPECT_EQ(probe.fate(icmp_frame(to(destination), {.type = type, .payload = Frame(16)})), "pass") << +type << destination;
    }
  }
}

TEST(FrameFilter, DnsIsReachedOnPort53) {
  FilterProbe probe;
  for (const char* dns : {"10.0.2.3", "fd00::3"}) {
    EXPECT_EQ(probe.fate(udp_frame(to(dns), {.destination = 53})), "pass");
    EXPECT_EQ(probe.fate(tcp_frame(to(dns), {.destination = 53})), "pass");
  }
  for (const char* other : {"10.0.2.2", "fd00::2", "fd00::4"}) {
    EXPECT_EQ(probe.fate(udp_frame(to(other), {.destination = 53})), "refuse host_alias") << other;
    EXPECT_EQ(probe.fate(tcp_frame(to(other), {.destination = 53})), "refuse host_alias") << other;
  }
}

TEST(FrameFilter, DhcpPassesToItsServersOnly) {
  FilterProbe probe;
  const auto dhcp4 = [&](const char* server) { return probe.fate(udp_frame(to(server), {.source = 68, .destination = 67})); };
  const auto dhcp6 = [&](const char* server) { return probe.fate(udp_frame(to(server), {.source = 546, .destination = 547})); };
  EXPECT_EQ(dhcp4("255.255.255.255"), "pass");
  EXPECT_EQ(dhcp4("10.0.2.2"), "pass");
  EXPECT_EQ(dhcp4("10.0.2.3"), "refuse host_alias");
  EXPECT_EQ(dhcp4("10.0.2.255"), "drop group_destination");
  EXPECT_EQ(dhcp4("224.0.0.1"), "drop group_destination");
  EXPECT_EQ(dhcp4("fd00::2"), "refuse host_alias");
  EXPECT_EQ(dhcp6("ff02::1:2"), "pass");
  EXPECT_EQ(dhcp6("ff02::1"), "drop group_destination");
  EXPECT_EQ(dhcp6("fd00::2"), "refuse host_alias");
  EXPECT_EQ(dhcp6("255.255.255.255"), "drop group_destination");
  EXPECT_EQ(probe.fate(udp_frame(to("ff02::1:2"), {.destination = 547})), "drop group_destination");
  EXPECT_EQ(probe.fate(udp_frame(to("255.255.255.255"), {.destination = 67})), "drop group_destination");
}

TEST(FrameFilter, AnAnswerFromAPublishedUdpPortPassesToItsClientAtTheGateway) {
  FilterProbe probe;
  probe.filter().published_udp().set(5353);
  for (const char* gateway : {"10.0.2.2", "fd00::2"}) {
    const Frame answer = udp_frame(to(gateway), {.source = 5353, .destination = 777});
    EXPECT_EQ(probe.fate(answer), "refuse host_alias") << "nobody has called";
    probe.filter().note_to_guest(udp_frame(from(gateway), {.source = 777, .destination = 5353}), probe.now);
    EXPECT_EQ(probe.fate(answer), "pass");
    EXPECT_EQ(probe.fate(udp_frame(to(gateway), {.source = 5353, .destination = 778})), "refuse host_alias")
        << "no client's port";
    EXPECT_EQ(probe.fate(udp_frame(to(gateway), {.source = 5354, .destination = 5353})), "refuse host_alias");
    EXPECT_EQ(probe.fate(tcp_frame(to(gateway), {.source = 5353})), "refuse host_alias");
  }
  for (const char* other : {"10.0.2.3", "fd00::3", "fd00::77"}) {
    EXPECT_EQ(probe.fate(udp_frame(to(other), {.source = 5353})), "refuse host_alias") << other;
  }
  const Frame answer = udp_frame(to("10.0.2.2"), {.source = 5353, .destination = 777});
  EXPECT_EQ(probe.fate(answer), "pass");
  probe.filter().published_udp().reset(5353);
  EXPECT_EQ(probe.fate(answer), "refuse host_alias") << "published no more";
  probe.filter().published_udp().set(5353);
  probe.now += std::chrono::seconds(240);
  EXPECT_EQ(probe.fate(answer), "refuse host_alias") << "a client that is long silent";
}

TEST(FrameFilter, AClientIsKnownByTheFirstFragmentOfItsDatagram) {
  FilterProbe probe;
  probe.filter().published_udp().set(5353);
  const auto fate_after = [&](uint16_t fragment_field) {
    const Frame whole = udp_frame(from("10.0.2.2"), {.source = 777, .destination = 5353});
    const Frame datagram(whole.begin() + 34, whole.end());
    const Frame fragment = ip_frame(from("10.0.2.2"), datagram, {.protocol = 17, .fragment = fragment_field});
    probe.filter().note_to_guest(fragment, probe.now);
    return probe.fate(udp_frame(to("10.0.2.2"), {.source = 5353, .destination = 777}));
  };
  EXPECT_EQ(fate_after(0x2001), "refuse host_alias") << "what stands there is no port";
  EXPECT_EQ(fate_after(0x2000), "pass");
}

TEST(FrameFilter, GroupsAreDroppedInSilenceWhateverIsAllowed) {
  for (const FilterConfig& config : {FilterConfig{}, with_host_loopback()}) {
    FilterProbe probe(config);
    probe.filter().published_udp().set(40'000);
    for (const char* group : {"255.255.255.255", "10.0.2.255", "224.0.0.251", "239.1.2.3", "ff02::1", "ff02::fb", "ff0e::1"}) {
      for (const Frame& frame : each_protocol(to(group))) EXPECT_EQ(probe.fate(frame), "drop group_destination") << group;
      EXPECT_EQ(probe.fate(tcp_frame(to(group), {.flags = kAck})), "drop group_destination") << group;
    }
  }
}

TEST(FrameFilter, AliasesFollowTheAddressPlan) {
  FilterConfig config;
  config.addresses.network = *Cidr4::parse("172.16.5.0/25");
  FilterProbe probe(config);
  EXPECT_EQ(probe.fate(tcp_frame({"172.16.5.100", "172.16.5.2"})), "refuse host_alias");
  EXPECT_EQ(probe.fate(udp_frame({"172.16.5.100", "172.16.5.3"}, {.destination = 53})), "pass");
  EXPECT_EQ(probe.fate(udp_frame({"172.16.5.100", "172.16.5.127"})), "drop group_destination");
  EXPECT_EQ(probe.fate(tcp_frame({"172.16.5.100", "10.0.2.2"})), "pass");
}

TEST(FrameFilter, AnIsolatedHostIsRefusedByAllItsAddresses) {
  FilterProbe probe;
  EXPECT_EQ(probe.fate(tcp_frame(to("192.0.2.1"))), "pass");
  probe.filter().isolate_host({*parse_ip("2001:db8::1"), *parse_ip("192.0.2.1")});
  for (const char* host : {"192.0.2.1", "2001:db8::1", "169.254.169.254"}) {
    EXPECT_EQ(probe.fate(tcp_frame(to(host))), "refuse host_address") << host;
    EXPECT_EQ(probe.fate(udp_frame(to(host))), "refuse host_address") << host;
    EXPECT_EQ(probe.fate(echo_request(to(host))), "refuse host_address") << host;
    EXPECT_EQ(probe.fate(tcp_frame(to(host), {.flags = kAck})), "pass") << "of a client that came in by a published port";
  }
  for (const char* other : {"192.0.2.2", "2001:db8::2", "10.0.2.2"}) {
    EXPECT_NE(probe.fate(tcp_frame(to(other))), "refuse host_address") << other;
  }
  EXPECT_EQ(probe.fate(udp_frame(to("10.0.2.3"), {.destination = 53})), "pass") << "DNS has its own door";
  probe.filter().published_udp().set(5353);
  const Frame answer = udp_frame(to("192.0.2.1"), {.source = 5353, .destination = 777});
  EXPECT_EQ(probe.fate(answer), "refuse host_address") << "who publishes a port could else speak from it to every other";
  probe.filter().note_to_guest(udp_frame(from("192.0.2.1"), {.source = 777, .destination = 5353}), probe.now);
  EXPECT_EQ(probe.fate(answer), "pass");
  probe.filter().isolate_host({*parse_ip("192.0.2.2")});
  EXPECT_EQ(probe.fate(tcp_frame(to("192.0.2.1"))), "pass") << "the host has it no more";
  EXPECT_EQ(probe.fate(tcp_frame(to("192.0.2.2"))), "refuse host_address");
}

TEST(FrameFilter, WithoutDnsItsAddressIsAnyOther) {
  FilterConfig config;
  config.dns = stack::Dns::ordinary;
  FilterProbe probe(config);
  EXPECT_EQ(probe.fate(tcp_frame(to("10.0.2.3"))), "pass");
  EXPECT_EQ(probe.fate(udp_frame(to("10.0.2.3"), {.destination = 53})), "pass");
  EXPECT_EQ(probe.fate(udp_frame(to("fd00::3"), {.destination = 53})), "refuse host_alias") << "libslirp turns it into ::1";
  EXPECT_EQ(probe.fate(udp_frame(to("10.0.2.2"), {.destination = 53})), "refuse host_alias");
}

TEST(FrameFilter, WithoutIpv6NoneOfItPasses) {
  FilterConfig config;
  config.ipv6 = false;
  FilterProbe probe(config);
  EXPECT_EQ(probe.fate(tcp_frame(to("2001:db8::1"))), "drop ipv6_off");
  EXPECT_EQ(probe.fate(tcp_frame(to("192.0.2.1"))), "pass");
}

TEST(FrameFilter, OnlyRoutersSendRouterMessages) {
  FilterProbe probe;
  for (const uint8_t type : std::initializer_list<uint8_t>{5, 9}) {
    EXPECT_EQ(probe.fate(icmp_frame(to("10.0.2.2"), {.type = type})), "drop router_message");
  }
  for (const uint8_t type : std::initializer_list<uint8_t>{134, 137}) {
    EXPECT_EQ(probe.fate(icmp_frame(to("ff02::1"), {.type = type})), "drop router_message");
  }
  EXPECT_EQ(probe.fate(icmp_frame(to("192.0.2.1"), {.type = 3, .code = 3})), "pass");
  EXPECT_EQ(probe.fate(icmp_frame(to("2001:db8::1"), {.type = 1, .code = 4})), "pass");
}

/// A segment, a datagram and an echo request.
std::array<Frame, 3> one_of_each(const Ends& ends, uint8_t hop_limit) {
  const IpFields ip{.hop_limit = hop_limit};
  const uint8_t echo = ends.is_v4() ? 8 : 128;
  return {tcp_frame(ends, {}, ip), udp_frame(ends, {}, ip), icmp_frame(ends, {.type = echo}, ip)};
}

TEST(FrameFilter, ASpentHopLimitIsAnsweredAsByARouter) {
  FilterProbe probe;
  for (const char* remote : {"192.0.2.1", "2001:db8::1"}) {
    const Ends ends = to(remote);
    for (const uint8_t hops : std::initializer_list<uint8_t>{0, 1}) {
      for (const Frame& frame : one_of_each(ends, hops)) {
        ASSERT_EQ(probe.fate(frame), "refuse hop_limit");
        EXPECT_EQ(probe.out()[ends.is_v4() ? 34 : 54], ends.is_v4() ? 11 : 3);
      }
    }
    for (const Frame& frame : one_of_each(ends, 2)) EXPECT_EQ(probe.fate(frame), "pass");
  }
}

TEST(FrameFilter, WhatEndsHereNeedsNoFurtherHop) {
  FilterProbe probe(with_host_loopback());
  for (const char* ours : {"10.0.2.2", "fd00::2"}) {
    for (const Frame& frame : one_of_each(to(ours), 1)) EXPECT_EQ(probe.fate(frame), "pass") << ours;
  }
}

TEST(FrameFilter, UrgentDataBecomesOrdinaryData) {
  for (const char* remote : {"192.0.2.1", "2001:db8::1"}) {
    FilterProbe probe;
    const Ends ends = to(remote);
    EXPECT_EQ(probe.fate(tcp_frame(ends, {.flags = 0x38, .urgent_pointer = 0xffff, .payload = {1, 2, 3}})), "pass");
    EXPECT_EQ(probe.out(), tcp_frame(ends, {.flags = 0x18, .urgent_pointer = 0, .payload = {1, 2, 3}})) << "checksum included";
  }
}

}  // namespace
}  // namespace postern::relay
