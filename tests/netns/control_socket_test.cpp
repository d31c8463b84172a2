// control_socket_test.cpp - a running postern is driven: by slirp4netns's protocol, by `postern ports` and `status`, and by
// clients that are slow, many, wrong, or not allowed to.
//
//   host: socat, python3, postern ports ──► @postern/UID/PID or a file ──► postern run ─── guest
//   guest: the same programs ─────────────────────── X
#include <fmt/format.h>

#include "guest_test.h"
#include "lab_files.h"

namespace postern::lab {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using namespace std::chrono_literals;

/// Before each script: ask() sends its pieces as they are and returns all that comes; S is an address as a command line has it.
constexpr std::string_view kPython = R"(
import os, socket, sys, time
def address():
    name = sys.argv[1]
    return '\0' + name[1:] if name[0] == '@' else name
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.connect(address())  # waits while the backlog is full
    s.settimeout(20)
    return s
def read(s):
    all = b''
    while True:
        part = s.recv(65536)
        if not part: return all.decode()
        all += part
def ask(*pieces):
    s = connect()
    try:
        for piece in pieces:
            s.sendall(piece)
            time.sleep(0)
    except BrokenPipeError: pass  # it was answered before all was sent
    return read(s)
LIST = b'{"execute":"list_hostfwd"}'
EMPTY = '{"return":{"entries":[]},"entries":[]}'
)";

class ControlSocket : public GuestTest {
 protected:
  std::vector<Server> servers() const override { return {Server::http}; }
  std::string name_of(const Guest& guest) const {
    return fmt::format("@postern/{}/{}", role() == Role::user ? kUserId : 0, guest.postern().pid());
  }
  Command python(std::string_view script, std::string address) const {
    return {.argv = {"python3", "-c", fmt::format("{}\n{}", kPython, script), std::move(address)}, .role = role(), .limit = 60s};
  }
  Outcome py(std::string_view script, const Guest& guest) const { return host().run(python(script, name_of(guest))); }
  std::string ask(const Guest& guest, std::string_view request) const {
    return py(fmt::format("print(ask(b'''{}'''))", request), guest).out;
  }
  /// A client that goes on; it has said "up" when this returns.
  std::optional<Process> start_py(std::string_view script, const Guest& guest) const {
    auto started = host().spawn(python(script, name_of(guest)));
    if (!started || !says(*started, "up")) {
      ADD_FAILURE() << (started ? started->err() : started.error().message());
      return std::nullopt;
    }
    return std::optional(*std::move(started));
  }
};

class ControlSocketAs : public ControlSocket, public testing::WithParamInterface<Role> {
 protected:
  Role role() const override { return GetParam(); }
};
FOR_USER_AND_ROOT(ControlSocketAs);

// ---- the protocol

TEST_P(ControlSocketAs, PublishesListsAndRemovesInSlirp4netnsWords) {
  const auto inside = guest({.options = {"--api-socket", "/run/lab/tmp/s"}});
  ASSERT_TRUE(inside);
  const auto web = serve(*inside, {"busybox", "httpd", "-f", "-p", "80"});
  ASSERT_TRUE(web);
  const auto socat = [this](std::string_view request) {
    return sh(fmt::format("printf '%s\\n' '{}' | socat - UNIX-CONNECT:/run/lab/tmp/s", request)).out;
  };
  const std::string_view entry =
      R"({"id":1,"proto":"tcp","host_addr":"0.0.0.0","host_port":8080,"guest_addr":"10.0.2.100","guest_port":80})";
  EXPECT_EQ(socat(R"({"execute":"add_hostfwd","arguments":{"proto":"tcp","host_addr":"","host_port":8080,"guest_addr":"",)"
                  R"("guest_port":80}})"),
            R"({"return":{"id":1}})");
  EXPECT_EQ(socat(R"({"execute":"list_hostfwd"})"), fmt::format(R"({{"return":{{"entries":[{0}]}},"entries":[{0}]}})", entry));
  EXPECT_EQ(remote().run({"postern-probe", "192.0.2.1", "8080", "open"}).out, "open 1\n");
  EXPECT_EQ(socat(R"({"execute":"remove_hostfwd","arguments":{"id":1}})"), R"({"return":{}})");
  EXPECT_EQ(remote().run({"postern-probe", "192.0.2.1", "8080", "open"}).out, "open 0 ECONNREFUSED\n");
  EXPECT_EQ(socat(R"({"execute":"list_hostfwd"})"), R"({"return":{"entries":[]},"entries":[]})");
}

