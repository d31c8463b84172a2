// What Linux 6.18 sent of a ping of the loopback, under these rules:
//
//   table inet fw { chain sub { ip saddr 127.0.0.1 counter return; }
//                   chain output { type filter hook output priority 0; icmp type echo-request jump sub; ... }
//                   chain input { type filter hook input priority 0; policy drop; ... } }
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netfilter.h>

#include <charconv>
#include <string_view>

#include "postern/netfilter/rule_trace.h"

namespace postern::netfilter {
namespace {

using ::testing::ElementsAre;
using Bytes = std::vector<uint8_t>;

Bytes bytes_of(std::string_view digits) {
  Bytes bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    uint8_t byte = 0;
    std::from_chars(digits.data() + i, digits.data() + i + 2, byte, 16);
    bytes.push_back(byte);
  }
  return bytes;
}

const Bytes kJump = bytes_of(
    "c0000000110a000000000000000000000100000008000f000000000208000400000000030800060017bf5bd10b0002006f7574707574000007000100"
    "667700000c00030000000000000000051400050008000100fffffffd080002007375620008000c000000000106000d00030400001800080045000054"
    "e059400040015c4d7f0000017f00000118000900080006377eb10001a2d1036b000000000807060008001500000000080500130000000000080012"
    "0033bdc19d0800140000000100");
const Bytes kReturn = bytes_of(
    "54000000110a000000000000000000000100000008000f000000000208000400000000030800060017bf5bd10800020073756200070001006677000"
    "00c00030000000000000000040c00050008000100fffffffb");
const Bytes kArrival = bytes_of(
    "e4000000110a000000000000000000000100000008000f00000000020800040000000003080006003b02997c0d0002006172726976696e67000000"
    "001a000100706f737465726e5f74726163655f33323433315f310000000c00030000000000000000060c000500080001000000000108000a000000"
    "000106000b00030400001800080045000054e059400040015c4d7f0000017f00000118000900080006377eb10001a2d1036b000000000807060012"
    "00070000000000000000000000000008000000080015000000000805001300000000000800120033bdc19d0800140000000188");
const Bytes kPolicy = bytes_of(
    "48000000110a000000000000000000000100000008000f00000000020800040000000001080006003b02997c0a000200696e70757400000007000100"
    "667700000800100000000000");

TEST(TraceMessage, OfTheFirstRuleTellsThePacket) {
  const auto message = parse_trace_message(kJump);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->id, 0x17bf5bd1u);
  EXPECT_EQ(message->family, NFPROTO_INET);
  EXPECT_EQ(message->kind, TraceMessage::Kind::rule);
  EXPECT_EQ(message->table, "fw");
  EXPECT_EQ(message->chain, "output");
  EXPECT_EQ(message->rule, 5u);
  EXPECT_EQ(message->verdict.kind, Verdict::Kind::jump);
  EXPECT_EQ(message->verdict.text(), "jump sub");
  EXPECT_EQ(message->input_device, 0);
  EXPECT_EQ(message->output_device, 1);
  EXPECT_EQ(message->link_header, Bytes()) << "it has none before it leaves";
  ASSERT_EQ(message->network_header.size(), 20u);
  EXPECT_EQ(message->network_header[0], 0x45);
  ASSERT_EQ(message->transport_header.size(), 20u);
  EXPECT_EQ(message->transport_header[0], 8) << "echo request";
  ASSERT_TRUE(message->connection);
  EXPECT_EQ(message->connection->id, 0x33bdc19du);
  EXPECT_EQ(message->connection->state, 8u) << "new";
  EXPECT_EQ(message->connection->status, 0x100u);
  EXPECT_FALSE(message->connection->is_reply);
}

TEST(TraceMessage, OfTheNextRuleDoesNot) {
  const auto message = parse_trace_message(kReturn);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->id, 0x17bf5bd1u);
  EXPECT_EQ(message->chain, "sub");
  EXPECT_EQ(message->verdict.text(), "return");
  EXPECT_TRUE(message->network_header.empty());
  EXPECT_FALSE(message->connection);
}

TEST(TraceMessage, OfAnArrivalHasItsLinkHeaderAndDevice) {
  const auto message = parse_trace_message(kArrival);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->input_device, 1);
  EXPECT_EQ(message->verdict.text(), "accept");
  ASSERT_EQ(message->link_header.size(), 14u);
  EXPECT_EQ(message->link_header[12], 8);
}

TEST(TraceMessage, OfAPolicyHasItAsItsVerdict) {
  const auto message = parse_trace_message(kPolicy);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->kind, TraceMessage::Kind::policy);
  EXPECT_EQ(message->chain, "input");
  EXPECT_EQ(message->rule, 0u);
  EXPECT_EQ(message->verdict.text(), "drop");
}

TEST(TraceMessage, ThatIsCutShortIsNone) {
  for (size_t size = 0; size < kJump.size(); ++size)
    EXPECT_FALSE(parse_trace_message(std::span(kJump).first(size))) << size << " bytes: its own length says more";
}

TEST(TraceMessage, OfAnotherKindIsNone) {
  Bytes other = kJump;
  other[4] = 0x06;  // NFT_MSG_NEWRULE
  EXPECT_FALSE(parse_trace_message(other));
}

/// A copy of `message` whose own length is `size`.
Bytes shortened(const Bytes& message, size_t size) {
  Bytes copy(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(size));
  copy[0] = static_cast<uint8_t>(size);
  return copy;
}

TEST(TraceMessage, WithoutItsLastAttributesIsReadAsFarAsItGoes) {
  size_t read = 0;
  for (size_t size = 20; size < kJump.size(); ++size) {
    const auto message = parse_trace_message(shortened(kJump, size));
    if (!message) continue;
    ++read;
    EXPECT_EQ(message->chain, "output");
    EXPECT_LE(message->network_header.size(), 20u);
  }
  EXPECT_EQ(read, kJump.size() - 0x37) << "all that still say id and chain";
}

TEST(TraceMessage, PassesOverAttributesThatAreTooShort) {
  // The handle's attribute (12 bytes at 0x40) becomes one of two bytes and what is left of it is one of no kind.
  Bytes hostile = kJump;
  ASSERT_THAT(std::vector(hostile.begin() + 0x40, hostile.begin() + 0x44), ElementsAre(0x0c, 0, 3, 0));
  hostile[0x40] = 6;
  hostile[0x48] = 4;
  hostile[0x4a] = 0xff;
  hostile[0x4b] = 0x3f;
  const auto message = parse_trace_message(hostile);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->rule, 0u);
  EXPECT_EQ(message->verdict.text(), "jump sub");
}

TEST(TraceMessage, EndsWhereAnAttributeClaimsMoreThanThereIs) {
  Bytes hostile = kJump;
  hostile[0x40] = 0xff;
  const auto message = parse_trace_message(hostile);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->chain, "output");
  EXPECT_EQ(message->verdict.text(), "unknown");
  hostile[0x40] = 0;  // one that would never end
  EXPECT_TRUE(parse_trace_message(hostile));
}

TEST(FamilyName, IsNfts) {
  EXPECT_EQ(family_name(NFPROTO_INET), "inet");
  EXPECT_EQ(family_name(NFPROTO_IPV6), "ip6");
  EXPECT_EQ(family_name(99), "family 99");
}

}  // namespace
}  // namespace postern::netfilter
