#include "loopback_targets.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::forward {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr auto kTcp = stack::Protocol::tcp, kUdp = stack::Protocol::udp;

stack::Endpoint at(std::string_view address, uint16_t port) {
  return {parse_ip(address).value_or(IpAddress(Ipv4{})), Port{port}};
}

/// "10.209.0.2 80" as a client of `from` is led, or "nowhere".
std::string led(const LoopbackTargets& targets, stack::Protocol protocol, const stack::Endpoint& from) {
  const auto target = targets.find(protocol, from);
  if (!target) return "nowhere";
  const stack::Endpoint to = target->for_client(from.address);
  return fmt::format("{} {}", to_string(to.address), to.port.number);
}

LoopbackTargets parsed(std::string_view text) {
  auto reading = LoopbackTargets::parse(text);
  EXPECT_THAT(reading.complaints, IsEmpty());
  return reading.targets;
}

TEST(LoopbackTargets, ALineLeadsARangeOfPortsOneToOne) {
  const auto targets = parsed("tcp * 8080 8089 10.209.0.2 fd00::2 80 web a1\n");
  EXPECT_EQ(led(targets, kTcp, at("127.0.0.1", 8080)), "10.209.0.2 80");
  EXPECT_EQ(led(targets, kTcp, at("127.0.0.1", 8089)), "10.209.0.2 89");
  EXPECT_EQ(led(targets, kTcp, at("::1", 8081)), "fd00::2 81");
  EXPECT_EQ(led(targets, kTcp, at("127.0.0.1", 8079)), "nowhere");
  EXPECT_EQ(led(targets, kTcp, at("127.0.0.1", 8090)), "nowhere");
  EXPECT_EQ(led(targets, kUdp, at("127.0.0.1", 8080)), "nowhere");
}

TEST(LoopbackTargets, AClientOfTheOtherFamilyIsLedToTheAddressThereIs) {
  const auto targets = parsed("tcp * 1 1 10.209.0.2 - 80 web a1\ntcp * 2 2 - fd00::2 80 web a1");
  EXPECT_EQ(led(targets, kTcp, at("::1", 1)), "10.209.0.2 80");
  EXPECT_EQ(led(targets, kTcp, at("127.0.0.1", 2)), "fd00::2 80");
}

TEST(LoopbackTargets, AnAddressOfTheHostIsForItsOwnClientsAndPrecedesAll) {
  const auto targets = parsed(
      "tcp * 1 9 10.0.0.1 - 1 n a\n"
      "tcp 0.0.0.0 2 9 10.0.0.2 - 2 n a\n"
      "tcp 127.0.0.1 3 9 10.0.0.3 - 3 n a\n"
      "tcp ::1 3 9 10.0.0.4 - 3 n a\n"
      "tcp 192.0.2.1 20 29 10.0.0.5 - 3 n a\n");
  EXPECT_EQ(led(targets, kTcp, at("127.0.0.1", 1)), "10.0.0.1 1");
  EXPECT_EQ(led(targets, kTcp, at("127.0.0.1", 2)), "10.0.0.2 2");
  EXPECT_EQ(led(targets, kTcp, at("::1", 2)), "10.0.0.1 2");
  EXPECT_EQ(led(targets, kTcp, at("127.0.0.1", 3)), "10.0.0.3 3");
  EXPECT_EQ(led(targets, kTcp, at("::1", 3)), "10.0.0.4 3");
  EXPECT_EQ(led(targets, kTcp, at("127.0.0.1", 20)), "nowhere");
}