TEST_F(ControlSocket, NamesTheErrnoOfAPortThatCannotBeHad) {
  const auto inside = guest({.options = {"-p", "8080:80", "-p", "7000:7/udp", "--no-ipv6"}});
  ASSERT_TRUE(inside);
  const auto add = [&](std::string_view arguments) {
    return ask(*inside, fmt::format(R"({{"execute":"add_hostfwd","arguments":{{{},"guest_port":80}}}})", arguments));
  };
  constexpr const char* kFailed = R"("desc":"bad request: add_hostfwd: slirp_add_hostfwd failed")";
  EXPECT_THAT(add(R"("proto":"tcp","host_port":8080)"), AllOf(HasSubstr(kFailed), HasSubstr(R"("errno":"EADDRINUSE")")));
  EXPECT_THAT(add(R"("proto":"udp","host_port":7000)"), HasSubstr(R"("errno":"EADDRINUSE")"));
  EXPECT_THAT(add(R"("proto":"tcp","host_port":79)"), HasSubstr(R"("errno":"EACCES")"));
  EXPECT_THAT(add(R"("proto":"tcp","host_addr":"203.0.113.9","host_port":8081)"), HasSubstr(R"("errno":"EADDRNOTAVAIL")"));
  EXPECT_THAT(add(R"("proto":"tcp","host_addr":"::","host_port":8081)"), HasSubstr(R"("errno":"EAFNOSUPPORT")"));
  EXPECT_THAT(add(R"("host_port":8081)"), HasSubstr("bad arguments.proto")) << "slirp4netns crashes here";
  EXPECT_THAT(add(R"("proto":"tcp","host_port":70000)"), HasSubstr("bad arguments.host_port")) << "slirp4netns binds 4464";
}

TEST_F(ControlSocket, ChoosesAFreePortForPortZero) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  const auto echo = serve(*inside, {"postern-echo", "7"});
  ASSERT_TRUE(echo);
  for (const std::string udp : {"", "--udp"}) {
    const Outcome outcome = py(fmt::format(R"(
import json
request = {{'execute': 'add_hostfwd', 'arguments': {{'proto': '{}', 'host_port': 0, 'guest_port': 7}}}}
print(json.loads(ask(json.dumps(request).encode()))['return']['host_port']))",
                                           udp.empty() ? "tcp" : "udp"),
                               *inside);
    ASSERT_THAT(outcome, Succeeds());
    const std::string probe = fmt::format("postern-probe {} 192.0.2.1 {} open echo", udp, std::stoi(outcome.out));
    EXPECT_EQ(remote().sh(probe).out, "open 1\necho 1\n");
  }
}

TEST_F(ControlSocket, ListsTheFlows) {
  const auto inside = guest({.options = {"-p", "5000:7"}});
  ASSERT_TRUE(inside);
  const auto echo = serve(*inside, {"postern-echo", "7"});
  ASSERT_TRUE(echo);
  const auto outbound = inside->spawn({.argv = {"sh", "-c", "sleep infinity | nc 192.0.2.2 80"}});
  const auto inbound = remote().spawn({.argv = {"sh", "-c", "sleep infinity | nc 192.0.2.1 5000"}});
  std::string flows;
  EXPECT_TRUE(wait_until([&] {
    flows = ask(*inside, R"({"execute":"list_flows"})");
    return flows.find(R"("total":2)") != std::string::npos;
  })) << flows;
  EXPECT_THAT(flows, HasSubstr(R"("direction":"outbound","state":"ESTABLISHED","guest_addr":"10.0.2.100")"));
  EXPECT_THAT(flows, HasSubstr(R"("remote_addr":"192.0.2.2","remote_port":80,"host_addr":"192.0.2.1")"));
  EXPECT_THAT(flows, HasSubstr(R"("direction":"inbound","state":"ESTABLISHED","guest_addr":"10.0.2.100","guest_port":7)"));
}

// ---- the wire

