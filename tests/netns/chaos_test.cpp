// chaos_test.cpp - all at once against one postern: frames that no kernel sends, a control socket that is flooded, more flows
// than it carries, fewer descriptors than it needs. While it lasts nothing is promised; afterwards everything works as before.
//
//   host:   clients that say half a thing, nonsense, too much or nothing, and never read ─► @postern/UID/PID
//   guest:  postern-rawframe (garbage, knocks, fragments) ─► tap0      postern-probe: connections without end ─► remote
#include <fmt/format.h>

#include "guest_test.h"
#include "hostile_frames.h"

namespace postern::lab {
namespace {

using namespace std::chrono_literals;

/// A line every hundred connections, of which each waits unread.
constexpr std::string_view kControlFlood = R"(
import itertools, socket, sys
said = (b'{"execute":', b'garbage', b'{"execute":"list_flows"}', b'', b'{"execute":"' + b'x' * 9000)
held = []
for i in itertools.count(1):
    s = socket.socket(socket.AF_UNIX)
    s.setblocking(False)
    held = held[-300:] + [s]
    try:
        s.connect('\0' + sys.argv[1])
        s.send(said[i % len(said)])
    except OSError: pass  # the backlog is full, or it has hung up already
    if i % 100 == 0: print(i, flush=True)
)";

class Chaos : public GuestTest {
 protected:
  std::vector<Server> servers() const override { return {Server::http, Server::dns, Server::echo}; }

  std::string control_socket(const Guest& guest) const { return fmt::format("postern/{}/{}", kUserId, guest.postern().pid()); }

  void put_hostile_frames() const {
    constexpr uint32_t kSeed = 20261122;
    std::vector<Bytes> frames = garbage(kSeed, 2'000);
    const std::vector<Bytes> fragments = lone_fragments(200);
    frames.insert(frames.end(), fragments.begin(), fragments.end());
    for (const Knock& knock : knocks_at({Ipv4::of(127, 0, 0, 1), Ipv4::of(10, 0, 2, 2)}, Port{22})) {
      frames.insert(frames.end(), knock.frames.begin(), knock.frames.end());
    }
    const Command write = {.argv = {"sh", "-c", "cat > $TMPDIR/frames"}, .role = role(), .input = to_hex_lines(frames)};
    ASSERT_THAT(host().run(write), Succeeds());
  }

  /// Each goes on, and writes a line a round.
  std::vector<Process> attack(const Guest& guest) const {
    std::vector<Process> all;
    const auto add = [&all](Result<Process> started) {
      ASSERT_TRUE(started);
      all.push_back(*std::move(started));
    };
    add(host().spawn({.argv = {"python3", "-c", std::string(kControlFlood), control_socket(guest)}, .role = role()}));
    const auto endlessly = [](std::string_view round) { return fmt::format("while :; do {}; done", round); };
    for (const std::string& loop : {endlessly("postern-rawframe tap0 --stdin --wait-ms 0 < $TMPDIR/frames; echo sent"),
                                    endlessly("postern-probe --limit-ms 300 $LAB_REMOTE4 7 open=200 echo")}) {
      add(guest.spawn({.argv = {"sh", "-c", loop}}));
    }
    return all;
  }

  /// Every attacker has gone through some more rounds.
  static void await_rounds(std::vector<Process>& attackers) {
    constexpr auto kRounds = 3;
    const auto rounds = [](const Process& attacker) {
      const std::string out = attacker.out();
      return std::count(out.begin(), out.end(), '\n');
    };
    std::vector<ptrdiff_t> wanted;
    wanted.reserve(attackers.size());
    for (const Process& attacker : attackers) wanted.push_back(rounds(attacker) + kRounds);
    for (size_t i = 0; i < attackers.size(); ++i) {
      EXPECT_TRUE(wait_until([&] { return rounds(attackers[i]) >= wanted[i]; }, 60s)) << attackers[i].err();
      EXPECT_TRUE(attackers[i].running()) << attackers[i].err();
    }
  }

  uint64_t counter(const Guest& guest, std::string_view name) const {
    const Outcome asked = sh(fmt::format(
        "echo '{{\"execute\":\"counters\"}}' | socat -t 20 - ABSTRACT-CONNECT:{} | jq .return.{}", control_socket(guest), name));
    EXPECT_THAT(asked, Succeeds());
    return std::strtoull(asked.out.c_str(), nullptr, 10);
  }
};

TEST_F(Chaos, TheNetworkWorksAfterFramesClientsAndFlowsCameAtOnce) {
  ASSERT_NO_FATAL_FAILURE(put_hostile_frames());
  constexpr unsigned kFewFiles = 60;
  auto inside = guest({.options = {"--max-flows", "100"}, .before = "ulimit -n 200"});
  ASSERT_TRUE(inside);
  auto attackers = attack(*inside);
  await_rounds(attackers);  // ends at the limit of flows
  limit_files(*inside, kFewFiles);
  await_rounds(attackers);
  EXPECT_TRUE(wait_until([&] { return inside->open_sockets() + 15 >= kFewFiles; })) << "not all of its files are sockets";
  attackers.clear();

  const Command fetch = {.argv = {"curl", "-sS", "--max-time", "2", "http://192.0.2.2/"}};
  EXPECT_TRUE(wait_until([&] { return inside->run(fetch).out == kPageText; })) << "once the last connections are closed";
  EXPECT_EQ(inside->sh("dig +short @10.0.2.3 $LAB_DNS_NAME A").out, fmt::format("{}\n", kRemote4));
  for (const char* reason : {"malformed", "bad_checksum", "martian_destination", "host_alias", "fragment_limit"}) {
    EXPECT_GT(counter(*inside, fmt::format("drops.{}", reason)), 0U) << reason;
  }
  EXPECT_GT(counter(*inside, "fast_tcp.dropped_at_limit") + counter(*inside, "drops.flow_limit"), 0U);
  expect_no_spin(*inside);
  const std::string said = inside->postern().err();
  EXPECT_LE(std::count(said.begin(), said.end(), '\n'), 5) << said;
}

}  // namespace
}  // namespace postern::lab
