// What is not what it says, or says what libslirp cannot take.
#include <gtest/gtest.h>

#include "filter_probe.h"

namespace postern::relay {
namespace {

using namespace test;

constexpr const char* kRemotes[] = {"192.0.2.1", "2001:db8::1"};

TEST(FrameFilter, AFrameCutShortAnywhereIsMalformed) {
  FilterProbe probe;
  const Frame neighbour = icmp_frame(to("ff02::1:ff00:2"), {.type = 135, .payload = Frame(16)});
  for (const Frame& whole : {tcp_frame(to(kRemotes[0])), udp_frame(to(kRemotes[0])), echo_request(to(kRemotes[0])), neighbour,
                             tcp_frame(to(kRemotes[1])), udp_frame(to(kRemotes[1])), arp_frame()}) {
    ASSERT_EQ(probe.fate(whole), "pass");
    for (size_t left = 0; left < whole.size(); ++left) {
      EXPECT_EQ(probe.fate(slice(whole, 0, left)), "drop malformed") << left;
    }
  }
}

TEST(FrameFilter, ATransportHeaderCutShortByTheIpLengthIsMalformed) {
  FilterProbe probe;
  for (const char* remote : kRemotes) {
    const Ends ends = to(remote);
    const auto cut = [&](uint8_t protocol, Frame transport, size_t left) {
      transport.resize(left);
      return probe.fate(ip_frame(ends, transport, {.protocol = protocol}));
    };
    EXPECT_EQ(cut(6, tcp_segment(ends, {}), 19), "drop malformed");
    EXPECT_EQ(cut(17, udp_datagram(ends, {}), 7), "drop malformed");
    EXPECT_EQ(cut(17, udp_datagram(ends, {}), 9), "drop malformed");
    EXPECT_EQ(cut(ends.is_v4() ? 1 : 58, icmp_message(ends, {.type = 8}), 7), "drop malformed");
  }
}

TEST(FrameFilter, ATcpDataOffsetMustFit) {
  FilterProbe probe;
  for (const char* remote : kRemotes) {
    for (const uint8_t words : std::initializer_list<uint8_t>{0, 4, 6, 15}) {
      Frame segment = tcp_segment(to(remote), {});
      segment[12] = static_cast<uint8_t>(words << 4);
      EXPECT_EQ(probe.fate(ip_frame(to(remote), segment, {.protocol = 6})), "drop malformed") << +words;
    }
  }
}

TEST(FrameFilter, PaddingIsCutOffWhatPasses) {
  FilterProbe probe;
  for (const Frame& frame : {tcp_frame(to(kRemotes[0])), tcp_frame(to(kRemotes[1])), arp_frame()}) {
    Frame padded = frame;
    padded.resize(frame.size() + 18, 0x5a);
    EXPECT_EQ(probe.fate(padded), "pass");
    EXPECT_EQ(probe.out(), frame);
  }
}

TEST(FrameFilter, AnArpPacketOfOtherLengthsIsMalformed) {
  FilterProbe probe;
  Frame frame = arp_frame();
  frame[14 + 4] = 200;  // a hardware address longer than the packet
  EXPECT_EQ(probe.fate(frame), "drop malformed");
}

TEST(FrameFilter, TheEthertypeMustAgreeWithTheVersion) {
  FilterProbe probe;
  const Ends v4 = to("192.0.2.1"), v6 = to("2001:db8::1");
  EXPECT_EQ(probe.fate(ethernet_frame(0x0800, ip_packet(v6, udp_datagram(v6, {}), {}))), "drop malformed");
  EXPECT_EQ(probe.fate(ethernet_frame(0x86dd, ip_packet(v4, udp_datagram(v4, {}), {}))), "drop malformed");
}

TEST(FrameFilter, AWrongIpv4HeaderChecksumIsCounted) {
  FilterProbe probe;
  Frame frame = udp_frame(to("192.0.2.1"));
  frame[14 + 8] ^= 1;  // the hop limit
  EXPECT_EQ(probe.fate(frame), "drop bad_checksum");
}

TEST(FrameFilter, UnknownEthertypesAreDropped) {
  FilterProbe probe;
  for (const uint16_t type :
       std::initializer_list<uint16_t>{0x8100 /* VLAN */, 0x88f8 /* NC-SI */, 0x0026 /* 802.3 length */, 0x88cc}) {
    EXPECT_EQ(probe.fate(ethernet_frame(type, Frame(50))), "drop unknown_ethertype") << type;
  }
}

TEST(FrameFilter, OtherProtocolsAreDropped) {
  FilterProbe probe;
  for (const char* remote : kRemotes) {
    for (const uint8_t protocol : std::initializer_list<uint8_t>{2 /* IGMP */, 4, 41, 47, 50, 51, 59, 132, 255}) {
      EXPECT_EQ(probe.fate(ip_frame(to(remote), Frame(40), {.protocol = protocol})), "drop unsupported_protocol") << +protocol;
    }
  }
  EXPECT_EQ(probe.fate(ip_frame(to(kRemotes[0]), Frame(8), {.protocol = 58})), "drop unsupported_protocol");
  EXPECT_EQ(probe.fate(ip_frame(to(kRemotes[1]), Frame(8), {.protocol = 1})), "drop unsupported_protocol");
}

TEST(FrameFilter, SourceRoutesAreDropped) {
  FilterProbe probe;
  EXPECT_EQ(probe.fate(tcp_frame(to("192.0.2.1"), {}, {.options = {131, 7, 4, 127, 0, 0, 1, 0}})), "drop source_route");
  EXPECT_EQ(probe.fate(tcp_frame(to("192.0.2.1"), {}, {.options = {137, 7, 4, 127, 0, 0, 1, 0}})), "drop source_route");
  EXPECT_EQ(probe.fate(tcp_frame(to("192.0.2.1"), {}, {.options = {7, 7, 4, 0, 0, 0, 0, 0}})), "pass");
  const Frame routing = {6, 0, 4, 0, 0, 0, 0, 0};
  EXPECT_EQ(probe.fate(tcp_frame(to("2001:db8::1"), {}, {.extensions = routing, .first_extension = 43})), "drop source_route");
}

TEST(FrameFilter, Ipv6ExtensionHeadersAndFragmentsAreDropped) {
  FilterProbe probe;
  const Frame options = {17, 0, 1, 4, 0, 0, 0, 0}, first = {17, 0, 0, 1, 0, 0, 0, 9}, atomic = {17, 0, 0, 0, 0, 0, 0, 9};
  const Ends ends = to("2001:db8::1");
  EXPECT_EQ(probe.fate(udp_frame(ends, {}, {.extensions = options, .first_extension = 0})), "drop ipv6_extension");
  EXPECT_EQ(probe.fate(udp_frame(ends, {}, {.extensions = options, .first_extension = 60})), "drop ipv6_extension");
  EXPECT_EQ(probe.fate(udp_frame(ends, {}, {.extensions = first, .first_extension = 44})), "drop ipv6_fragment");
  EXPECT_EQ(probe.fate(udp_frame(ends, {}, {.extensions = atomic, .first_extension = 44})), "drop ipv6_fragment");
}

TEST(FrameFilter, AListenerReportOfTheKernelIsAnExtensionHeaderAndNoMartian) {
  FilterProbe probe;  // RFC 3810 5.2.14: from ::, behind a hop-by-hop router alert
  const Frame alert = {58, 0, 5, 2, 0, 0, 1, 0};
  const Ends ends{"::", "ff02::16"};
  EXPECT_EQ(probe.fate(icmp_frame(ends, {.type = 143}, {.extensions = alert, .first_extension = 0})), "drop ipv6_extension");
}

TEST(DropReasons, EachHasANameOfItsOwn) {
  std::vector<std::string_view> names;
  for (size_t i = 0; i < kDropReasons; ++i) {
    const std::string_view word = name(Drop{static_cast<uint8_t>(i)});
    EXPECT_NE(word, "unknown");
    EXPECT_EQ(std::find(names.begin(), names.end(), word), names.end()) << word;
    names.push_back(word);
  }
}

}  // namespace
}  // namespace postern::relay