TEST_F(ControlSocket, AnswersOnceAValueIsWholeAndEndsTheConnection) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  const Outcome outcome = py(R"(
BAD = '{"error":{"desc":"bad request: %s"}}'
assert ask(LIST) == EMPTY                                   # without waiting for the end of input
assert ask(*[LIST[i:i+1] for i in range(len(LIST))]) == EMPTY
assert ask(LIST + b'\n') == EMPTY
assert ask(LIST + b'{"execute":"x"} and more') == EMPTY
assert ask(LIST.ljust(4095)) == EMPTY
assert ask(LIST.ljust(4096)) == BAD % 'too large message'
assert ask(b'{"execute":"' + b'x' * 100000) == BAD % 'too large message'
assert ask(b'{nonsense') == BAD % 'cannot parse JSON'
assert ask(b'[]') == BAD % 'json_object() failed'
for beginning in b'', b'{', LIST[:-1]:
    s = connect(); s.sendall(beginning); s.shutdown(socket.SHUT_WR)
    assert read(s) == BAD % 'cannot parse JSON', beginning
s = connect(); s.sendall(LIST); s.shutdown(socket.SHUT_WR)
assert read(s) == EMPTY
s = connect(); s.sendall(LIST); s.close()                   # who asks and does not listen
assert ask(LIST) == EMPTY
)",
                             *inside);
  EXPECT_THAT(outcome, Succeeds());
}

TEST_F(ControlSocket, SendsAWholeListToASlowReader) {
  const auto inside = guest({.options = {"-p", "20000-22999:20000"}, .before = "ulimit -n 4096"});
  ASSERT_TRUE(inside);
  const Outcome outcome = py(R"(
import json
s = connect(); s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096); s.sendall(LIST)
assert ask(b'{}') != ''                                     # it waits alone
reply = json.loads(read(s))
assert len(reply['entries']) == 3000 and reply['return']['entries'] == reply['entries']
)",
                             *inside);
  EXPECT_THAT(outcome, Succeeds());
}

TEST_F(ControlSocket, LetsTrafficAndOthersPassWhileClientsSayNothing) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  const auto idle =
      start_py("all = [connect() for i in range(20)]; all[0].sendall(b'{'); print('up', flush=True); time.sleep(1000)", *inside);
  ASSERT_TRUE(idle);
  EXPECT_EQ(inside->run({"curl", "-sS", "--max-time", "10", "http://192.0.2.2/"}).out, kPageText);
  EXPECT_THAT(ask(*inside, R"({"execute":"list_hostfwd"})"), HasSubstr("entries"));
}

TEST_F(ControlSocket, MakesRoomForANewClientByEndingTheOldestIdleOne) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  const Outcome outcome = py(R"(
all = [connect() for i in range(200)]
assert ask(LIST) == EMPTY
assert read(all[0]) == ''
all[-1].sendall(LIST)
assert read(all[-1]) == EMPTY
)",
                             *inside);
  EXPECT_THAT(outcome, Succeeds());
  EXPECT_LE(inside->open_sockets(), 64U);
}

TEST_F(ControlSocket, EndsAClientWhoseTimeIsUp) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  const Outcome outcome = py("s = connect(); s.sendall(b'{'); sys.stdout.write(read(s))", *inside);
  EXPECT_THAT(outcome.out, HasSubstr("ETIMEDOUT"));
}

TEST_F(ControlSocket, StandsAFloodOfConnectionsDuringADownload) {
  ASSERT_THAT(remote().sh(fmt::format("head -c 50000000 /dev/zero > {}/zeros", kWww)), Succeeds());
  const auto inside = guest();
  ASSERT_TRUE(inside);
  auto flood = start_py(R"(
print('up', flush=True)
held = []
for i in range(1000):
    held = held[-100:] + [connect()]
    if i % 2: held[-1].sendall(LIST if i % 4 == 1 else b'garbage')
print('done', flush=True))",
                        *inside);
  ASSERT_TRUE(flood);
  const Command download = {.argv = {"curl", "-sS", "-o", "/dev/null", "-w", "%{size_download}", "http://192.0.2.2/zeros"}};
  EXPECT_EQ(inside->run(download).out, "50000000");
  EXPECT_TRUE(says(*flood, "done")) << flood->err();
  EXPECT_THAT(ask(*inside, R"({"execute":"list_hostfwd"})"), HasSubstr("entries"));
}

TEST_F(ControlSocket, DoesNotSpinWhenDescriptorsRunOut) {
  const auto inside = guest({.before = "ulimit -n 30"});
  ASSERT_TRUE(inside);
  auto idle = start_py("all = [connect() for i in range(40)]; print('up', flush=True); time.sleep(1000)", *inside);
  ASSERT_TRUE(idle);
  const auto before = inside->time_not_asleep();
  std::this_thread::sleep_for(1s);  // time has to pass, for nothing is to be done in it
  EXPECT_LT(inside->time_not_asleep() - before, 300ms);
  idle->kill();
  EXPECT_THAT(ask(*inside, R"({"execute":"list_hostfwd"})"), HasSubstr("entries"));
}

