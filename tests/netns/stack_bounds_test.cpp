// stack_bounds_test.cpp - what happens at the limits: descriptors, flows, memory, nonsense. Postern turns some traffic away,
// stays awake only while there is something to do, and serves as before once there is room again.
#include <fmt/format.h>

#include <cstdlib>

#include "guest_test.h"
#include "hostile_frames.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using namespace std::chrono_literals;

constexpr unsigned kFewFiles = 40, kManyFiles = 1024;

class StackBounds : public GuestTest {
 protected:
  std::vector<Server> servers() const override { return {Server::echo}; }

  /// A client that goes on: it has taken all the steps before `hold` when this returns.
  static std::optional<Process> hold(Result<Process> client) {
    if (!client) {
      ADD_FAILURE() << client.error().message();
      return std::nullopt;
    }
    const auto steps_taken = [&] {
      const std::string out = client->out();
      return std::count(out.begin(), out.end(), '\n');
    };
    EXPECT_TRUE(wait_until([&] { return steps_taken() >= 2; })) << client->err();
    return std::move(*client);
  }

  /// Which leaves room for the queries' sockets.
  static bool is_fast() { return std::getenv("LAB_ENGINE") == nullptr; }

  static void expect_service(const Guest& guest) {
    EXPECT_EQ(guest.sh("postern-probe $LAB_REMOTE4 7 open=5 echo=1000").out, "open 5\necho 5\n");
    EXPECT_EQ(guest.sh("postern-probe --udp $LAB_REMOTE4 7 open=5 echo=1000").out, "open 5\necho 5\n");
  }
};

TEST_F(StackBounds, ARefusedDescriptorNumberIsGoodForTheNextConnection) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->sh("postern-probe $LAB_REMOTE4 99 refused=10000").out, "refused 10000\n");
  expect_service(*inside);
}

// ---- no more descriptors

TEST_F(StackBounds, WithoutDescriptorsConnectionsFailAndLaterOnesWork) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  limit_files(*inside, kFewFiles);
  auto client = hold(
      inside->spawn({.argv = {"postern-probe", "--limit-ms", "1000", std::string(kRemote4), "7", "open=60", "echo", "hold"}}));
  ASSERT_TRUE(client);
  EXPECT_THAT(client->out(), MatchesRegex("open [1-3][0-9] E[A-Z]+\necho [1-3][0-9]\n"));
  expect_no_spin(*inside);
  client->signal(SIGUSR1);
  EXPECT_TRUE(client->wait());
  ASSERT_TRUE(wait_until([&] { return inside->open_sockets() < 10; }));
  expect_service(*inside);
}

TEST_F(StackBounds, WithoutDescriptorsDatagramsAreLostAndLaterOnesAreNot) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  limit_files(*inside, kFewFiles);
  // It finds all of them at once when it goes on: an answer to the first ones would make room for the last.
  ASSERT_THAT(sh(fmt::format("kill -STOP {}", inside->postern().pid())), Succeeds());
  auto client = hold(inside->spawn({.argv = {"postern-probe", "--udp", "--limit-ms", "1000", std::string(kRemote4), "7",
                                             "open=60", "say=1", "hold", "hear"}}));
  ASSERT_THAT(sh(fmt::format("kill -CONT {}", inside->postern().pid())), Succeeds());
  ASSERT_TRUE(client);
  client->signal(SIGUSR1);
  EXPECT_TRUE(client->wait());
  EXPECT_THAT(client->out(), MatchesRegex("open 60\nsay 60\nhold 0\nhear [1-3][0-9] ETIMEDOUT\n"));
  expect_no_spin(*inside);
  limit_files(*inside, kManyFiles);
  EXPECT_EQ(inside->sh("postern-probe --udp --limit-ms 1000 $LAB_REMOTE4 7 open=60 echo").out, "open 60\necho 60\n");
}

// ---- no more flows

TEST_F(StackBounds, AFlowBeyondTheLimitWaitsUntilAnotherEnds) {
  const auto inside = guest({.options = {"--max-flows", "20"}});
  ASSERT_TRUE(inside);
  const size_t idle = inside->open_sockets();
  const Outcome flows = inside->sh("postern-probe --limit-ms 2000 $LAB_REMOTE4 7 open=20 echo open close=5 echo open=5 echo");
  EXPECT_EQ(flows.out, "open 20\necho 20\nopen 0 ETIMEDOUT\nclose 5\necho 15\nopen 5\necho 20\n");
  auto client = hold(
      inside->spawn({.argv = {"postern-probe", "--limit-ms", "2000", std::string(kRemote4), "7", "open=60", "echo", "hold"}}));
  ASSERT_TRUE(client);
  EXPECT_EQ(client->out(), "open 20 ETIMEDOUT\necho 20\n");
  EXPECT_EQ(inside->open_sockets(), idle + 20);
  expect_no_spin(*inside);
}

TEST_F(StackBounds, DatagramSocketsCountAsFlows) {
  const auto inside = guest({.options = {"--max-flows", "20"}});
  ASSERT_TRUE(inside);
  const size_t idle = inside->open_sockets();
  // libslirp turns the 40 last ones away; in the fast engine who has been answered makes room for them.
  EXPECT_THAT(inside->sh("postern-probe --udp --limit-ms 1000 $LAB_REMOTE4 7 open=60 echo echo").out,
              MatchesRegex("open 60\necho [2-6][0-9]( ETIMEDOUT)?\necho [2-6][0-9]( ETIMEDOUT)?\n"));
  EXPECT_EQ(inside->open_sockets(), idle + 20);
}

