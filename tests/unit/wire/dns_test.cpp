#include "postern/wire/dns.h"

#include <gtest/gtest.h>

#include "postern/wire/dns_answer.h"

#include "dns_builder.h"

namespace postern::wire::test {
namespace {

std::optional<DnsMessage> parsed(const Frame& message) { return DnsMessage::parse(message); }

TEST(DnsMessage, IsReadWithItsQuestion) {
  const Frame query = dns_query("www.example.org", {.id = 0x1234, .type = 28});
  const auto message = parsed(query);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->id, 0x1234);
  EXPECT_FALSE(message->is_response);
  EXPECT_TRUE(message->recursion_desired);
  EXPECT_EQ(message->opcode, kDnsQuery);
  EXPECT_EQ(message->questions, 1);
  EXPECT_FALSE(message->edns);
  ASSERT_TRUE(message->question);
  EXPECT_EQ(message->question->type, DnsType::aaaa);
  EXPECT_EQ(message->question->record_class, kDnsInternet);
  EXPECT_TRUE(is_same_name(message->question->name, dns_name("www.example.org")));
  EXPECT_EQ(message->question->whole.size(), query.size() - DnsMessage::kHeaderBytes);
}

TEST(DnsMessage, ShorterThanItsHeaderIsNone) {
  const Frame query = dns_query("a", {});
  EXPECT_FALSE(parsed(slice(query, 0, DnsMessage::kHeaderBytes - 1)));
  EXPECT_TRUE(parsed(slice(query, 0, DnsMessage::kHeaderBytes)));
}

TEST(DnsMessage, CutShortHasNoQuestion) {
  const Frame query = dns_query("www.example.org", {});
  for (size_t size = DnsMessage::kHeaderBytes; size < query.size(); ++size) {
    const auto message = parsed(slice(query, 0, size));
    ASSERT_TRUE(message);
    EXPECT_FALSE(message->question) << size;
  }
}

TEST(DnsMessage, ANameWithAPointerOrAnUnknownLabelIsNotFollowed) {
  for (const uint8_t length : std::initializer_list<uint8_t>{0xc0, 0x40, 0x80, 0xff}) {
    Frame query = dns_query("www.example.org", {});
    query[DnsMessage::kHeaderBytes] = length;
    EXPECT_FALSE(parsed(query)->question) << int{length};
  }
}

TEST(DnsMessage, ANameMayHave255OctetsAndNoMore) {
  const std::string label(61, 'x');
  const std::string longest = label + "." + label + "." + label + "." + label + ".abcde";  // 4 * 62 + 6 + 1
  ASSERT_EQ(dns_name(longest).size(), DnsQuestion::kMaxNameBytes);
  EXPECT_TRUE(parsed(dns_query(longest, {}))->question);
  EXPECT_FALSE(parsed(dns_query(longest + "f", {}))->question);
}

TEST(DnsMessage, TheRootIsAName) { EXPECT_EQ(parsed(dns_query("", {}))->question->name.size(), 1u); }

TEST(DnsMessage, WithoutAQuestionIsAMessageStill) {
  Frame status = dns_query("www.example.org", {});
  put16(status, 2, 0x1000);  // opcode 2, server status
  put16(status, 4, 0);
  const auto message = parsed(status);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->opcode, 2);
  EXPECT_FALSE(message->question);
}

TEST(DnsMessage, SpeaksEdnsWhereAnOptRecordFollowsTheQuestion) {
  EXPECT_TRUE(parsed(dns_query("a.b", {.edns = true}))->edns);
  Frame other = dns_query("a.b", {.edns = true});
  other[other.size() - 9] = 1;  // another type
  EXPECT_FALSE(parsed(other)->edns);
  Frame cut = dns_query("a.b", {.edns = true});
  cut.pop_back();
  EXPECT_FALSE(parsed(cut)->edns);
  Frame behind = dns_query("a.b", {.edns = true});
  put16(behind, 6, 1);  // an answer would stand before it
  EXPECT_FALSE(parsed(behind)->edns);
}

TEST(DnsQuestion, IsTheSameInAnyCase) {
  const Frame lower = dns_query("www.example.org", {}), upper = dns_query("WWW.eXample.ORG", {});
  EXPECT_TRUE(is_same_question(*parsed(lower)->question, *parsed(upper)->question));
  for (const Frame& other : {dns_query("www.example.com", {}), dns_query("www.example.org", {.type = 28}),
                             dns_query("wwwxexample.org", {}), dns_query("www.example.org", {.record_class = 3})}) {
    EXPECT_FALSE(is_same_question(*parsed(lower)->question, *parsed(other)->question));
  }
}

// ---- answers of our own

const IpAddress kFour = *parse_ip("192.0.2.7"), kSix = *parse_ip("2001:db8::7");

Frame answer_to(const Frame& query, const std::vector<IpAddress>& addresses) {
  Frame room(kMaxDnsAnswer, 0xee);
  room.resize(store_dns_answer(room, *DnsMessage::parse(query), addresses));
  return room;
}

TEST(DnsAnswer, HoldsTheAddressesThatWereAskedFor) {
  const Frame query = dns_query("db", {.id = 7});
  Frame expected = dns_query("db", {.id = 7, .flags = 0x8580, .answers = 1});
  append(expected, {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7});
  EXPECT_EQ(answer_to(query, {kSix, kFour}), expected);
}

TEST(DnsAnswer, HoldsIpv6AddressesToo) {
  Frame expected = dns_query("db", {.type = 28, .flags = 0x8580, .answers = 1});
  append(expected, {0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 60, 0, 16});
  append(expected, kSix);
  EXPECT_EQ(answer_to(dns_query("db", {.type = 28}), {kSix, kFour}), expected);
}

TEST(DnsAnswer, OfAnotherTypeIsEmptyButNoError) {
  constexpr uint16_t kText = 16;
  EXPECT_EQ(answer_to(dns_query("db", {.type = kText}), {kSix, kFour}), dns_query("db", {.type = kText, .flags = 0x8580}));
}

TEST(DnsAnswer, ToAnyHoldsAll) { EXPECT_EQ(load16(answer_to(dns_query("db", {.type = 255}), {kSix, kFour}), 6), 2); }

TEST(DnsAnswer, KeepsTheCaseOfTheQuestionAndWhatRecursionWasAskedFor) {
  const Frame query = dns_query("Db", {.flags = 0});
  const Frame answer = answer_to(query, {kFour});
  EXPECT_EQ(load16(answer, 2), 0x8480);
  EXPECT_EQ(slice(answer, DnsMessage::kHeaderBytes, query.size()), slice(query, DnsMessage::kHeaderBytes, query.size()));
}

TEST(DnsAnswer, SpeaksEdnsToWhoDoes) {
  const Frame answer = answer_to(dns_query("db", {.edns = true}), {kFour});
  EXPECT_EQ(load16(answer, 10), 1);
  EXPECT_EQ(slice(answer, answer.size() - 11, answer.size()), (Frame{0, 0, 41, 1232 >> 8, 1232 & 0xff, 0, 0, 0, 0, 0, 0}));
}

TEST(DnsAnswer, HoldsNoMoreThanFits) {
  const std::vector<IpAddress> many(100, kSix);
  for (const bool edns : {false, true}) {
    const Frame answer = answer_to(dns_query(std::string(60, 'n'), {.type = 28, .edns = edns}), many);
    EXPECT_LE(answer.size(), kMaxDnsAnswer);
    EXPECT_EQ(load16(answer, 6), (kMaxDnsAnswer - 12 - 66 - (edns ? 11 : 0)) / 28);
  }
}

}  // namespace
}  // namespace postern::wire::test