TEST_F(ControlSocket, KeepsItsMemoryThroughTenThousandRequests) {
  const auto inside = guest({.before = kReuseMemory});
  ASSERT_TRUE(inside);
  constexpr std::string_view kRequests = R"(
ADD = b'{"execute":"add_hostfwd","arguments":{"proto":"tcp","host_port":18080,"guest_port":80}}'
for i in range(%d // 5):
    id = ask(ADD)[len('{"return":{"id":'):-2]
    assert ask(LIST).count('18080') == 2
    assert ask(('{"execute":"remove_hostfwd","arguments":{"id":%%s}}' %% id).encode()) == '{"return":{}}'
    ask(b'{"execute":"status"}'); ask(b'{nonsense')
)";
  const auto requests = [&](int count) {
    std::string script(kRequests);
    script.replace(script.find("%d"), 2, std::to_string(count));
    for (size_t at = 0; (at = script.find("%%", at)) != script.npos; ++at) script.erase(at, 1);
    return script;
  };
  ASSERT_THAT(py(requests(500), *inside), Succeeds());
  const auto before = static_cast<int64_t>(inside->resident_bytes());
  ASSERT_THAT(py(requests(10'000), *inside), Succeeds());
  const auto after = static_cast<int64_t>(inside->resident_bytes());
  EXPECT_LE(std::abs(after - before), 512 * 1024);  // less than 64 bytes a request; AddressSanitizer alone takes up to half of it
}

// ---- who may

TEST_P(ControlSocketAs, CannotBeDrivenFromInside) {
  const auto inside = guest({.options = {"--api-socket", "/run/lab/tmp/s"}});
  ASSERT_TRUE(inside);
  for (const char* command : {"postern ports add 8080:80", "postern status"}) {
    const Outcome driven = sh(fmt::format("postern run -- {}", command));
    EXPECT_THAT(driven, EndsWithStatus(1));
    EXPECT_THAT(driven.err, AllOf(IsOneLine(), HasSubstr("no postern of yours runs here")));
  }
  const std::string by_pid = fmt::format("--pid {}", inside->postern().pid());
  EXPECT_THAT(inside->sh("postern ports ls " + by_pid), EndsWithStatus(1));
  const Outcome raw = inside->run(python("connect()", name_of(*inside)));
  EXPECT_THAT(raw.err, HasSubstr("ConnectionRefusedError"));
  // The file is in sight, for files are not isolated. Who knocks is not heard.
  EXPECT_THAT(inside->sh("postern ports --api-socket /run/lab/tmp/s add 8080:80"), EndsWithStatus(1));
  const Outcome by_file = inside->run(python("connect().settimeout(5); print(ask(LIST))", "/run/lab/tmp/s"));
  EXPECT_THAT(by_file.out, Not(HasSubstr("entries")));
  EXPECT_EQ(sh("postern ports --api-socket /run/lab/tmp/s ls --json").out, "[]\n");
}

// Behind the sandbox the relay stands in a user namespace that knows one user: there root of the host is a stranger like any
// other.
TEST_F(ControlSocket, IsClosedToOtherUsersAndOpenToRootWithoutTheSandbox) {
  const auto inside = guest({.options = {"--no-sandbox", "--api-socket", "/run/lab/tmp/s"}});
  const auto sandboxed = guest();
  ASSERT_TRUE(inside && sandboxed);
  const auto as = [&](uid_t uid, std::string address) {
    Command command = python("print(ask(LIST))", std::move(address));
    command.role = Role::root;
    const std::vector<std::string> prefix = {"setpriv", "--clear-groups", fmt::format("--reuid={}", uid)};
    command.argv.insert(command.argv.begin(), prefix.begin(), prefix.end());
    return host().run(command);
  };
  EXPECT_THAT(as(0, name_of(*inside)).out, HasSubstr("entries"));
  EXPECT_THAT(as(0, "/run/lab/tmp/s").out, HasSubstr("entries"));
  EXPECT_THAT(as(0, name_of(*sandboxed)).out, Not(HasSubstr("entries")));
  EXPECT_THAT(as(kUserId, name_of(*sandboxed)).out, HasSubstr("entries"));
  EXPECT_THAT(as(kFirstSubordinate, name_of(*inside)).out, Not(HasSubstr("entries")));
  EXPECT_THAT(as(kFirstSubordinate, "/run/lab/tmp/s").err, HasSubstr("PermissionError"));
}

TEST_F(ControlSocket, CanDoWithoutANameThatAnotherHas) {
  Process run = start_sh(fmt::format(R"sh(
holder="import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind('\0postern/{}/' + sys.argv[1])
print('held', flush=True)
time.sleep(1000)"
python3 -c "$holder" $$ > $TMPDIR/held &
until grep -qs held $TMPDIR/held; do :; done
exec postern run -- echo works)sh",
                                     kUserId));
  EXPECT_EQ(run.wait(), 0);
  EXPECT_THAT(run.out(), HasSubstr("works"));
  EXPECT_THAT(run.err(), AllOf(IsOneLine(), HasSubstr("no control socket")));
}

TEST_F(ControlSocket, ClientsAskNobodyButTheirOwnUsersPostern) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  auto other =
      host().spawn({.argv = {"python3", "-c",
                             fmt::format("import socket, time\ns = socket.socket(socket.AF_UNIX)\n"
                                         "s.bind('\\0postern/{}/77')\ns.listen()\nprint('up', flush=True)\ntime.sleep(1000)",
                                         kUserId)}});
  ASSERT_TRUE(other && says(*other, "up"));
  EXPECT_THAT(sh("postern status"), Succeeds()) << "the other one's is not counted";
  const Outcome asked = sh("postern status --pid 77");
  EXPECT_THAT(asked, EndsWithStatus(1));
  EXPECT_THAT(asked.err, AllOf(IsOneLine(), HasSubstr("belongs to another user (0)")));
}

TEST_F(ControlSocket, ClientsWaitForNobodyElse) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  auto others = host().spawn({.argv = {"python3", "-c",
                                       fmt::format(R"(
import socket, time
held = []
def full():
    client = socket.socket(socket.AF_UNIX)
    client.setblocking(False)
    held.append(client)
    try: client.connect(name)
    except BlockingIOError: return True
for pid in 71, 72, 73:
    name = '\0postern/{}/%d' % pid
    server = socket.socket(socket.AF_UNIX); server.bind(name); server.listen(0)
    held.append(server)
    while not full(): pass
print('up', flush=True)
time.sleep(1000))",
                                                   kUserId)}});
  ASSERT_TRUE(others && says(*others, "up")) << others->err();
  const auto before = std::chrono::steady_clock::now();
  const Outcome status = sh("postern status");
  EXPECT_THAT(status, Succeeds());
  EXPECT_THAT(status.out, HasSubstr(fmt::format("PID {}", inside->postern().pid())));
  EXPECT_LT(std::chrono::steady_clock::now() - before, 10s) << "the patience with one that has no room";
}

