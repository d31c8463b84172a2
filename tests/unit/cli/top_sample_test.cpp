#include "top_sample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::cli {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Pair;

const TimePoint kBegin{1h};

SeenFlow tcp_to(const char* remote, uint64_t to_guest, uint64_t to_remote) {
  SeenFlow flow;
  flow.protocol = "tcp";
  flow.guest = {"10.0.2.100", 4000};
  flow.remote = {remote, 80};
  flow.host = {"192.0.2.9", 5000};
  flow.carried_to_guest = to_guest;
  flow.carried_to_remote = to_remote;
  flow.age = 1h;
  return flow;
}

Sample sample_of(std::vector<SeenFlow> flows, Duration after = 0s) {
  Sample sample;
  sample.taken = kBegin + after;
  sample.total_flows = flows.size();
  sample.flows = std::move(flows);
  return sample;
}

TEST(TopSample, TheFirstKnowsNoRates) {
  const Change change = compare(std::nullopt, sample_of({tcp_to("192.0.2.1", 10, 20)}));
  EXPECT_FALSE(change.seconds);
  ASSERT_EQ(change.flows.size(), 1u);
  EXPECT_FALSE(change.flows[0].to_guest);
  EXPECT_FALSE(change.frames_from_guest);
}

TEST(TopSample, ARateIsTheDifferenceByTheTime) {
  const Sample before = sample_of({tcp_to("192.0.2.1", 10, 20), tcp_to("192.0.2.2", 1, 1)});
  const Sample now = sample_of({tcp_to("192.0.2.2", 1, 1), tcp_to("192.0.2.1", 510, 1020)}, 500ms);
  const Change change = compare(before, now);
  EXPECT_EQ(change.seconds, 0.5);
  EXPECT_EQ(change.flows[0].to_guest, 0);
  EXPECT_EQ(change.flows[1].to_guest, 1000);
  EXPECT_EQ(change.flows[1].to_remote, 2000);
  EXPECT_EQ(change.whole.to_guest, 1000) << "nobody counted the whole: the flows' sum";
}

TEST(TopSample, WhatHasBegunSinceHasCarriedAllOfItSince) {
  SeenFlow young = tcp_to("192.0.2.1", 300, 0);
  young.age = 1500ms;
  const Change change = compare(sample_of({}), sample_of({young}, 2s));
  EXPECT_EQ(change.flows[0].to_guest, 150);
}

TEST(TopSample, OfOneThatWasNotListedBeforeNoRateIsKnown) {
  const Change change = compare(sample_of({}), sample_of({tcp_to("192.0.2.1", 300, 0)}, 2s));
  EXPECT_FALSE(change.flows[0].to_guest);
  EXPECT_FALSE(change.flows[0].to_remote);
}

TEST(TopSample, OneWithTheSameEndsThatHasCarriedLessIsAnother) {
  const Sample before = sample_of({tcp_to("192.0.2.1", 1000, 1000)});
  SeenFlow other = tcp_to("192.0.2.1", 200, 2000);
  EXPECT_FALSE(compare(before, sample_of({other}, 1s)).flows[0].to_remote);
  other.age = 10ms;
  EXPECT_EQ(compare(before, sample_of({other}, 1s)).flows[0].to_remote, 2000);
}

TEST(TopSample, AUdpSocketIsOneFlowWhomeverItSpeaksTo) {
  SeenFlow before = tcp_to("192.0.2.1", 10, 20), now = tcp_to("192.0.2.7", 10, 50);
  before.protocol = now.protocol = "udp";
  EXPECT_EQ(compare(sample_of({before}), sample_of({now}, 1s)).flows[0].to_remote, 30);
  before.is_inbound = now.is_inbound = true;  // clients of one published port
  EXPECT_FALSE(compare(sample_of({before}), sample_of({now}, 1s)).flows[0].to_remote);
}

TEST(TopSample, WhatNobodyCountsHasNoRate) {
  SeenFlow flow = tcp_to("192.0.2.1", 0, 0);
  flow.carried_to_guest = flow.carried_to_remote = std::nullopt;
  const Change change = compare(sample_of({flow}), sample_of({flow}, 1s));
  EXPECT_FALSE(change.flows[0].to_guest);
}

TEST(TopSample, TheWholeIsWhatTheEnginesCounted) {
  Sample before = sample_of({}), now = sample_of({}, 2s);
  before.bytes_to_guest = 100;
  now.bytes_to_guest = 500;
  before.frames_from_guest = 10;
  now.frames_from_guest = 30;
  const Change change = compare(before, now);
  EXPECT_EQ(change.whole.to_guest, 200) << "of flows that have ended too";
  EXPECT_EQ(change.frames_from_guest, 10);
}

TEST(TopSample, OnlyDropsThatHaveChangedAreTold) {
  Sample before = sample_of({}), now = sample_of({}, 1s);
  before.drops = {{"martian_source", 3}, {"malformed", 1}};
  now.drops = {{"martian_source", 5}, {"malformed", 1}, {"newer", 2}};
  EXPECT_THAT(compare(before, now).drops, ElementsAre(Pair("martian_source", 2), Pair("newer", 2)));
  EXPECT_THAT(compare(std::nullopt, before).drops, ElementsAre(Pair("martian_source", 3), Pair("malformed", 1)));
}

TEST(TopSample, TwoSamplesInOneMomentDivideByNothing) {
  const Sample sample = sample_of({tcp_to("192.0.2.1", 10, 20)});
  const Change change = compare(sample, sample);
  EXPECT_FALSE(change.flows[0].to_guest);
}

TEST(TopSample, Order) {
  using Sort = TopOptions::Sort;
  SeenFlow large = tcp_to("192.0.2.1", 1'000'000, 0), quick = tcp_to("192.0.2.2", 500, 0), far = tcp_to("192.0.2.3", 0, 0);
  far.rtt_remote = 80ms;
  large.rtt_remote = 1ms;
  SeenFlow slow_before = quick;
  slow_before.carried_to_guest = 0;
  const Sample now = sample_of({far, large, quick}, 1s);
  const Change change = compare(sample_of({far, large, slow_before}), now);
  EXPECT_THAT(in_order(now, change, Sort::rate), ElementsAre(2, 1, 0));
  EXPECT_THAT(in_order(now, change, Sort::bytes), ElementsAre(1, 2, 0));
  EXPECT_THAT(in_order(now, change, Sort::rtt), ElementsAre(0, 1, 2));
}

TEST(TopSample, OnlyWhatCanBeSeenIsPrinted) {
  EXPECT_EQ(printable("a b~"), "a b~");
  EXPECT_EQ(printable("\x1b[2J\n\x7f\xc2\x9b"), "?[2J????");
}

}  // namespace
}  // namespace postern::cli
