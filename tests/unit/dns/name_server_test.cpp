#include "postern/dns/name_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::dns {
namespace {

using ::testing::ElementsAre;

const TimePoint kNow = TimePoint() + std::chrono::hours(1);

NameServer at(const char* address, uint32_t scope = 0) { return {*parse_ip(address), scope}; }

std::vector<NameServer> read(std::string_view text) {
  return read_servers(text, [](const std::string& link) { return link == "eth0" ? 7u : 0u; });
}

TEST(ReadServers, TakesThoseOfBothFamiliesInTheirOrder) {
  EXPECT_THAT(read("search x\nnameserver 2001:db8::53\n# nameserver 192.0.2.9\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\n"),
              ElementsAre(at("2001:db8::53"), at("192.0.2.53"), at("fe80::1", 7)));
}

TEST(ReadServers, LeavesOutWhatIsNoAddress) {
  EXPECT_THAT(read("nameserver example.org\nnameserver\nnameserver 192.0.2.53 and more\n"), ElementsAre(at("192.0.2.53")));
}

TEST(ReadServers, KnowsALinkByItsNumberTooAndLeavesOutWhoseLinkIsNotThere) {
  EXPECT_THAT(read("nameserver fe80::1%9\nnameserver fe80::1%gone\nnameserver fe80::1%0\nnameserver fe80::2%eth0\n"),
              ElementsAre(at("fe80::1", 9), at("fe80::2", 7)));
}

TEST(ServerChoice, OfNoneIsTheHostItself) {
  ServerChoice choice;
  EXPECT_THAT(choice.servers(), ElementsAre(at("127.0.0.1"), at("::1")));
  choice.replace({at("192.0.2.53")});
  choice.replace({});
  EXPECT_THAT(choice.servers(), ElementsAre(at("127.0.0.1"), at("::1")));
}

TEST(ServerChoice, HasABoundAndKeepsEachOnce) {
  std::vector<NameServer> many;
  for (uint8_t i = 0; i < 100; ++i) many.insert(many.end(), 2, {Ipv4::of(192, 0, 2, i)});
  ServerChoice choice;
  choice.replace(many);
  ASSERT_EQ(choice.servers().size(), kMostServers);
  EXPECT_EQ(choice.servers()[1], at("192.0.2.1"));
}

TEST(ServerChoice, AsksTheOneThatAnsweredLastFirst) {
  ServerChoice choice;
  choice.replace({at("192.0.2.1"), at("192.0.2.2"), at("192.0.2.3")});
  EXPECT_FALSE(choice.answering());
  choice.answered(at("192.0.2.3"), kNow);
  EXPECT_THAT(choice.in_order(kNow), ElementsAre(at("192.0.2.3"), at("192.0.2.1"), at("192.0.2.2")));
  choice.answered(at("192.0.2.2"), kNow);
  EXPECT_THAT(choice.in_order(kNow), ElementsAre(at("192.0.2.2"), at("192.0.2.1"), at("192.0.2.3")));
  EXPECT_THAT(choice.servers(), ElementsAre(at("192.0.2.1"), at("192.0.2.2"), at("192.0.2.3")));
}

TEST(ServerChoice, TriesTheirOwnOrderAgainAfterAMinuteHoweverOftenTheOtherAnswered) {
  ServerChoice choice;
  choice.replace({at("192.0.2.1"), at("192.0.2.2")});
  choice.answered(at("192.0.2.2"), kNow);
  const TimePoint before = kNow + ServerChoice::kMemory - std::chrono::milliseconds(1), after = kNow + ServerChoice::kMemory;
  choice.answered(at("192.0.2.2"), before);
  EXPECT_THAT(choice.in_order(before), ElementsAre(at("192.0.2.2"), at("192.0.2.1")));
  EXPECT_THAT(choice.in_order(after), ElementsAre(at("192.0.2.1"), at("192.0.2.2")));
  EXPECT_EQ(choice.answering(), at("192.0.2.2"));
  choice.answered(at("192.0.2.2"), after);
  EXPECT_THAT(choice.in_order(after + std::chrono::seconds(59)), ElementsAre(at("192.0.2.2"), at("192.0.2.1")));
}

TEST(ServerChoice, RemembersEachTransportApart) {
  ServerChoice choice;
  choice.replace({at("192.0.2.1"), at("192.0.2.2"), at("192.0.2.3")});
  choice.answered(at("192.0.2.2"), kNow, Transport::tcp);
  EXPECT_THAT(choice.in_order(kNow), ElementsAre(at("192.0.2.1"), at("192.0.2.2"), at("192.0.2.3")));
  EXPECT_FALSE(choice.answering());
  choice.answered(at("192.0.2.3"), kNow);
  EXPECT_THAT(choice.in_order(kNow, Transport::tcp), ElementsAre(at("192.0.2.2"), at("192.0.2.1"), at("192.0.2.3")));
  EXPECT_EQ(choice.answering(), at("192.0.2.3"));
}

TEST(ServerChoice, ForgetsWhoAnsweredWhenSomethingHasChangedAndOnlyThen) {
  ServerChoice choice;
  choice.replace({at("192.0.2.1"), at("192.0.2.2")});
  choice.answered(at("192.0.2.2"), kNow);
  choice.replace({at("192.0.2.1"), at("192.0.2.2")});
  EXPECT_EQ(choice.answering(), at("192.0.2.2"));
  choice.replace({at("192.0.2.2"), at("192.0.2.1")});
  EXPECT_FALSE(choice.answering());
}

TEST(ServerChoice, DoesNotRememberAServerThatIsAskedNoMore) {
  ServerChoice choice;
  choice.replace({at("192.0.2.1")});
  choice.answered(at("192.0.2.2"), kNow);
  EXPECT_FALSE(choice.answering());
}

}  // namespace
}  // namespace postern::dns
