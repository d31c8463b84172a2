// own_trace_test.cpp - what the relay of a running postern tells of packets over its control socket: where they go, by which
// socket of the host, why they go no further.
//
//   guest ── tap0 ═══ relay ── eth0 ── remote        an ordinary user's, without any privilege
//                      │ control socket
//                      └──► a client: {"execute":"trace"}, and a line an event
#include <fmt/format.h>

#include "guest_test.h"

namespace postern::lab {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using namespace std::chrono_literals;

/// Says "up" when the trace is granted, then a line an event; or the error. Arguments: address, filter.
constexpr std::string_view kClient = R"(
import json, os, socket, sys, time
name = sys.argv[1]
s = socket.socket(socket.AF_UNIX)
s.connect('\0' + name[1:] if name[0] == '@' else name)
s.sendall(json.dumps({'execute': 'trace', 'arguments': {'filter': sys.argv[2]}}).encode())
lines = s.makefile()
first = lines.readline()
if 'return' not in first:
    print('refused', first)
    sys.exit(1)
print('up', flush=True)
while len(sys.argv) > 3 and not os.path.exists(sys.argv[3]): time.sleep(0.01)
def end(e): return '%s:%d' % (e['address'], e['port'])
for line in lines:
    e = json.loads(line)
    if 'lost' in e:
        print('lost', e['lost'], flush=True)
        continue
    words = [e['point'], 'inode=%s' % e.get('netns', {}).get('inode'), 'device=%s' % e.get('device', {}).get('name')]
    if 'engine' in e: words.append('engine=' + e['engine'])
    if 'drop' in e: words.append('reason=' + e['drop']['reason'])
    if 'mapping' in e: words.append('local=%s remote=%s' % (end(e['mapping']['local']), end(e['mapping']['remote'])))
    p = e.get('packet', {})
    words.append('%s>%s' % (p.get('source'), p.get('destination')))
    if 'tcp' in p: words.append(p['tcp']['flags'])
    print(*words, flush=True)
)";

class OwnTrace : public GuestTest {
 protected:
  std::vector<Server> servers() const override { return {Server::http, Server::echo}; }
  Command client(std::string address, std::string filter, std::string wait_for = "") const {
    Command command{
        .argv = {"python3", "-c", std::string(kClient), std::move(address), std::move(filter)}, .role = role(), .limit = 60s};
    if (!wait_for.empty()) command.argv.push_back(std::move(wait_for));
    return command;
  }
  std::string name_of(const Guest& guest) const {
    return fmt::format("@postern/{}/{}", role() == Role::user ? kUserId : 0, guest.postern().pid());
  }
  std::optional<Process> trace(const Guest& guest, std::string filter, std::string wait_for = "") const {
    auto started = host().spawn(client(name_of(guest), std::move(filter), std::move(wait_for)));
    if (!started || !says(*started, "up")) {
      ADD_FAILURE() << (started ? started->out() + started->err() : started.error().message());
      return std::nullopt;
    }
    return std::optional(*std::move(started));
  }
  static std::string inode_in(const Outcome& link) {  // "net:[4026531840]"
    const size_t begin = link.out.find('[') + 1;
    return link.out.substr(begin, link.out.find(']') - begin);
  }
};

class OwnTraceOf : public OwnTrace, public testing::WithParamInterface<const char*> {
 protected:
  std::optional<Guest> guest_of_engine() const { return guest({.options = {"--engine", GetParam()}}); }
};
INSTANTIATE_TEST_SUITE_P(Engine, OwnTraceOf, testing::Values("fast", "libslirp"),
                         [](const auto& engine) { return std::string(engine.param); });

TEST_P(OwnTraceOf, AConnectionIsSeenFromTheTapToTheSocketThatTheHostShowsAndBack) {
  const auto inside = guest_of_engine();
  ASSERT_TRUE(inside);
  auto tracer = trace(*inside, "tcp port 80");
  ASSERT_TRUE(tracer);
  const auto connection = inside->spawn({.argv = {"sh", "-c", "sleep infinity | nc 192.0.2.2 80"}});
  ASSERT_TRUE(connection);
  std::string local;  // as the host's own kernel shows it
  ASSERT_TRUE(wait_until([&] {
    local = host().sh("ss -Htn state established dst 192.0.2.2:80 | awk '{printf $3}'").out;
    return !local.empty();
  }));
  ASSERT_TRUE(says(*tracer, "tap_out")) << tracer->out() << tracer->err();
  const std::string guest_inode = inode_in(host().sh(fmt::format("readlink /proc/{}/ns/net", connection->pid())));
  const std::string host_inode = inode_in(host().sh("readlink /proc/self/ns/net"));
  const std::string out = fmt::format("10.0.2.100>192.0.2.2 SYN\n"), back = "192.0.2.2>10.0.2.100 SYN,ACK\n";
  const std::string mapping = fmt::format("local={} remote=192.0.2.2:80", local);
  const std::string told = tracer->out();
  EXPECT_THAT(told, HasSubstr(fmt::format("tap_in inode={} device=tap0 {}", guest_inode, out)));
  EXPECT_THAT(told, HasSubstr(fmt::format("engine inode={} device=None engine={} {}", host_inode, GetParam(), out)));
  EXPECT_THAT(told, HasSubstr(fmt::format("host_socket inode={} device=None {} {}", host_inode, mapping, out)));
  EXPECT_THAT(told, HasSubstr(fmt::format("host_socket inode={} device=None {} {}", host_inode, mapping, back)));
  EXPECT_THAT(told, HasSubstr(fmt::format("tap_out inode={} device=tap0 {}", guest_inode, back)));
}

