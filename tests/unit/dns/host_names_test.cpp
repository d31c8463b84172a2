#include "postern/dns/host_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../wire/dns_builder.h"

namespace postern::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::Pointee;
using wire::test::dns_query;

const IpAddress kFour = *parse_ip("192.0.2.7"), kSix = *parse_ip("2001:db8::7");

class NamesThatWereAdded : public ::testing::Test {
 protected:
  const std::vector<IpAddress>* answer_to(const wire::test::Frame& query) const {
    return names_.answer_to(*wire::DnsMessage::parse(query));
  }
  HostNames names_{{{"db.lan", kFour}, {"DB.lan.", kSix}, {"db.LAN", kFour}, {"host.postern.internal", kFour}}};
};

TEST_F(NamesThatWereAdded, AreAnsweredInAnyCaseWithAllTheirAddresses) {
  EXPECT_THAT(answer_to(dns_query("Db.LAN", {})), Pointee(ElementsAre(kFour, kSix)));
  EXPECT_THAT(answer_to(dns_query("host.postern.internal", {.type = 16})), Pointee(ElementsAre(kFour)));
}

TEST_F(NamesThatWereAdded, AreNotTheirParentsNorTheirChildren) {
  for (const char* other : {"lan", "x.db.lan", "db", "", "db.lan.x"})
    EXPECT_EQ(answer_to(dns_query(other, {})), nullptr) << other;
}

TEST_F(NamesThatWereAdded, AreAnsweredToPlainQueriesOnly) {
  EXPECT_EQ(answer_to(dns_query("db.lan", {.record_class = 3})), nullptr);
  EXPECT_EQ(answer_to(dns_query("db.lan", {.flags = 0x2000})), nullptr);  // opcode 4, notify
  wire::test::Frame two = dns_query("db.lan", {});
  wire::test::put16(two, 4, 2);
  EXPECT_EQ(answer_to(two), nullptr);
}

TEST(HostNames, LeaveOutWhatDnsCannotCarry) {
  const std::string label(64, 'x'),
      long_name = std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + "." + std::string(62, 'd');
  const HostNames names(
      {{"", kFour}, {".", kFour}, {"a..b", kFour}, {".a", kFour}, {"a..", kFour}, {label, kFour}, {long_name, kFour}});
  EXPECT_EQ(names.answer_to(*wire::DnsMessage::parse(dns_query("", {}))), nullptr);
  EXPECT_EQ(names.answer_to(*wire::DnsMessage::parse(dns_query("a", {}))), nullptr);
}

}  // namespace
}  // namespace postern::dns
