// bad_input_test.cpp - what cannot be done is said in one line that names it, with a status, and nothing is begun.
#include <fmt/format.h>

#include <tuple>

#include "postern_test.h"

namespace postern::lab {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr int kFailure = 1, kUsage = 2, kOurFailure = 125, kCannotExecute = 126, kNotFound = 127;

class BadInput : public PosternTest {
 protected:
  /// The line and the status, and that the command has not been started. In `script`, CMD stands for one that would tell.
  void expect_refused(std::string script, int status, const testing::Matcher<std::string>& line) const {
    if (const size_t command = script.find("CMD"); command != std::string::npos)
      script.replace(command, 3, "touch $TMPDIR/started");
    SCOPED_TRACE(script);
    const Outcome outcome = sh(script);
    EXPECT_THAT(outcome, EndsWithStatus(status));
    EXPECT_THAT(outcome.err, AllOf(IsOneLine(), line));
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_THAT(sh("rm $TMPDIR/started 2>/dev/null"), EndsWithStatus(1)) << "the command was started";
  }
  void expect_run_refused(std::string_view options, const testing::Matcher<std::string>& line) const {
    expect_refused(fmt::format("postern run {} -- CMD", options), kOurFailure, line);
  }
  /// Of each: the arguments, the status, and what the line says.
  void expect_attach_refused(const std::vector<std::tuple<std::string, int, std::string>>& refusals) const {
    for (const auto& [arguments, status, says] : refusals) expect_refused("postern attach " + arguments, status, HasSubstr(says));
  }
};

TEST_F(BadInput, OnTheCommandLine) {
  expect_refused("postern frobnicate", kUsage, HasSubstr("\"frobnicate\" is no command"));
  expect_refused("postern run", kOurFailure, HasSubstr("what to run is missing"));
  expect_refused("postern run --", kOurFailure, HasSubstr("what to run is missing"));
  expect_attach_refused({{"", kUsage, "PID|PATH"},
                         {"--configure 1", kUsage, "TAP"},
                         {"--frobnicate 1 tap0", kUsage, "--frobnicate"},
                         {"1 ''", kUsage, "TAP"},
                         {"1 tap0 more", kUsage, "more"}});
  expect_refused("postern doctor --frobnicate", kUsage, HasSubstr("--frobnicate"));
  expect_run_refused("--frobnicate", HasSubstr("--frobnicate"));
  expect_run_refused("-x", HasSubstr("-x"));
  expect_run_refused("--mtu", HasSubstr("--mtu"));
  expect_run_refused("--verbose --quiet", HasSubstr("--quiet"));
  expect_run_refused("--ipv6 --no-ipv6", HasSubstr("ipv6"));
  expect_run_refused("--sandbox required --no-sandbox", HasSubstr("--no-sandbox"));
  expect_run_refused("--sandbox off", AllOf(HasSubstr("--sandbox off"), HasSubstr("best-effort")));
}

TEST_F(BadInput, OnAFullDisk) {
  for (const std::string_view asked : {"--help", "--version", "run --help", "attach --help", "ports --help", "doctor --json"}) {
    expect_refused(fmt::format("postern {} >/dev/full", asked), kFailure, HasSubstr("No space left on device"));
    expect_refused(fmt::format("postern {} >&-", asked), kFailure, HasSubstr("Bad file descriptor"));
  }
  EXPECT_THAT(sh("postern >/dev/full 2>/dev/full"), EndsWithStatus(kUsage));
}

TEST_F(BadInput, InANetwork) {
  for (const std::string_view cidr :
       {"10.0.2.0/33", "10.0.2.0/26", "10.0.2.0/0", "10.0.2.1/24", "10.0.2.0", "300.0.2.0/24", "fd00::/64", "x"}) {
    expect_run_refused(fmt::format("--cidr {}", cidr), AllOf(HasSubstr("--cidr"), HasSubstr(cidr)));
  }
  for (const std::string_view mtu : {"67", "65522", "-1", "1500x", "0x5dc", "99999999999999999999"}) {
    expect_run_refused(fmt::format("--mtu={}", mtu), AllOf(HasSubstr("--mtu"), HasSubstr(mtu)));
  }
  expect_run_refused("--ipv6 --mtu 1000", AllOf(HasSubstr("--mtu 1000"), HasSubstr("1280")));
  expect_run_refused("--network ring", AllOf(HasSubstr("--network"), HasSubstr("ring")));
  expect_run_refused("--network none -p 8080:80", HasSubstr("--network none"));
  expect_run_refused("--dns resolver", AllOf(HasSubstr("--dns"), HasSubstr("resolver")));
  expect_run_refused("--dns 127.0.0.53", AllOf(HasSubstr("127.0.0.53"), HasSubstr("loopback")));
  expect_run_refused("--add-host db", AllOf(HasSubstr("--add-host"), HasSubstr("db")));
  expect_run_refused("--env =value", HasSubstr("--env"));
  expect_run_refused("--outbound-addr nosuch0", HasSubstr("nosuch0"));
  expect_run_refused("--outbound-addr ::1", HasSubstr("--outbound-addr"));
  expect_run_refused("--outbound-addr 203.0.113.99", HasSubstr("203.0.113.99"));
  expect_run_refused("--outbound-addr6 2001:db8:ffff::1", HasSubstr("2001:db8:ffff::1"));
  expect_run_refused("--max-flows 0", HasSubstr("--max-flows"));
  expect_refused("ulimit -n 200; postern run --max-flows 500 -- CMD", kOurFailure, HasSubstr("--max-flows 500"));
  expect_refused("postern attach -c --macaddress 01:00:5e:00:00:01 1 tap0", kUsage, HasSubstr("01:00:5e:00:00:01"));
  expect_refused("postern attach -c --macaddress 02:00 1 tap0", kUsage, HasSubstr("--macaddress"));
}

TEST_F(BadInput, InAPort) {
  for (const std::string_view port :
       {"80", "0:80", "70000:80", "x:80", "8080:", ":80", "8080:80/sctp", "8090-8080:80", "8080-8082:80-81", "8080-8090:65530",
        "::1:8080:80", "[::1:8080:80", "10.0.0.300:8080:80", ""}) {
    expect_run_refused(fmt::format("-p '{}'", port), AllOf(HasSubstr("--publish"), HasSubstr(port)));
  }
  expect_run_refused("-p 203.0.113.9:8080:80", AllOf(HasSubstr("203.0.113.9"), HasSubstr("no such address")));
  expect_run_refused("-p 80:80", AllOf(HasSubstr("80/tcp"), HasSubstr("ip_unprivileged_port_start=80")));
  expect_run_refused("--no-ipv6 -p [::1]:8080:80", HasSubstr("no IPv6"));
}

TEST_F(BadInput, InAPortThatSomebodyHas) {
  Process holder = start_sh("exec nc -l 8081");
  ASSERT_TRUE(wait_until([&] { return listens(host(), holder.pid(), "tcp", 8081); }));
  expect_run_refused("-p 8081:80", ContainsRegex(fmt::format("8081/tcp .*nc[^ ]* \\(PID {}\\)", holder.pid())));
  expect_run_refused("-p 8079-8082:80", HasSubstr("8081/tcp"));
  Process first = start_sh("exec postern run -p 8090:80 -p 8090:80/udp -- sh -c 'echo up; exec sleep infinity'");
  ASSERT_TRUE(says(first, "up")) << first.err();
  expect_run_refused("-p 8090:80", ContainsRegex("8090/tcp .*a program of user 4000"));  // it is not to be looked into
  expect_run_refused("-p 8090:80/udp", ContainsRegex("8090/udp .*a program of user 4000"));
  expect_run_refused("-p 8091:80 -p 8091:81", HasSubstr("8091/tcp"));
}

TEST_F(BadInput, InATarget) {
  const std::string gone = sh("sh -c 'echo $$'").out;
  expect_attach_refused({{gone, kUsage, "TAP"},
                         {gone.substr(0, gone.size() - 1) + " tap0", kFailure, "No such process"},
                         {"0 tap0", kUsage, "PID 0"},
                         {"'' tap0", kUsage, "PID|PATH is empty"},
                         {"99999999999 tap0", kUsage, "99999999999"},
                         {"1 tap0", kFailure, "process 1"},
                         {"/no/such/namespace tap0", kFailure, "/no/such/namespace"},
                         {"nosuch tap0", kFailure, "nosuch"}});
  expect_refused("cd /run && postern attach netns/nosuch tap0", kFailure, HasSubstr("netns/nosuch"));
  for (const std::string_view path : {"/etc/passwd", "/run/netns", "/proc/self/ns/user", "/proc/self/ns/mnt", "/dev/null"}) {
    expect_refused(fmt::format("postern attach {} tap0", path), kFailure,
                   HasSubstr(fmt::format("{} is no network namespace", path)));
  }
  expect_refused("mkfifo $TMPDIR/fifo; postern attach $TMPDIR/fifo tap0", kFailure, HasSubstr("fifo is no network namespace"));
}

TEST_F(BadInput, InADevice) {
  Process target = start_sh("exec unshare --user --map-root-user --net sh -c 'echo up; exec sleep infinity'");
  ASSERT_TRUE(says(target, "up"));
  for (const std::string_view name : {"a-name-too-long-for-it", "with/slash", "tap%d"}) {
    expect_refused(fmt::format("postern attach {} {}", target.pid(), name), kFailure, HasSubstr("is no name for a device"));
  }
  expect_refused(fmt::format("postern attach {} lo", target.pid()), kFailure, HasSubstr("lo"));
}

TEST_F(BadInput, InADescriptor) {
  expect_run_refused("--ready-fd 9", AllOf(HasSubstr("--ready-fd 9"), HasSubstr("not open")));
  expect_run_refused("--ready-fd x", HasSubstr("--ready-fd"));
  expect_run_refused("--ready-fd 9 9</dev/null", AllOf(HasSubstr("--ready-fd 9"), HasSubstr("writ")));
}

TEST_F(BadInput, InACommand) {
  ASSERT_THAT(sh("mkdir $TMPDIR/bin; echo '#!/no/such/interpreter' > $TMPDIR/bin/script; chmod +x $TMPDIR/bin/script;"
                 "echo text > $TMPDIR/bin/text"),
              Succeeds());
  expect_refused("postern run -- nosuch", kNotFound, HasSubstr("nosuch: command not found"));
  expect_refused("postern run -- ./nosuch", kNotFound, HasSubstr("./nosuch: command not found"));
  expect_refused("postern run -- $TMPDIR/bin/script", kNotFound, HasSubstr("bin/script"));
  expect_refused("postern run -- $TMPDIR/bin/text", kCannotExecute, HasSubstr("bin/text"));
  expect_refused("PATH=$TMPDIR/bin:$PATH postern run -- text", kCannotExecute, HasSubstr("text"));
  expect_refused("postern run -- /etc", kCannotExecute, HasSubstr("/etc"));
}

TEST_F(BadInput, OnAHostWithoutTun) {
  // Whatever is missing: the device, the node, or, in a container, the option.
  const auto kRemedy = AnyOf(HasSubstr("(sudo modprobe tun)"), HasSubstr("mknod"), HasSubstr("--device /dev/net/tun)"));
  ASSERT_THAT(host().sh("mount -t tmpfs none /dev/net"), Succeeds());
  expect_run_refused("", AllOf(HasSubstr("/dev/net/tun"), kRemedy));
  Process target = start_sh("exec unshare --user --map-root-user --net sh -c 'echo up; exec sleep infinity'");
  ASSERT_TRUE(says(target, "up"));
  expect_refused(fmt::format("postern attach {} tap0", target.pid()), kFailure, AllOf(HasSubstr("/dev/net/tun"), kRemedy));
  EXPECT_THAT(sh("postern run --network none -- true"), Succeeds()) << "it needs none";
}

TEST_F(BadInput, OnAHostWhoseTunIsForRootAlone) {
  ASSERT_THAT(host().sh("touch /run/lab/locked && chmod 600 /run/lab/locked && mount --bind /run/lab/locked /dev/net/tun"),
              Succeeds());
  expect_run_refused("", AllOf(HasSubstr("/dev/net/tun"), HasSubstr("0666 /dev/net/tun")));
}

TEST_F(BadInput, OnAHostWithoutUserNamespaces) {
  expect_refused("unshare --user --map-root-user sh -c 'echo 0 > /proc/sys/user/max_user_namespaces; exec postern run -- CMD'",
                 kOurFailure, HasSubstr("user.max_user_namespaces"));
}

}  // namespace
}  // namespace postern::lab
