#include "postern/page/journey_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace postern::page {
namespace {

using namespace journey;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kHostile = "</script><!-- <img src=x onerror=alert(1)>";
constexpr uint64_t kBoot = 17'000'000'000'000'001;  // ns, 197 days: more than a double holds exactly

Hop hop(Point point, uint64_t at_ns) {
  Hop made;
  made.event.time_ns = kBoot + at_ns;
  made.event.point = point;
  made.event.network = {4026532001, "c1"};
  made.event.device = {2, "eth0", "veth"};
  return made;
}

std::vector<Journey> request_and_answer() {
  Journey request;
  request.hops = {hop(Point::postrouting, 0), hop(Point::after_snat, 1200)};
  request.end = Journey::End::delivered;
  request.duration_ns = request.hops[1].since_previous_ns = 1200;
  Translation& change = request.hops[1].translation.emplace();
  change.source_changed = true;
  change.source_before = {Ipv4::of(10, 0, 0, 2), Port{4000}};
  change.source_after = {*Ipv6::parse("2001:db8::1"), Port{4001}};
  Journey answer;
  answer.hops = {hop(Point::drop, 5000)};
  answer.answers = 0;
  answer.end = Journey::End::dropped;
  answer.hops[0].event.drop = Drop{kHostile, "nft_do_chain"};
  answer.hops[0].event.network.name = kHostile;
  return {request, answer};
}

nlohmann::json data_of(const std::string& page) {
  const std::string_view mark = "id=\"data\">";
  const size_t begin = page.find(mark) + mark.size();
  return nlohmann::json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

TEST(JourneyPage, DataHasEventsAndWhatTheirJourneysAdd) {
  const auto data = data_of(journey_page(request_and_answer(), {"t", "icmp", "", "", 3}));
  EXPECT_EQ(data["filter"], "icmp");
  EXPECT_EQ(data["lost"], 3);
  const auto& request = data["journeys"][0];
  EXPECT_EQ(request["end"], "delivered");
  EXPECT_FALSE(request.contains("answers"));
  EXPECT_EQ(request["hops"][1]["event"]["point"], "after_snat");
  EXPECT_EQ(request["hops"][1]["since_previous_ns"], 1200);
  EXPECT_EQ(request["hops"][1]["translation"], (nlohmann::json{{"source",
                                                                {{"before", {{"address", "10.0.0.2"}, {"port", 4000}}},
                                                                 {"after", {{"address", "2001:db8::1"}, {"port", 4001}}}}}}));
  EXPECT_EQ(data["journeys"][1]["answers"], 0);
}

TEST(JourneyPage, TimesAreSmallEnoughForJavaScript) {
  const auto data = data_of(journey_page(request_and_answer(), {}));
  EXPECT_EQ(data["journeys"][0]["hops"][0]["at_ns"], 0);
  EXPECT_EQ(data["journeys"][1]["hops"][0]["at_ns"], 5000);
}

TEST(JourneyPage, HostileNamesAreDataOnly) {
  const std::string page = journey_page(request_and_answer(), {kHostile, kHostile, "", "", 0});
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_EQ(data_of(page)["journeys"][1]["hops"][0]["event"]["drop"]["reason"], kHostile);
  EXPECT_EQ(data_of(page)["title"], kHostile);
}

TEST(JourneyPage, CanBeReadWithoutJavaScript) {
  const std::string page = journey_page(request_and_answer(), {});
  const std::string plain = page.substr(page.find("<noscript>"), page.find("</noscript>") - page.find("<noscript>"));
  EXPECT_THAT(plain, HasSubstr("eth0"));
  EXPECT_THAT(plain, HasSubstr("10.0.0.2"));
}

TEST(JourneyPage, TheSameJourneysMakeTheSamePage) {
  EXPECT_EQ(journey_page(request_and_answer(), {}), journey_page(request_and_answer(), {}));
}

TEST(JourneyPage, OfNothingIsStillAPage) { EXPECT_TRUE(data_of(journey_page({}, {}))["journeys"].empty()); }

}  // namespace
}  // namespace postern::page