TEST_F(StackBounds, TheLimitOnFilesBoundsTheFlows) {
  const auto inside = guest({.before = "ulimit -n 200"});
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->sh("postern-probe --limit-ms 1000 $LAB_REMOTE4 7 open=200 echo").out,
            is_fast() ? "open 119 ETIMEDOUT\necho 119\n" : "open 136 ETIMEDOUT\necho 136\n");
}

TEST_F(StackBounds, MoreFlowsThanDescriptorsAreRefusedAtTheStart) {
  const Outcome outcome = sh("ulimit -n 100 && exec postern run --max-flows 1000 -- true");
  EXPECT_THAT(outcome, EndsWithStatus(125));
  EXPECT_THAT(outcome.err,
              AllOf(IsOneLine(), HasSubstr("--max-flows 1000"), HasSubstr(is_fast() ? "ulimit -n 1189" : "ulimit -n 1064")));
}

// What libslirp keeps for 10 s (TIME-WAIT) is what it closed first; so the server inside ends before its clients do.
class PublishedBounds : public StackBounds {
 protected:
  std::optional<Guest> publishing_guest(std::vector<std::string> options = {}) {
    options.insert(options.end(), {"-p", "5000:7"});
    return guest({.options = std::move(options)});
  }

  /// 60 clients come at once; so many as `pattern` says are served, and all is well when they have gone.
  void expect_limited_service(const Guest& inside, std::string_view pattern) {
    const size_t idle = inside.open_sockets();
    auto server = serve(inside, {"postern-echo", "7"});
    auto clients = hold(remote().spawn(
        {.argv = {"postern-probe", "--limit-ms", "1000", std::string(kHost4), "5000", "open=60", "echo", "hold"}}));
    ASSERT_TRUE(server && clients);
    EXPECT_THAT(clients->out(), MatchesRegex(std::string(pattern)));
    expect_no_spin(inside);
    const size_t served = inside.open_sockets() - idle;
    server->kill();
    const std::string ended = fmt::format("test $(ss -Htn state close-wait dport = :5000 | wc -l) -ge {}", served);
    EXPECT_TRUE(wait_until([&] { return remote().sh(ended).ok(); }));
    clients->signal(SIGUSR1);
    const char* all_accepted = "test $(ss -Hltn sport = :5000 | awk '{ print $2 }') = 0";
    // What was not accepted at the limit has its turn when libslirp's TIME-WAIT of 10 s has made room, and another one after it.
    EXPECT_TRUE(wait_until([&] { return host().sh(all_accepted).ok() && inside.open_sockets() == idle; }, 3 * kPatience));
    server = serve(inside, {"postern-echo", "7"});
    ASSERT_TRUE(server);
    EXPECT_EQ(remote().sh("postern-probe $LAB_HOST4 5000 open echo").out, "open 1\necho 1\n");
  }
};

TEST_F(PublishedBounds, WithoutDescriptorsAPublishedPortRestsAndLaterServes) {
  const auto inside = publishing_guest();
  ASSERT_TRUE(inside);
  limit_files(*inside, static_cast<unsigned>(inside->open_sockets()) + kFewFiles);
  expect_limited_service(*inside, "open 60\necho [1-3][0-9] ETIMEDOUT\n");
}

TEST_F(PublishedBounds, BeyondTheLimitOfFlowsAPublishedPortWaits) {
  const auto inside = publishing_guest({"--max-flows", "20"});
  ASSERT_TRUE(inside);
  expect_limited_service(*inside, "open 60\necho 20 ETIMEDOUT\n");
}

// ---- no end

TEST_F(StackBounds, WithoutItsTapPosternSleeps) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  ASSERT_THAT(inside->run({"ip", "link", "delete", "tap0"}), Succeeds());
  ASSERT_TRUE(wait_until([&] { return inside->postern().err().find("TAP was deleted") != std::string::npos; }));
  expect_no_spin(*inside);
}

// ---- nonsense

TEST_F(StackBounds, FragmentsThatNeverEndAreForgotten) {
  const auto inside = guest({.options = {"--mtu", "1500"}, .before = kReuseMemory});
  ASSERT_TRUE(inside);
  expect_service(*inside);
  const size_t before = inside->resident_bytes();
  constexpr size_t kFragments = 6'000;  // 9 MB of them
  const Command flood = {.argv = {"postern-rawframe", "tap0", "--stdin", "--wait-ms", "0"},
                         .input = to_hex_lines(lone_fragments(kFragments))};
  ASSERT_THAT(inside->run(flood), EndsWithStatus(1));
  EXPECT_EQ(inside->sh("postern-probe --udp $LAB_REMOTE4 7 open=3 echo=8192").out, "open 3\necho 3\n");
  EXPECT_LT(inside->resident_bytes(), before + (4 << 20));
}

TEST_F(StackBounds, GarbageIsSurvived) {
  auto inside = guest();
  ASSERT_TRUE(inside);
  constexpr uint32_t kSeed = 20260722;
  const Command flood = {.argv = {"postern-rawframe", "tap0", "--stdin", "--wait-ms", "0"},
                         .input = to_hex_lines(garbage(kSeed, 10'000))};
  ASSERT_THAT(inside->run(flood), EndsWithStatus(1));
  expect_service(*inside);
  EXPECT_THAT(inside->postern().err(), IsEmpty());
}

}  // namespace
}  // namespace postern::lab