TEST_P(OwnTraceOf, AMartianDestinationIsADropWithItsReason) {
  const auto inside = guest_of_engine();
  ASSERT_TRUE(inside);
  auto tracer = trace(*inside, "host 127.0.0.1");
  ASSERT_TRUE(tracer);
  inside->run({"postern-rawframe", "tap0", "--syn", "127.0.0.1", "8080", "--wait-ms", "0"});
  ASSERT_TRUE(says(*tracer, "drop ")) << tracer->out() << tracer->err();
  EXPECT_THAT(tracer->out(), AllOf(HasSubstr("reason=martian_destination"), HasSubstr("tap_in"), Not(HasSubstr("engine="))));
}

TEST_P(OwnTraceOf, AnswersAreFollowedThoughTheFilterMeansOnlyTheQuestion) {
  const auto inside = guest_of_engine();
  ASSERT_TRUE(inside);
  auto tracer = trace(*inside, "icmp and src host 10.0.2.100");
  ASSERT_TRUE(tracer);
  ASSERT_THAT(inside->run({"ping", "-c", "1", "-W", "10", "192.0.2.2"}), Succeeds());
  ASSERT_TRUE(says(*tracer, "tap_out")) << tracer->out() << tracer->err();
  EXPECT_THAT(tracer->out(), AllOf(HasSubstr("10.0.2.100>192.0.2.2"), HasSubstr("192.0.2.2>10.0.2.100")));
}

TEST_F(OwnTrace, ADatagramHasTheAddressThatRoutingGivesItsSocket) {
  const auto inside = guest({.options = {"--engine", "fast"}});
  ASSERT_TRUE(inside);
  auto tracer = trace(*inside, "udp port 7");
  ASSERT_TRUE(tracer);
  ASSERT_EQ(inside->run({"postern-probe", "--udp", "192.0.2.2", "7", "open", "echo"}).out, "open 1\necho 1\n");
  ASSERT_TRUE(says(*tracer, "tap_out")) << tracer->out() << tracer->err();
  EXPECT_THAT(tracer->out(), AllOf(HasSubstr("local=192.0.2.1:"), HasSubstr("remote=192.0.2.2:7 ")));
}

TEST_F(OwnTrace, ARefusedPacketSaysWhyAndItsAnswerIsSeen) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  auto tracer = trace(*inside, "icmp");
  ASSERT_TRUE(tracer);
  inside->run({"ping", "-c", "1", "-W", "1", "-t", "1", "192.0.2.2"});
  ASSERT_TRUE(says(*tracer, "tap_out")) << tracer->out() << tracer->err();
  EXPECT_THAT(tracer->out(), AllOf(HasSubstr("reason=hop_limit"), HasSubstr("10.0.2.2>10.0.2.100")));
}

TEST_F(OwnTrace, AFilterThatIsNotUnderstoodIsAnErrorThatSaysWhere) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  const Outcome refused = host().run(client(name_of(*inside), "tcp prot 80"));
  EXPECT_THAT(refused, EndsWithStatus(1));
  EXPECT_THAT(refused.out, AllOf(HasSubstr("bad arguments.filter"), HasSubstr("\"offset\":4")));
}

TEST_F(OwnTrace, FourMayListenAtOnceAndWhoGoesMakesRoom) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  std::vector<Process> tracers;
  for (int i = 0; i < 4; ++i) {
    auto tracer = trace(*inside, "icmp");
    ASSERT_TRUE(tracer);
    tracers.push_back(*std::move(tracer));
  }
  EXPECT_THAT(host().run(client(name_of(*inside), "icmp")).out, HasSubstr("as many traces run as may"));
  tracers.pop_back();
  std::optional<Process> next;
  EXPECT_TRUE(wait_until([&] {
    auto started = host().spawn(client(name_of(*inside), "icmp"));
    if (!started || !says(*started, "up")) return false;
    next.emplace(*std::move(started));
    return true;
  }));
  ASSERT_THAT(inside->run({"ping", "-c", "1", "-W", "10", "192.0.2.2"}), Succeeds());
  EXPECT_TRUE(next && says(*next, "tap_out"));
  EXPECT_TRUE(says(tracers.front(), "tap_out"));
}

TEST_F(OwnTrace, WhoDoesNotReadLosesEventsWhichAreCountedAndTheNetworkGoesOn) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  auto tracer = trace(*inside, "tcp", "/run/lab/tmp/go");
  ASSERT_TRUE(tracer);
  EXPECT_THAT(inside->sh("for i in $(seq 120); do curl -sf http://192.0.2.2/ >/dev/null || exit 1; done"), Succeeds());
  EXPECT_EQ(inside->run({"curl", "-sf", "http://192.0.2.2/"}).out, kPageText);
  ASSERT_THAT(host().sh("touch /run/lab/tmp/go"), Succeeds());
  EXPECT_TRUE(says(*tracer, "lost ")) << tracer->err();
}

TEST_F(OwnTrace, TheWorkloadCannotListen) {
  const auto inside = guest({.options = {"--api-socket", "/run/lab/tmp/s"}});
  ASSERT_TRUE(inside);
  EXPECT_THAT(inside->run(client(name_of(*inside), "")).err, HasSubstr("ConnectionRefusedError"));
  const Outcome by_file = inside->run(client("/run/lab/tmp/s", ""));
  EXPECT_NE(by_file.status, 0);
  EXPECT_THAT(by_file.out, Not(HasSubstr("up")));
  auto tracer = host().spawn(client("/run/lab/tmp/s", ""));
  ASSERT_TRUE(tracer);
  EXPECT_TRUE(says(*tracer, "up")) << "nor can anybody else: " << tracer->out() << tracer->err();
}

}  // namespace
}  // namespace postern::lab
