// What the TAP is given, by a socket in its place that keeps frames apart too.
#include "datagram_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "../wire/frame_builder.h"

namespace postern::relay {
namespace {

using namespace wire::test;
using netns::Offload;
using netns::TapFraming;
using testing::ElementsAre;

class Writer : public testing::Test {
 protected:
  void open(netns::TapMode mode, size_t mtu_bytes) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    tap_.open(UniqueFd(ends[0]), mode);
    inside_ = UniqueFd(ends[1]);
    writer_.emplace(tap_, mtu_bytes, 7);
  }
  void udp(const char* from, const std::vector<Frame>& pieces, size_t segment_bytes) {
    const bool v4 = std::holds_alternative<Ipv4>(*parse_ip(from));
    std::vector<iovec> payload;
    payload.reserve(pieces.size());
    for (const Frame& piece : pieces) payload.push_back({const_cast<uint8_t*>(piece.data()), piece.size()});
    writer_->udp({.destination_mac = kGuestMac,
                  .source_mac = kGatewayMac,
                  .source = *parse_ip(from),
                  .destination = *parse_ip(v4 ? "10.0.2.100" : "fd00::64"),
                  .source_port = {53},
                  .destination_port = {4000}},
                 payload, segment_bytes);
  }
  /// The sizes of the IP packets that came, and what their vnet headers say: "1428", "14028 /1400".
  std::vector<std::string> come() {
    std::vector<std::string> found;
    Frame room(70'000);
    for (ssize_t got = read(room); got > 0; got = read(room)) {
      const size_t vnet_bytes = tap_.framing() == TapFraming::vnet ? wire::VnetHeader::kBytes : 0;
      std::string text = std::to_string(static_cast<size_t>(got) - vnet_bytes - wire::EthernetFrame::kHeaderBytes);
      const auto vnet = vnet_bytes != 0 ? wire::VnetHeader::parse(room) : std::nullopt;
      if (vnet && vnet->gso == wire::VnetHeader::Gso::udp) text += " /" + std::to_string(vnet->segment_bytes);
      found.push_back(text);
    }
    return found;
  }
  ssize_t read(Frame& room) { return ::recv(inside_.get(), room.data(), room.size(), 0); }

  TapPort tap_;
  UniqueFd inside_;
  std::optional<DatagramWriter> writer_;
};

TEST_F(Writer, DatagramsOfOneSizeAreOneFrameWhereTheKernelKnowsSuch) {
  open({TapFraming::vnet, Offload::tcp_and_udp}, 1500);
  udp("192.0.2.1", {Frame(2'800), Frame(1'400), Frame(5)}, 1'400);
  EXPECT_THAT(come(), ElementsAre("4233 /1400"));
  udp("2001:db8::1", {Frame(2'800)}, 1'400);
  EXPECT_THAT(come(), ElementsAre("2848 /1400"));
}

TEST_F(Writer, ElseEachIsAFrame) {
  for (const netns::TapMode mode : {netns::TapMode{TapFraming::vnet, Offload::tcp4_and_tcp6}, netns::TapMode{}}) {
    open(mode, 1500);
    udp("192.0.2.1", {Frame(2'800), Frame(1'400), Frame(5)}, 1'400);
    EXPECT_THAT(come(), ElementsAre("1428", "1428", "1428", "33"));
  }
}

TEST_F(Writer, MoreThanOneFrameHoldsComesOneByOne) {
  open({TapFraming::vnet, Offload::tcp_and_udp}, 1500);
  const auto frames_of = [this](const char* from, size_t bytes) {
    udp(from, {Frame(bytes)}, 1'400);
    return come().size();
  };
  for (const char* from : {"192.0.2.1", "2001:db8::1"}) {
    EXPECT_EQ(frames_of(from, wire::kMaxUdpSuperframeData), 1u) << from;
    EXPECT_EQ(frames_of(from, wire::kMaxUdpSuperframeData + 1), 47u) << from;
    EXPECT_EQ(frames_of(from, 65'507), 47u) << from;  // the most that a socket of the host can bring at once
    EXPECT_EQ(frames_of(from, 65'527), 47u) << from;  // by IPv6
  }
}

TEST_F(Writer, WhatIsLargerThanTheLinkComesInFragments) {
  for (const netns::TapMode mode : {netns::TapMode{TapFraming::vnet, Offload::tcp_and_udp}, netns::TapMode{}}) {
    open(mode, 1500);
    udp("192.0.2.1", {Frame(3'000)}, 3'000);
    EXPECT_THAT(come(), ElementsAre("1500", "1500", "68"));
    udp("2001:db8::1", {Frame(3'000)}, 3'000);
    EXPECT_THAT(come(), ElementsAre("1496", "1496", "160"));
    udp("192.0.2.1", {Frame(4'000)}, 2'000);  // no superframe holds what no frame can
    EXPECT_THAT(come(), ElementsAre("1500", "548", "1500", "548"));
  }
}

TEST_F(Writer, AnEmptyDatagramIsOne) {
  open({TapFraming::vnet, Offload::tcp_and_udp}, 1500);
  udp("192.0.2.1", {Frame()}, 0);
  EXPECT_THAT(come(), ElementsAre("28"));
}

TEST_F(Writer, WhatNoDatagramCanBeIsLost) {
  open({TapFraming::vnet, Offload::tcp_and_udp}, 65'520);
  udp("2001:db8::1", {Frame(65'527)}, 65'527);  // IPv6 has 20 bytes more than IPv4
  EXPECT_THAT(come(), ElementsAre());
}

TEST_F(Writer, APacketIsCutLikewise) {
  open({TapFraming::vnet, Offload::tcp_and_udp}, 1500);
  const Frame message(2'000);
  writer_->packet(
      {kGuestMac,
       kGatewayMac,
       {.source = *parse_ip("2001:db8::1"), .destination = *parse_ip("fd00::64"), .protocol = wire::Protocol::icmpv6}},
      message);
  EXPECT_THAT(come(), ElementsAre("1496", "600"));
  writer_->packet({kGuestMac,
                   kGatewayMac,
                   {.source = *parse_ip("192.0.2.1"), .destination = *parse_ip("10.0.2.100"), .protocol = wire::Protocol::icmp}},
                  message);
  EXPECT_THAT(come(), ElementsAre("1500", "540"));
}

}  // namespace
}  // namespace postern::relay