// ---- the file

TEST_P(ControlSocketAs, FileGoesOnTermAndAStaleOneIsReplaced) {
  const auto exists = [this] { return host().sh("test -S /run/lab/tmp/s").ok(); };
  const std::string attach = "unshare --user --map-root-user --net sh -c 'echo up; exec sleep infinity'";
  Process target = start_sh("exec " + attach);
  ASSERT_TRUE(says(target, "up"));
  const std::string command = fmt::format("exec postern attach --api-socket /run/lab/tmp/s --ready-fd 1 {} tap0", target.pid());
  Process first = start_sh(command);
  ASSERT_TRUE(says(first, "1")) << first.err();
  EXPECT_EQ(sh("stat -c %a /run/lab/tmp/s").out, "600\n");
  EXPECT_THAT(sh("postern status --api-socket /run/lab/tmp/s"), Succeeds());
  EXPECT_THAT(sh("postern status"), EndsWithStatus(1)) << "attach has no abstract name";
  const Outcome second = sh("postern run --api-socket /run/lab/tmp/s -- true");
  EXPECT_THAT(second, EndsWithStatus(125));
  EXPECT_THAT(second.err, AllOf(IsOneLine(), HasSubstr("another program serves")));
  first.signal(SIGKILL);
  EXPECT_EQ(first.wait(), 137);
  EXPECT_TRUE(exists());
  Process third = start_sh(command);
  ASSERT_TRUE(says(third, "1")) << third.err();
  third.signal(SIGTERM);
  EXPECT_EQ(third.wait(), 0);
  EXPECT_FALSE(exists());
  EXPECT_THAT(sh("postern run --api-socket /run/lab/tmp/s -- test -S /run/lab/tmp/s"), Succeeds());
  EXPECT_FALSE(exists());
}

