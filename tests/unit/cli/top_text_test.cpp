#include "top_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::cli {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

struct View {
  Watched watched{
      .version = "1.0", .engine = "fast", .pid = 4711, .flow_limit = 1024, .uptime = 3600s, .asked_at = TimePoint(1s)};
  Sample now;
  Change change;

  View() {
    now.taken = TimePoint(4s);
    now.total_flows = 1;
    SeenFlow flow;
    flow.protocol = "tcp";
    flow.state = "ESTABLISHED";
    flow.guest = {"10.0.2.100", 40'000};
    flow.remote = {"2001:db8::1", 443};
    flow.host = {"192.0.2.9", 5000};
    flow.carried_to_guest = 123'456'789;
    flow.rtt_remote = 12'345us;
    flow.age = 65s;
    now.flows = {flow};
    change.seconds = 1;
    change.flows = {Rates{.to_guest = 2'500'000, .to_remote = 10}};
  }
  void have(size_t flows, uint64_t total) {
    now.flows.resize(flows, now.flows.front());
    change.flows.resize(flows, change.flows.front());
    now.total_flows = total;
  }
  std::vector<std::string> lines(const Room& room = {}) const {
    return top_lines(watched, now, change, in_order(now, change, TopOptions::Sort::rate), room);
  }
};

TEST(TopText, AFlowIsOneLineWithAllThatIsKnown) {
  const auto lines = View().lines();
  EXPECT_EQ(lines.front(), "postern   1.0, PID 4711, fast, up 1:00:03");
  EXPECT_EQ(lines.back(),
            "tcp    ESTABLISHED  10.0.2.100:40000  ->  [2001:db8::1]:443  192.0.2.9:5000  10 B/s  2.50 MB/s   -  123 MB"
            "  12.3 ms  0:01:05");
}

TEST(TopText, AtEveryWidthEveryLineFits) {
  const View view;
  for (size_t columns = 1; columns < 140; ++columns) {
    for (const std::string& line : view.lines({columns, 24})) EXPECT_LE(line.size(), columns) << line;
  }
}

TEST(TopText, WhereItIsNarrowWhatMattersLeastGoesFirst) {
  const View view;
  EXPECT_THAT(view.lines({130, 24}).back(), HasSubstr("0:01:05"));
  EXPECT_THAT(view.lines({120, 24}).back(), AllOf(HasSubstr("ESTABLISHED"), Not(HasSubstr("0:01:05"))));
  EXPECT_THAT(view.lines({80, 24}).back(), AllOf(HasSubstr("[2001:db8::1]:443"), HasSubstr("2.50 MB/s"), HasSubstr("12.3 ms"),
                                                 Not(HasSubstr("ESTABLISHED")), Not(HasSubstr("192.0.2.9"))));
  EXPECT_EQ(view.lines({30, 24}).back().back(), '~');
}

TEST(TopText, WhatTheScreenHasNoLineForIsCounted) {
  View view;
  view.have(100, 5000);
  const auto lines = view.lines({100, 24});
  EXPECT_THAT(lines, SizeIs(24));
  const size_t head = 7;  // four lines, how many flows, an empty one, the table's head
  EXPECT_EQ(lines.back(), "and 4984 more");
  EXPECT_EQ(24 - head - 1, 5000u - 4984u);
}

TEST(TopText, WhatWasNotListedIsCountedToo) {
  View view;
  view.have(3, 5);
  EXPECT_EQ(view.lines().back(), "and 2 more");
  view.have(3, 3);
  EXPECT_THAT(view.lines().back(), HasSubstr("tcp"));
  EXPECT_THAT(view.lines({100, 10}), SizeIs(10));
  EXPECT_THAT(view.lines({100, 10}).back(), HasSubstr("tcp")) << "they fit exactly";
}

TEST(TopText, AScreenOfAnySizeIsNotOverfilled) {
  View view;
  view.have(30, 30);
  for (size_t lines = 1; lines < 45; ++lines) EXPECT_LE(view.lines({100, lines}).size(), lines);
}

TEST(TopText, DropsAreToldAsTheyChange) {
  View view;
  EXPECT_THAT(view.lines(), testing::Contains("dropped   nothing new"));
  view.change.drops = {{"martian_source", 2}, {"malformed", 1}};
  EXPECT_THAT(view.lines(), testing::Contains("dropped   martian_source +2, malformed +1"));
  view.change.seconds.reset();
  EXPECT_THAT(view.lines(), testing::Contains("dropped   martian_source 2, malformed 1"));
}

TEST(TopText, Numbers) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(999.7), "1.00 kB");
  EXPECT_EQ(bytes_text(1'234), "1.23 kB");
  EXPECT_EQ(bytes_text(99'960), "100 kB");
  EXPECT_EQ(bytes_text(12'345'678'901), "12.3 GB");
  EXPECT_EQ(bytes_text(1e19), "10.0 EB");
  EXPECT_EQ(time_text(70us), "0.07 ms");
  EXPECT_EQ(time_text(999'600us), "1.00 s");
  EXPECT_EQ(duration_text(59s), "0:00:59");
  EXPECT_EQ(duration_text(49h + 61s), "2 d 1:01:01");
}

}  // namespace
}  // namespace postern::cli
