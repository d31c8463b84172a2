#include "option_values.h"

#include <gtest/gtest.h>

namespace postern::trace_cli {
namespace {

TraceOptions trace(const Typed& typed) {
  const auto options = to_options(typed);
  EXPECT_TRUE(options) << options.error().message();
  return options ? std::get<TraceOptions>(*options) : TraceOptions{};
}

std::string error_of(const Typed& typed) {
  const auto options = to_options(typed);
  return options ? "taken" : options.error().message();
}

TEST(TraceOptions, NothingTypedIsEveryPacketAsLines) {
  const TraceOptions options = trace({});
  EXPECT_EQ(options.filter.text(), "");
  EXPECT_TRUE(options.namespaces.empty());
  EXPECT_FALSE(options.count);
  EXPECT_FALSE(options.limit);
  EXPECT_EQ(options.follow, Follow::connection);
  EXPECT_EQ(options.form, Form::lines);
  EXPECT_EQ(options.html + options.record + options.replay + options.pcap, "");
}

TEST(TraceOptions, EveryOptionReachesItsPlace) {
  Typed typed;
  typed.filter = {"tcp", "port", "80"};
  typed.namespaces = {"4711", "/run/netns/blue"};
  typed.count = "3";
  typed.limit = "10";
  typed.follow = "packet";
  typed.html = "a";
  typed.record = "b";
  typed.pcap = "c";
  typed.journey = true;
  const TraceOptions options = trace(typed);
  EXPECT_EQ(options.filter.text(), "tcp port 80");
  EXPECT_EQ(options.namespaces, typed.namespaces);
  EXPECT_EQ(options.count, 3U);
  EXPECT_EQ(options.limit, std::chrono::seconds(10));
  EXPECT_EQ(options.follow, Follow::packet);
  EXPECT_EQ(options.form, Form::journeys);
  EXPECT_EQ(options.html + options.record + options.pcap, "abc");
}

TEST(TraceOptions, AWordThatNoFilterHasIsMarked) {
  const std::string complaint = error_of({.filter = {"icmp", "and", "hots", "192.0.2.3"}});
  const size_t text = complaint.find('\n'), caret = complaint.find('\n', text + 1);
  ASSERT_NE(caret, complaint.npos) << complaint;
  const size_t column = complaint.find("hots", text + 1) - text;
  EXPECT_EQ(complaint.find('^', caret) - caret, column) << complaint;
}

TEST(TraceOptions, NumbersAreNumbers) {
  for (const char* bad : {"0", "-1", "x", "1.5", "99999999999999999999"}) {
    EXPECT_EQ(error_of({.count = bad}), std::string("--count ") + bad + ": is not a whole number from 1 on");
    EXPECT_EQ(error_of({.limit = bad}), std::string("--for ") + bad + ": is not a whole number from 1 on");
  }
  EXPECT_EQ(error_of({.follow = "socket"}), "--follow socket: is neither connection nor packet");
}

TEST(TraceOptions, OneFormOfStandardOutput) { EXPECT_NE(error_of({.journey = true, .json = true}), "taken"); }

TEST(TraceOptions, ARecordIsNotWatchedAgain) {
  EXPECT_EQ(error_of({.replay = "a"}), "taken");
  EXPECT_NE(error_of({.namespaces = {"all"}, .replay = "a"}), "taken");
  EXPECT_NE(error_of({.limit = "1", .replay = "a"}), "taken");
  EXPECT_NE(error_of({.follow = "packet", .replay = "a"}), "taken");
}

TEST(TraceOptions, StandardOutputMayBeThePageAlone) {
  EXPECT_EQ(trace({.html = "-"}).html, "-");
  EXPECT_NE(error_of({.html = "-", .journey = true}), "taken");
  EXPECT_NE(error_of({.html = "-", .json = true}), "taken");
  EXPECT_EQ(error_of({.record = "-"}), "--record -: it wants a file (./- is one of that name)");
  EXPECT_NE(error_of({.pcap = "-"}), "taken");
}

TEST(ProbeOptions, StandAlone) {
  const auto options = to_options({.json = true, .probe = true});
  ASSERT_TRUE(options);
  EXPECT_EQ(std::get<ProbeOptions>(*options).form, Form::json);
  EXPECT_NE(error_of({.filter = {"icmp"}, .probe = true}), "taken");
  EXPECT_NE(error_of({.replay = "a", .probe = true}), "taken");
}

}  // namespace
}  // namespace postern::trace_cli