TEST_F(ControlSocket, RefusesAPathThatCannotBeServed) {
  const Outcome too_long = sh("postern run --api-socket " + std::string(108, 'x') + " -- true");
  EXPECT_THAT(too_long, EndsWithStatus(125));
  EXPECT_THAT(too_long.err, AllOf(IsOneLine(), HasSubstr("the specified API socket path is too long (>= 108)")));
  const Outcome file = sh("echo precious > /run/lab/tmp/f; postern run --api-socket /run/lab/tmp/f -- true");
  EXPECT_THAT(file, EndsWithStatus(125));
  EXPECT_THAT(file.err, AllOf(IsOneLine(), HasSubstr("is no socket")));
  EXPECT_EQ(sh("cat /run/lab/tmp/f").out, "precious\n");
}

// ---- postern ports, postern status

TEST_F(ControlSocket, PortsPublishesWhileItRuns) {
  const auto inside = guest({.options = {"--ipv6", "-p", "8079:79"}});
  ASSERT_TRUE(inside);
  const auto echo = serve(*inside, {"postern-echo", "7"});
  ASSERT_TRUE(echo);
  EXPECT_THAT(sh("postern ports add 5000:7 5000:7/udp [::]:5001:7 9000-9009:9000"), Succeeds());
  EXPECT_EQ(sh("postern ports ls").out.substr(0, 40), "ID    PROTO HOST                        ");
  EXPECT_EQ(sh("postern ports ls --json | jq length").out, "14\n");
  for (const char* udp : {"", "--udp"}) {
    EXPECT_EQ(remote().sh(fmt::format("postern-probe {} 192.0.2.1 5000 open echo", udp)).out, "open 1\necho 1\n");
  }
  EXPECT_EQ(remote().run({"postern-probe", "2001:db8:1::1", "5001", "open", "echo"}).out, "open 1\necho 1\n");
  EXPECT_THAT(sh("postern ports rm 1 5000:7 5000:7/udp 9000-9009:9000"), Succeeds());
  EXPECT_EQ(sh("postern ports ls --json | jq -c '.[] | [.host_addr, .host_port]'").out, "[\"::\",5001]\n");
  EXPECT_EQ(remote().run({"postern-probe", "192.0.2.1", "5000", "open"}).out, "open 0 ECONNREFUSED\n");
}

TEST_F(ControlSocket, PortsRemovesAPortOnceThatIsNamedTwice) {
  const auto inside = guest({.options = {"-p", "8080:80", "-p", "9000-9002:9000"}});
  ASSERT_TRUE(inside);
  EXPECT_THAT(sh("postern ports rm 1 8080:80 8080:80 1"), Succeeds());
  EXPECT_THAT(sh("postern ports rm 9001:9001 9000-9002:9000"), Succeeds());
  EXPECT_EQ(sh("postern ports ls --json").out, "[]\n");
}

TEST_F(ControlSocket, PortsAddsAllOrNoneAndSaysWhy) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  Process holder = start_sh("exec postern-echo 9005");
  ASSERT_TRUE(wait_until([&] { return listens(host(), holder.pid(), "tcp6", 9005); })) << holder.err();
  const Outcome outcome = sh("postern ports add 8080:80 9000-9009:9000");
  EXPECT_THAT(outcome, EndsWithStatus(1));
  EXPECT_THAT(outcome.err, AllOf(IsOneLine(), HasSubstr("9005/tcp"), HasSubstr("postern-echo")));
  EXPECT_EQ(sh("postern ports ls --json").out, "[]\n");
  EXPECT_THAT(sh("postern ports rm 8080:80").err, AllOf(IsOneLine(), HasSubstr("is not published")));
  EXPECT_THAT(sh("postern ports rm 7"), EndsWithStatus(1));
  for (const char* wrong : {"add", "rm", "ls 80:80", "frob", "add 80", "add 80:80 --pid x", "--pid 1 --api-socket x ls", ""}) {
    const Outcome usage = sh(fmt::format("postern ports {}", wrong));
    EXPECT_THAT(usage, EndsWithStatus(2)) << wrong;
    EXPECT_THAT(usage.err, IsOneLine()) << wrong;
  }
}

