// many_ports_test.cpp - ports by the thousand, and a port again and again: all that was asked for is published or none of it, the
// refusal says what to do, and nothing is left.
#include <fmt/format.h>

#include "guest_test.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ManyPorts : public GuestTest {
 protected:
  size_t descriptors(const Guest& guest) const {
    return std::stoul(host().sh(fmt::format("ls /proc/{}/fd | wc -l", guest.postern().pid())).out);
  }
  std::string listening(std::string_view socket = "-Hltn") const { return host().sh(fmt::format("ss {} | wc -l", socket)).out; }
};

TEST_F(ManyPorts, EveryPortThereIsOrOneLineThatTellsTheRemedy) {
  ASSERT_THAT(host().sh("sysctl -qw net.ipv4.ip_unprivileged_port_start=1"), Succeeds());
  for (const auto& [protocol, socket] : {std::pair("tcp", "-Hltn"), std::pair("udp", "-Hlun")}) {
    const std::string run =
        fmt::format("postern run -p 127.0.0.1:1-65535:1/{} -- sh -c 'echo started; exec sleep infinity'", protocol);
    Process running = start_sh(run);
    const bool started = says(running, "started");
    const bool expected = sh("test $(ulimit -Hn) = unlimited || test $(ulimit -Hn) -gt 66000").ok();
    EXPECT_EQ(started, expected) << running.err();
    EXPECT_EQ(listening(socket), started ? "65535\n" : "0\n");
    if (started) continue;
    EXPECT_EQ(running.wait(), 125);
    EXPECT_THAT(running.err(), AllOf(IsOneLine(), HasSubstr(fmt::format("/{} on 127.0.0.1", protocol)), HasSubstr("ulimit -n")));
  }
}

TEST_F(ManyPorts, MoreThanTheDescriptorsAreRefusedWholeAndTheRestGoesOn) {
  const auto inside = guest({.options = {"-p", "5000:7"}, .before = "ulimit -n 2000"});
  ASSERT_TRUE(inside);
  const auto echo = serve(*inside, {"postern-echo", "7"});
  ASSERT_TRUE(echo);
  const size_t before = descriptors(*inside);
  for (const char* protocol : {"tcp", "udp"}) {
    const Outcome refused = sh(fmt::format("postern ports add 127.0.0.1:10000-65535:10000/{}", protocol));
    EXPECT_THAT(refused, EndsWithStatus(1));
    EXPECT_THAT(refused.err, AllOf(IsOneLine(), HasSubstr(fmt::format("/{} on 127.0.0.1", protocol)), HasSubstr("ulimit -n")));
    EXPECT_EQ(sh("postern ports ls --json | jq length").out, "1\n");
    EXPECT_EQ(descriptors(*inside), before);
  }
  EXPECT_EQ(listening("-Hltn"), "1\n");
  EXPECT_EQ(listening("-Hlun"), "0\n");
  EXPECT_EQ(remote().run({"postern-probe", "192.0.2.1", "5000", "open=3", "echo=1000"}).out, "open 3\necho 3\n");
}

TEST_F(ManyPorts, ARangeThatOverlapsAnotherIsRefusedWhole) {
  for (const char* protocol : {"tcp", "udp"}) {
    const Outcome at_once = sh(fmt::format("postern run -p 9000-9009:9000/{0} -p 9005-9014:9005/{0} -- echo started", protocol));
    EXPECT_THAT(at_once, EndsWithStatus(125));
    EXPECT_EQ(at_once.out, "");
    EXPECT_THAT(at_once.err, AllOf(IsOneLine(), HasSubstr(fmt::format("9005/{}", protocol))));
  }
  const auto inside = guest({.options = {"-p", "9000-9009:9000", "-p", "9000-9009:9000/udp"}});
  ASSERT_TRUE(inside);
  const std::string before = sh("postern ports ls").out;
  for (const char* overlapping :
       {"9005-9014:9005", "8995-9004:8995", "8990-9020:8990", "127.0.0.1:9005-9014:9005", "9003-9004:80"}) {
    for (const char* protocol : {"tcp", "udp"}) {
      const Outcome refused = sh(fmt::format("postern ports add 7000:7/{1} {0}/{1}", overlapping, protocol));
      EXPECT_THAT(refused, EndsWithStatus(1)) << overlapping;
      EXPECT_THAT(refused.err, AllOf(IsOneLine(), HasSubstr(fmt::format("/{}", protocol)))) << overlapping;
      EXPECT_EQ(sh("postern ports ls").out, before) << overlapping;
    }
  }
  EXPECT_EQ(listening("-Hltn"), "10\n");
  EXPECT_EQ(listening("-Hlun"), "10\n");
}

/// Argument: the control socket's abstract name. In turn by TCP and by UDP, each forward used by nobody.
constexpr const char* kAddAndRemove = R"(
import json, socket, sys
def ask(execute, arguments):
    control = socket.socket(socket.AF_UNIX)
    control.connect('\0' + sys.argv[1])
    control.sendall(json.dumps({'execute': execute, 'arguments': arguments}).encode())
    return json.loads(control.recv(4096))['return']
for turn in range(int(sys.argv[2])):
    port = {'proto': ('tcp', 'udp')[turn % 2], 'host_port': 5000, 'guest_port': 7}
    ask('remove_hostfwd', ask('add_hostfwd', port))
print('done'))";

TEST_F(ManyPorts, OneAddedAndRemovedTenThousandTimesLeavesNothing) {
  const auto inside = guest({.before = kReuseMemory});
  ASSERT_TRUE(inside);
  const auto turn = [&](const char* times) {
    const std::string socket = fmt::format("postern/{}/{}", kUserId, inside->postern().pid());
    const Outcome turned =
        host().run({.argv = {"python3", "-c", kAddAndRemove, socket, times}, .role = role(), .limit = std::chrono::seconds(100)});
    EXPECT_EQ(turned.out, "done\n") << turned.err;
  };
  turn("500");  // what is kept for the next is there
  const size_t files = descriptors(*inside), bytes = inside->resident_bytes();
  turn("10000");
  EXPECT_EQ(descriptors(*inside), files);
  EXPECT_LT(inside->resident_bytes(), bytes + (256 << 10));  // 26 bytes each
  EXPECT_EQ(sh("postern ports ls --json").out, "[]\n");
  EXPECT_EQ(listening("-Hltun"), "0\n");
}

}  // namespace
}  // namespace postern::lab
