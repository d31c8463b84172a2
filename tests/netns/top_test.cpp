// top_test.cpp - who watches a running postern: `postern top` for programs, as text and at a terminal; `postern status
// --prometheus`.
//
//   guest: nc, postern-probe ──► postern run ──► remote: echo, port 7
//   host:  postern top, status ──► its control socket
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "guest_test.h"
#include "terminal.h"

namespace postern::lab {
namespace {

using Json = nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

constexpr std::string_view kEnter = "\x1b[?1049h", kLeave = "\x1b[?1049l";

class Top : public GuestTest {
 protected:
  std::vector<Server> servers() const override { return {Server::echo}; }

  Outcome postern(const Guest& guest, std::string_view words) const {
    return sh(fmt::format("postern {} --pid {}", words, guest.postern().pid()));
  }
  /// Of each line of `postern top --json`.
  std::vector<Json> samples(const Guest& guest, std::string_view options) const {
    const Outcome told = postern(guest, fmt::format("top --json {}", options));
    EXPECT_THAT(told, Succeeds());
    std::vector<Json> all;
    for (std::string_view rest = told.out; !rest.empty(); rest.remove_prefix(std::min(rest.find('\n') + 1, rest.size()))) {
      all.push_back(Json::parse(rest.substr(0, rest.find('\n')), nullptr, false));
      EXPECT_TRUE(all.back().is_object()) << rest;
    }
    return all;
  }
  /// The one to the remote's port 7; null: there is none.
  static Json echo_of(const Json& sample, std::string_view protocol) {
    for (const Json& flow : sample.at("flows")) {
      if (flow.at("proto") == protocol && flow.value("remote_port", 0) == 7) return flow;
    }
    return nullptr;
  }
  /// Bytes without end, there and back, that have begun to move.
  std::optional<Process> keep_busy(const Guest& guest) const {
    auto busy = guest.spawn({.argv = {"sh", "-c", fmt::format("cat /dev/zero | nc {} 7 > /dev/null", kRemote4)}});
    if (!busy) return std::nullopt;
    const bool moves = wait_until([&] {
      const auto seen = samples(guest, "--count 1");
      const Json flow = seen.empty() ? Json() : echo_of(seen.front(), "tcp");
      return !flow.is_null() && flow.value("carried_to_guest", 0) > 0;
    });
    EXPECT_TRUE(moves);
    return std::move(*busy);
  }
  void expect_flow_seen(const Guest& guest);
};

void Top::expect_flow_seen(const Guest& guest) {
  const auto seen = samples(guest, "--count 2 --interval 0.2");
  ASSERT_EQ(seen.size(), 2u);
  const Json before = echo_of(seen[0], "tcp"), now = echo_of(seen[1], "tcp");
  ASSERT_TRUE(before.is_object() && now.is_object());
  EXPECT_FALSE(before.contains("rate_to_remote")) << "there is nothing to compare the first with";
  const double seconds = seen[1].at("seconds");
  for (const std::string way : {"to_guest", "to_remote"}) {
    const double more = now.at("carried_" + way).get<double>() - before.at("carried_" + way).get<double>();
    EXPECT_GT(more, 0) << way;
    EXPECT_NEAR(now.at("rate_" + way).get<double>() * seconds, more, 1) << way;
  }
  EXPECT_EQ(now.at("state"), "ESTABLISHED");
  EXPECT_EQ(now.at("direction"), "outbound");
  EXPECT_EQ(now.at("guest_addr"), "10.0.2.100");
  EXPECT_EQ(now.at("remote_addr"), kRemote4);
  EXPECT_EQ(now.at("host_addr"), kHost4);
  EXPECT_GT(now.at("rtt_remote_us"), 0);
  const std::string sockets = host().sh(fmt::format("ss -Htn sport = :{}", now.at("host_port").get<int>())).out;
  EXPECT_THAT(sockets, HasSubstr(fmt::format("{}:7", kRemote4))) << "the mapping is what the host's kernel knows";
}

// ---- for programs, and without a terminal

TEST_F(Top, ShowsAFlowWithItsMappingBytesAndRates) {
  const auto inside = guest({.options = {"--engine", "fast"}});
  ASSERT_TRUE(inside);
  const auto busy = keep_busy(*inside);
  ASSERT_TRUE(busy);
  expect_flow_seen(*inside);
  const auto seen = samples(*inside, "--count 2 --interval 0.1 --sort bytes");
  ASSERT_EQ(seen.size(), 2u);
  const Json flow = echo_of(seen[1], "tcp");
  EXPECT_GT(flow.at("rtt_guest_us"), 0);
  EXPECT_GE(flow.at("age_ms"), 0);
  EXPECT_GT(seen[1].at("rate_to_remote"), 0);
  EXPECT_GT(seen[1].at("frames_from_guest_rate"), 0);
  EXPECT_EQ(seen[1].at("pid"), inside->postern().pid());
}

TEST_F(Top, OfLibslirpsFlowsTheKernelKnowsSome) {
  const auto inside = guest({.options = {"--engine", "libslirp"}});
  ASSERT_TRUE(inside);
  const auto busy = keep_busy(*inside);
  ASSERT_TRUE(busy);
  expect_flow_seen(*inside);
}

TEST_F(Top, CountsTheDatagramsOfASocket) {
  const auto inside = guest({.options = {"--engine", "fast"}});
  ASSERT_TRUE(inside);
  EXPECT_THAT(inside->run({"postern-probe", "--udp", std::string(kRemote4), "7", "open", "echo"}).out, HasSubstr("echo 1\n"));
  const auto seen = samples(*inside, "--count 1");
  ASSERT_EQ(seen.size(), 1u);
  const Json flow = echo_of(seen[0], "udp");
  ASSERT_TRUE(flow.is_object());
  EXPECT_GT(flow.at("carried_to_remote"), 0);
  EXPECT_EQ(flow.at("carried_to_guest"), flow.at("carried_to_remote"));
  EXPECT_FALSE(flow.contains("rtt_remote_us"));
}

TEST_F(Top, WithoutATerminalEachSampleIsABlockOfText) {
  const auto inside = guest({.options = {"--engine", "fast"}});
  ASSERT_TRUE(inside);
  const auto busy = keep_busy(*inside);
  ASSERT_TRUE(busy);
  const Outcome told = postern(*inside, "top --count 2 --interval 0.1");
  ASSERT_THAT(told, Succeeds());
  EXPECT_THAT(told.out,
              AllOf(HasSubstr(fmt::format("PID {}, fast", inside->postern().pid())), HasSubstr(fmt::format("{}:7", kRemote4)),
                    HasSubstr("10.0.2.100:"), HasSubstr(fmt::format("{}:", kHost4)), HasSubstr("ESTABLISHED")));
  const size_t second = told.out.find("\n\npostern ");
  ASSERT_NE(second, told.out.npos) << told.out;
  EXPECT_THAT(told.out.substr(0, second), Not(HasSubstr("B/s")));
  EXPECT_THAT(told.out.substr(second), HasSubstr("B/s"));
  EXPECT_THAT(told.out, Not(HasSubstr("\x1b")));
}

TEST_F(Top, EndsWellWithTheOneThatIsWatched) {
  auto inside = guest();
  ASSERT_TRUE(inside);
  const pid_t pid = inside->postern().pid();
  Process watching = start_sh(fmt::format("exec postern top --interval 0.05 --pid {}", pid));
  ASSERT_TRUE(says(watching, "\n\npostern "));
  ASSERT_THAT(host().sh(fmt::format("kill {}", pid)), Succeeds());
  EXPECT_EQ(watching.wait(), 0);
  EXPECT_EQ(watching.err(), fmt::format("postern: PID {} has ended\n", pid));
}

TEST_F(Top, AReaderWhoHasGoneEndsItWithoutAWord) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  const Outcome told = sh("{ postern top --interval 0.05; echo $? >&2; } | head -n 1");
  EXPECT_EQ(told.err, "0\n");
}

TEST_F(Top, WhereNobodyRunsThatIsAFailure) {
  const Outcome told = sh("postern top --count 1");
  EXPECT_EQ(told.status, 1);
  EXPECT_THAT(told.err, IsOneLine());
}

// ---- at a terminal

class TopAtTerminal : public Top {
 protected:
  void SetUp() override {
    Top::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    inside_ = guest();
    ASSERT_TRUE(inside_);
    const Command command{.argv = {"postern", "top", "--interval", "0.05", "--pid", std::to_string(inside_->postern().pid())},
                          .role = role()};
    terminal_.emplace(host(), command, "xterm");
    ASSERT_TRUE(terminal_->shows(kEnter));
    ASSERT_TRUE(terminal_->shows(fmt::format("PID {}", inside_->postern().pid())));
  }
  /// It has ended, and the terminal is as it was.
  void expect_given_back(int status) {
    EXPECT_TRUE(terminal_->shows(kLeave)) << terminal_->shown();
    EXPECT_EQ(terminal_->program().wait(), status);
    EXPECT_TRUE(terminal_->is_as_it_was());
  }
  std::optional<Guest> inside_;
  std::optional<Terminal> terminal_;
};

TEST_F(TopAtTerminal, IsDrawnInPlaceUntilQ) {
  EXPECT_TRUE(terminal_->shows("\x1b[H"));
  EXPECT_TRUE(terminal_->shows("\x1b[H")) << "again and again";
  EXPECT_FALSE(terminal_->is_as_it_was());
  terminal_->type("q");
  expect_given_back(0);
}

TEST_F(TopAtTerminal, GivesTheTerminalBackWhateverEndsIt) {
  terminal_->type("\x03");
  expect_given_back(0);
}

TEST_F(TopAtTerminal, ASignalEndsItToo) {
  terminal_->program().signal(SIGTERM);
  expect_given_back(0);
}

TEST_F(TopAtTerminal, EvenACrashGivesTheTerminalBack) {
  terminal_->program().signal(SIGSEGV);
  expect_given_back(128 + SIGSEGV);
}

TEST_F(TopAtTerminal, TheEndOfTheWatchedIsToldOnTheOldScreen) {
  const pid_t pid = inside_->postern().pid();
  ASSERT_THAT(host().sh(fmt::format("kill {}", pid)), Succeeds());
  EXPECT_TRUE(terminal_->shows(kLeave));
  EXPECT_TRUE(terminal_->shows(fmt::format("PID {} has ended", pid)));
  EXPECT_EQ(terminal_->program().wait(), 0);
}

TEST_F(TopAtTerminal, FitsTheWidthThatItGets) {
  terminal_->resize(20, 6);
  EXPECT_TRUE(terminal_->shows("~")) << "the first line is longer than 20";
  terminal_->type("q");
  expect_given_back(0);
}

TEST_F(TopAtTerminal, StoppedItGivesTheTerminalBackAndTakesItAgain) {
  terminal_->program().signal(SIGTSTP);
  EXPECT_TRUE(terminal_->shows(kLeave));
  EXPECT_TRUE(wait_until([&] { return terminal_->is_as_it_was(); }));
  terminal_->program().signal(SIGCONT);
  EXPECT_TRUE(terminal_->shows(kEnter));
  EXPECT_TRUE(terminal_->shows("\x1b[H"));
  terminal_->type("q");
  expect_given_back(0);
}

// ---- metrics

TEST_F(Top, MetricsHaveTheDropsByReason) {
  const auto inside = guest({.options = {"--engine", "fast"}});
  ASSERT_TRUE(inside);
  ASSERT_EQ(inside->run({"postern-rawframe", "tap0", "--wait-ms", "0", "--udp", "127.0.0.1", "9", "--payload", "x"}).status, 1);
  const std::string labels = fmt::format(R"(pid="{}",engine="fast")", inside->postern().pid());
  const std::string wanted = fmt::format("postern_drops_total{{{},reason=\"martian_destination\"}} 1\n", labels);
  Outcome told;
  EXPECT_TRUE(wait_until([&] {
    told = postern(*inside, "status --prometheus");
    return told.out.find(wanted) != std::string::npos;
  })) << told.out;
  EXPECT_THAT(told.out,
              AllOf(HasSubstr("# TYPE postern_drops_total counter\n"), HasSubstr(fmt::format("\npostern_flows{{{}}} ", labels))));
  EXPECT_EQ(postern(*inside, "status --prometheus --json").status, 2);
}

}  // namespace
}  // namespace postern::lab