TEST_F(ControlSocket, PortsSpeaksToSlirp4netnsToo) {
  LAB_SKIP_UNLESS(host().sh("test -x /usr/bin/slirp4netns").ok(), "slirp4netns", "the peer is not installed");
  Process target = start_sh("exec unshare --user --map-root-user --net sh -c 'echo up; exec sleep infinity'");
  ASSERT_TRUE(says(target, "up"));
  Process peer =
      start_sh(fmt::format("exec /usr/bin/slirp4netns -c -r 3 --api-socket $TMPDIR/s {} tap0 3>$TMPDIR/ready", target.pid()));
  ASSERT_TRUE(wait_until([&] { return !peer.running() || sh("grep -qs 1 $TMPDIR/ready").ok(); }));
  const std::string ports = "postern ports --api-socket $TMPDIR/s ";
  EXPECT_EQ(sh(ports + "--json add 8080:80 5000-5001:5000/udp | jq -c '.[] | [.id, .guest_addr, .guest_port]'").out,
            "[1,\"10.0.2.100\",80]\n[2,\"10.0.2.100\",5000]\n[3,\"10.0.2.100\",5001]\n");
  EXPECT_THAT(sh(ports + "ls").out, testing::ContainsRegex("\n2 +udp +0.0.0.0:5000 +10.0.2.100:5000\n"));
  EXPECT_THAT(sh(ports + "rm 1 5000-5001:5000/udp"), Succeeds());
  EXPECT_EQ(sh(ports + "ls --json").out, "[]\n");
}

TEST_F(ControlSocket, PortsAreAddedThoughTheyCannotBeListed) {
  auto server = host().spawn(python(R"(
server = socket.socket(socket.AF_UNIX); server.bind(address()); server.listen()
print('up', flush=True)
while True:
    client = server.accept()[0]
    request = client.recv(4096)
    client.sendall(b'{"return":{"id":7}}' if b'add_hostfwd' in request else b'{"error":{"desc":"no"}}')
    client.close())",
                                    "/run/lab/tmp/s"));
  ASSERT_TRUE(server && says(*server, "up"));
  const Outcome added = sh("postern ports --api-socket /run/lab/tmp/s add 8080:80");
  EXPECT_THAT(added, Succeeds());
  EXPECT_THAT(added.out, testing::ContainsRegex("7 +tcp +0.0.0.0:8080 +:80\n"));
  EXPECT_THAT(added.err, AllOf(IsOneLine(), HasSubstr("published; where to is not known: no")));
}

TEST_F(ControlSocket, AnAnswerThatCannotBeWrittenIsAFailure) {
  const auto inside = guest({.options = {"-p", "8000-8399:8000"}});
  ASSERT_TRUE(inside);
  for (const char* asked : {"ports ls", "ports ls --json", "ports add 9000:9", "status", "status --json"}) {
    const Outcome outcome = sh(fmt::format("postern {} >/dev/full", asked));
    EXPECT_THAT(outcome, EndsWithStatus(1)) << asked;
    EXPECT_THAT(outcome.err, AllOf(IsOneLine(), HasSubstr("No space left on device"))) << asked;
  }
}

TEST_F(ControlSocket, AsksForThePidWhereSeveralRun) {
  EXPECT_THAT(sh("postern status").err, AllOf(IsOneLine(), HasSubstr("no postern of yours runs here")));
  const auto first = guest(), second = guest();
  ASSERT_TRUE(first && second);
  const pid_t pid = second->postern().pid();
  const Outcome both = sh("postern ports ls");
  EXPECT_THAT(both, EndsWithStatus(1));
  EXPECT_THAT(both.err, AllOf(IsOneLine(), HasSubstr(std::to_string(first->postern().pid())), HasSubstr(std::to_string(pid))));
  const Outcome one = sh(fmt::format("postern status --pid {}", pid));
  EXPECT_THAT(one, Succeeds());
  EXPECT_THAT(one.out, AllOf(HasSubstr(fmt::format("PID {}", pid)), HasSubstr("10.0.2.100"), HasSubstr("dropped")));
  EXPECT_EQ(sh(fmt::format("postern status --json --pid {} | jq '.pid, (.counters.drops | type)'", pid)).out,
            fmt::format("{}\n\"object\"\n", pid));
  EXPECT_THAT(sh("postern status --pid 1"), EndsWithStatus(1));
}

}  // namespace
}  // namespace postern::lab
