#include "top_reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace postern::cli {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr const char* kStatus =
    R"({"return":{"version":"1","pid":7,"engine":"fast","uptime_seconds":5,"flows":{"open":1,"limit":9}}})";
constexpr const char* kFlows = R"({"return":{"flows":[
  {"proto":"tcp","direction":"outbound","state":"ESTABLISHED","guest_addr":"10.0.2.100","guest_port":4000,"remote_addr":"192.0.2.1",
   "remote_port":80,"host_addr":"192.0.2.9","host_port":5000,"bytes_to_guest":0,"bytes_to_remote":0,"carried_to_guest":100,
   "carried_to_remote":20,"rtt_guest_us":50,"rtt_remote_us":1500,"age_ms":2500},
  {"proto":"icmp","direction":"outbound","expires_seconds":3,"guest_addr":null,"remote_addr":"192.0.2.2","host_addr":null,
   "bytes_to_guest":0,"bytes_to_remote":0}],"total":12}})";
constexpr const char* kCounters = R"({"return":{"frames_from_guest":3,"frames_to_guest":4,"drops":{"martian_source":1},
  "fast_tcp":{"bytes_to_host":10,"bytes_to_guest":100},"fast_datagrams":{"bytes_to_host":5,"bytes_to_guest":1},
  "spliced":{"bytes_to_client":1000,"bytes_to_guest":2000}}})";

TEST(TopReply, ReadsWhatIsKnownAndNoMore) {
  const auto sample = read_sample(kFlows, kCounters, TimePoint(1h));
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->total_flows, 12u);
  ASSERT_EQ(sample->flows.size(), 2u);
  const SeenFlow &tcp = sample->flows[0], &icmp = sample->flows[1];
  EXPECT_EQ(tcp.remote, (SeenEnd{"192.0.2.1", 80}));
  EXPECT_EQ(tcp.carried_to_guest, 100u);
  EXPECT_EQ(tcp.rtt_guest, 50us);
  EXPECT_EQ(tcp.rtt_remote, 1500us);
  EXPECT_EQ(tcp.age, 2500ms);
  EXPECT_EQ(icmp.guest, SeenEnd{});
  EXPECT_FALSE(icmp.carried_to_guest);
  EXPECT_FALSE(icmp.rtt_remote);
  EXPECT_EQ(sample->bytes_to_remote, 1015u);
  EXPECT_EQ(sample->bytes_to_guest, 2101u);
}

TEST(TopReply, LibslirpCountsNoBytes) {
  const auto sample = read_sample(kFlows, R"({"return":{"frames_from_guest":3,"frames_to_guest":4,"drops":{}}})", TimePoint(1h));
  ASSERT_TRUE(sample);
  EXPECT_FALSE(sample->bytes_to_guest);
}

TEST(TopReply, WhatIsNoAnswerIsAnErrorAndNothingWorse) {
  for (const char* reply :
       {"", "x", "[]", "{}", R"({"return":7})", R"({"return":{"flows":7,"total":1}})",
        R"({"return":{"flows":[{"proto":7}],"total":1}})", R"({"return":{"flows":[{"carried_to_guest":"x"}]}})"}) {
    EXPECT_FALSE(read_sample(reply, kCounters, TimePoint())) << reply;
    EXPECT_FALSE(read_sample(kFlows, reply, TimePoint())) << reply;
    EXPECT_FALSE(read_watched(reply, TimePoint())) << reply;
  }
}

TEST(TopReply, WhoAnswersCannotDriveTheTerminal) {
  const auto sample =
      read_sample(R"({"return":{"flows":[{"proto":"tcp\u001b[2J","direction":"outbound","state":"\u009b2J\n",
    "guest_addr":"\u0007","remote_addr":"x","host_addr":"y"}],"total":1}})",
                  R"({"return":{"frames_from_guest":3,"frames_to_guest":4,"drops":{"a\u001bc":1}}})", TimePoint());
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->flows[0].protocol, "tcp?[2J");
  EXPECT_EQ(sample->flows[0].state, "??2J?");
  EXPECT_EQ(sample->flows[0].guest.address, "?");
  EXPECT_EQ(sample->drops[0].first, "a?c");
}

TEST(TopReply, AProgramGetsOneObjectOnALine) {
  const auto watched = read_watched(kStatus, TimePoint(1h));
  const auto before = read_sample(kFlows, kCounters, TimePoint(1h));
  ASSERT_TRUE(watched && before);
  Sample now = *before;
  now.taken += 2s;
  now.flows[0].carried_to_guest = 1100;
  const Change change = compare(*before, now);
  const std::string line = top_json(*watched, now, change, {1, 0});
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto told = nlohmann::json::parse(line);
  EXPECT_EQ(told.at("pid"), 7);
  EXPECT_EQ(told.at("uptime_seconds"), 7);
  EXPECT_EQ(told.at("seconds"), 2.0);
  EXPECT_EQ(told.at("total"), 12);
  EXPECT_EQ(told.at("drops").at("martian_source"), 1);
  EXPECT_TRUE(told.at("new_drops").empty());
  const auto& tcp = told.at("flows").at(1);
  EXPECT_EQ(tcp.at("carried_to_guest"), 1100);
  EXPECT_EQ(tcp.at("rate_to_guest"), 500.0);
  EXPECT_EQ(tcp.at("rate_to_remote"), 0.0);
  EXPECT_EQ(tcp.at("rtt_remote_us"), 1500);
  EXPECT_EQ(tcp.at("host_addr"), "192.0.2.9");
  EXPECT_EQ(tcp.at("host_port"), 5000);
  const auto& icmp = told.at("flows").at(0);
  EXPECT_TRUE(icmp.at("guest_addr").is_null());
  EXPECT_FALSE(icmp.contains("rtt_remote_us"));
  EXPECT_FALSE(icmp.contains("rate_to_guest"));
}

}  // namespace
}  // namespace postern::cli