TEST(LoopbackTargets, AWrongLineIsLeftOutAndTheOthersStay) {
  for (const char* wrong : {
           "x",
           "sctp * 1 1 10.0.0.1 - 1 n a",
           "TCP * 1 1 10.0.0.1 - 1 n a",
           "tcp host 1 1 10.0.0.1 - 1 n a",
           "tcp * 0 1 10.0.0.1 - 1 n a",
           "tcp * 2 1 10.0.0.1 - 1 n a",
           "tcp * 1 65536 10.0.0.1 - 1 n a",
           "tcp * 1 -1 10.0.0.1 - 1 n a",
           "tcp * 1 1 - - 1 n a",
           "tcp * 1 1 10.0.0.1 10.0.0.2 1 n a",
           "tcp * 1 1 fd00::1 - 1 n a",
           "tcp * 1 1 127.0.0.1 - 1 n a",
           "tcp * 1 1 0.0.0.0 - 1 n a",
           "tcp * 1 1 224.0.0.1 - 1 n a",
           "tcp * 1 1 - ::1 1 n a",
           "tcp * 1 1 - ::ffff:127.0.0.1 1 n a",
           "tcp * 1 1 - fe80::1 1 n a",
           "tcp * 1 1 10.0.0.1 - 0 n a",
           "tcp * 1 3 10.0.0.1 - 65534 n a",
           "tcp * 1 1 10.0.0.1 - 1 n",
           "tcp * 1 1 10.0.0.1 - 1 n a more",
           "tcp * 100 200 10.0.0.1 - 1 n a",  // where a line before has them
           "tcp * 50 150 10.0.0.1 - 1 n a",
           "tcp * 150 250 10.0.0.1 - 1 n a",
           "tcp * 120 130 10.0.0.1 - 1 n a",
       }) {
    const auto reading =
        LoopbackTargets::parse(fmt::format("tcp * 100 200 10.0.0.9 - 1 n a\n\n{}\r\ntcp * 300 300 10.0.0.8 - 1 n a\n", wrong));
    EXPECT_EQ(reading.wrong_lines, 1U) << wrong;
    ASSERT_THAT(reading.complaints, SizeIs(1)) << wrong;
    EXPECT_EQ(reading.complaints[0].line, 3U) << wrong;
    EXPECT_EQ(reading.targets.size(), 2U) << wrong;
    EXPECT_EQ(led(reading.targets, kTcp, at("127.0.0.1", 150)), "10.0.0.9 51") << wrong;
    EXPECT_EQ(led(reading.targets, kTcp, at("127.0.0.1", 300)), "10.0.0.8 1") << wrong;
  }
}

TEST(LoopbackTargets, WhatIsWrongIsToldInPlainLettersAndNotWithoutEnd) {
  const auto reading = LoopbackTargets::parse("\x1b[2J\n" + std::string(100'000, 'x') + "\n");
  ASSERT_THAT(reading.complaints, SizeIs(2));
  EXPECT_THAT(reading.complaints[0].what, HasSubstr("\"?[2J\""));
  EXPECT_LT(reading.complaints[1].what.size(), 200U);
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "x\n";
  EXPECT_THAT(LoopbackTargets::parse(many).complaints, SizeIs(LoopbackTargets::kMostComplaints));
  EXPECT_EQ(LoopbackTargets::parse(many).wrong_lines, 1000U);
}

TEST(LoopbackTargets, DatagramPortsAreTheLoopbacksEachOnceAndBounded) {
  const auto targets = parsed(
      "udp * 53 53 10.0.0.1 - 53 n a\nudp 127.0.0.1 53 54 10.0.0.1 - 53 n a\nudp ::1 60 60 10.0.0.1 - 53 n a\n"
      "udp 192.0.2.1 70 70 10.0.0.1 - 53 n a\ntcp * 80 80 10.0.0.1 - 53 n a\nudp 0.0.0.0 90 90 10.0.0.1 - 53 n a\n");
  EXPECT_THAT(targets.datagram_ports(100), testing::UnorderedElementsAre(at("127.0.0.1", 53), at("::1", 53), at("127.0.0.1", 54),
                                                                         at("::1", 60), at("127.0.0.1", 90)));
  EXPECT_THAT(targets.datagram_ports(2), SizeIs(2));
  EXPECT_THAT(parsed("udp 127.0.0.1 1 65535 10.0.0.1 - 1 n a").datagram_ports(3),
              ElementsAre(at("127.0.0.1", 1), at("127.0.0.1", 2), at("127.0.0.1", 3)));
}

}  // namespace
}  // namespace postern::forward
