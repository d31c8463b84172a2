// sandbox_test.cpp - what a relay that runs has given up, seen from the host; and that it does its work all the same.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <csignal>
#include <vector>

#include "guest_test.h"

namespace postern::lab {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr int kBadSystemCall = 128 + SIGSYS;

class Sandbox : public GuestTest, public testing::WithParamInterface<Role> {
 protected:
  Role role() const override { return GetParam(); }
  std::vector<Server> servers() const override { return {Server::http, Server::dns}; }

  /// The root of the lab is asked: postern's own user may not look any more.
  Outcome look(const Guest& guest, std::string_view script) const {
    return host().sh(fmt::format("cd /proc/{} && {}", guest.postern().pid(), script));
  }
  std::string status(const Guest& guest) const {
    return look(guest, "grep -E 'Seccomp:|NoNewPrivs|Cap' status | tr -d '\\n'").out;
  }
  void expect_work(const Guest& guest) const {
    EXPECT_EQ(guest.sh("curl -sS http://$LAB_REMOTE4/; curl -sS http://[$LAB_REMOTE6]/").out, fmt::format("{0}{0}", kPageText));
    EXPECT_EQ(guest.sh("dig +short @10.0.2.3 $LAB_DNS_NAME A; dig +short +tcp @10.0.2.3 $LAB_DNS_NAME AAAA").out,
              fmt::format("{}\n{}\n", kRemote4, kRemote6));
    EXPECT_THAT(guest.sh("ping -q -c1 $LAB_REMOTE4").out, HasSubstr("1 received"));
  }
  bool sleeps() const {
    const auto all = lab().processes();
    return std::any_of(all.begin(), all.end(), [](const ProcessSeen& process) { return process.name == "sleep"; });
  }
  /// A nameserver on the host's loopback that answers who.lab.test with `answer`.
  std::optional<Process> resolver(std::string_view address, std::string_view answer) const {
    auto started = host().spawn({.argv = {"dnsmasq", "--no-daemon", "--no-resolv", "--no-hosts", "--conf-file=/dev/null",
                                          "--pid-file=", "--bind-interfaces", fmt::format("--listen-address={}", address),
                                          fmt::format("--host-record=who.lab.test,{}", answer)}});
    if (!started) return std::nullopt;
    const std::string asks = fmt::format("dig +short +tries=1 +time=1 @{} who.lab.test", address);
    EXPECT_TRUE(wait_until([&] { return host().sh(asks).ok(); })) << started->err();
    return std::move(*started);
  }
  static bool answers(const Guest& guest, std::string_view expected) {
    return wait_until(
        [&] { return guest.sh("dig +short +tries=1 +time=1 @10.0.2.3 who.lab.test").out == fmt::format("{}\n", expected); });
  }
};
INSTANTIATE_TEST_SUITE_P(As, Sandbox, testing::Values(Role::user, Role::root), name_of_role);

TEST_P(Sandbox, KeepsNoPowerThatTheRelayDoesNotUse) {
  const auto running = guest();
  ASSERT_TRUE(running);
  const std::string kept = role() == Role::user ? "0000000000000400" : "0000000000002400";  // CAP_NET_BIND_SERVICE, CAP_NET_RAW
  EXPECT_EQ(status(*running), fmt::format("CapInh:\t{0}CapPrm:\t{1}CapEff:\t{1}CapBnd:\t{1}CapAmb:\t{0}NoNewPrivs:\t1Seccomp:\t2",
                                          "0000000000000000", kept));
  EXPECT_EQ(look(*running, "grep -cE 'Max (core file size|processes) +0 +0' limits").out, "2\n");
  expect_work(*running);
}

TEST_P(Sandbox, IsNotToBeLookedInto) {
  const auto running = guest();
  ASSERT_TRUE(running);
  const bool looks = sh(fmt::format("ls /proc/{}/fd", running->postern().pid())).ok();
  EXPECT_EQ(looks, role() == Role::root);
  EXPECT_EQ(look(*running, "stat -c %u fd").out, "0\n");
}

TEST_P(Sandbox, SeesOnlyEtcAndOnlyToRead) {
  const auto running = guest();
  ASSERT_TRUE(running);
  EXPECT_EQ(look(*running, "ls -A root").out, "etc\n");
  EXPECT_EQ(look(*running, "grep -c . mountinfo; grep -vcE ' ro,nosuid,nodev,noexec' mountinfo").out.substr(2), "0\n");
  EXPECT_THAT(look(*running, "touch root/new"), Not(Succeeds()));
  EXPECT_THAT(look(*running, "touch root/etc/new"), Not(Succeeds()));
}

TEST_P(Sandbox, SeesTheSameWhereTheKernelIsOldOrBootedFromARamfs) {
  const auto running = guest({.before = "export POSTERN_PRETEND_MISSING=pivot_root,mount_setattr,landlock"});
  ASSERT_TRUE(running);
  EXPECT_EQ(look(*running, "ls -A root").out, "etc\n");
  EXPECT_THAT(look(*running, "touch root/etc/new"), Not(Succeeds()));
  EXPECT_THAT(running->postern().err(), IsEmpty());
  expect_work(*running);
}

TEST_P(Sandbox, LeavesTheHostsMountsAlone) {
  ASSERT_THAT(host().sh("mkdir /run/shared && mount -t tmpfs none /run/shared && mount --make-shared /run/shared"), Succeeds());
  const std::string mounts = host().sh("cat /proc/self/mountinfo").out;
  const auto running = guest();
  ASSERT_TRUE(running);
  EXPECT_EQ(host().sh("cat /proc/self/mountinfo").out, mounts);
}

TEST_P(Sandbox, FollowsResolvConfThroughAFileThatIsReplaced) {
  const auto one = resolver("127.0.0.2", "203.0.113.2"), two = resolver("127.0.0.3", "203.0.113.3");
  ASSERT_THAT(host().sh("echo nameserver 127.0.0.2 > /etc/resolv.conf"), Succeeds());
  const auto running = guest();
  ASSERT_TRUE(running);
  EXPECT_TRUE(answers(*running, "203.0.113.2"));
  ASSERT_THAT(host().sh("echo nameserver 127.0.0.3 > /etc/new && mv /etc/new /etc/resolv.conf"), Succeeds());
  EXPECT_TRUE(answers(*running, "203.0.113.3"));
}

TEST_P(Sandbox, FollowsResolvConfThroughLinksThatAreSwitched) {
  const auto one = resolver("127.0.0.2", "203.0.113.2"), two = resolver("127.0.0.3", "203.0.113.3");
  ASSERT_THAT(host().sh("mkdir -p /run/systemd/resolve /run/NetworkManager /var/run-link-target; cd /run/systemd/resolve; "
                        "echo nameserver 127.0.0.2 > stub; echo nameserver 127.0.0.3 > /run/NetworkManager/resolv.conf; "
                        "ln -s stub hop; ln -sf ../run/systemd/resolve/hop /etc/resolv.conf"),
              Succeeds());
  const auto running = guest();
  ASSERT_TRUE(running);
  EXPECT_TRUE(answers(*running, "203.0.113.2"));
  ASSERT_THAT(host().sh("ln -sf ../run/NetworkManager/resolv.conf /etc/new && mv -T /etc/new /etc/resolv.conf"), Succeeds());
  EXPECT_TRUE(answers(*running, "203.0.113.3"));
  ASSERT_THAT(host().sh("ln -sf /run/systemd/resolve/hop /etc/new && mv -T /etc/new /etc/resolv.conf"), Succeeds());
  EXPECT_TRUE(answers(*running, "203.0.113.2"));
}

// glibc asks for a socket to learn an interface's number, of a family that is refused first.
TEST_P(Sandbox, LivesWithANameserverThatNamesAnInterface) {
  ASSERT_THAT(host().sh("echo nameserver fe80::1%eth0 > /etc/resolv.conf"), Succeeds());
  const auto running = guest({.options = {"--ipv6"}});
  ASSERT_TRUE(running);
  running->sh("dig +short +tries=1 +time=1 @fd00::3 who.lab.test");
  EXPECT_EQ(running->sh("curl -sS http://$LAB_REMOTE4/").out, kPageText);
}

struct ForbiddenCall {
  std::string_view name;
  long number;
  std::vector<unsigned long> arguments;
};

TEST_P(Sandbox, AForbiddenCallEndsTheRelayAndTheCommand) {
  const ForbiddenCall calls[] = {
      {"execve", SYS_execve, {}},
      {"ptrace", SYS_ptrace, {}},
      {"unshare", SYS_unshare, {}},
      {"open to write", SYS_openat, {static_cast<unsigned long>(AT_FDCWD), 0, O_WRONLY}},
      {"socket of AF_NETLINK", SYS_socket, {AF_NETLINK, SOCK_RAW, 0}},
      {"executable memory", SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC}},
      {"kill of another", SYS_kill, {1, SIGKILL}},
  };
  for (const ForbiddenCall& call : calls) {
    Process run = start_sh("exec postern run -- sh -c 'echo up; exec sleep infinity'");
    ASSERT_TRUE(says(run, "up"));
    std::string inject = fmt::format("exec postern-inject {} {}", run.pid(), call.number);
    for (const unsigned long argument : call.arguments) inject += fmt::format(" {}", argument);
    EXPECT_EQ(host().sh(inject).out, fmt::format("killed by {}\n", SIGSYS)) << call.name;
    EXPECT_EQ(run.wait(), kBadSystemCall) << call.name;
    EXPECT_TRUE(wait_until([&] { return !sleeps(); })) << call.name;
  }
}

/// The control socket's file is removed by a descriptor of its folder, which is outside of the sandbox's root.
TEST_P(Sandbox, RemovesNothingButBelowItsSocketsFolder) {
  ASSERT_THAT(sh("mkdir -p $TMPDIR/sock && touch $TMPDIR/keep $TMPDIR/sock/other"), Succeeds());
  int runs = 0;
  const auto remove = [&](const char* path, int beside) {  // by a run of its own: it takes the answer for that of its own call
    Process run =
        start_sh(fmt::format("exec postern run --api-socket $TMPDIR/sock/api{} -- sh -c 'echo up; exec sleep infinity'", ++runs));
    if (!says(run, "up")) return "did not start: " + run.err();
    const Outcome found = host().sh(fmt::format("ls -l /proc/{}/fd | awk '$NF ~ /sock$/ {{ print $(NF-2) }}'", run.pid()));
    const int folder = std::atoi(found.out.c_str());
    if (folder <= STDERR_FILENO) return "no folder: " + found.out;
    return host().sh(fmt::format("exec postern-inject {} {} {} @{} 0", run.pid(), SYS_unlinkat, folder + beside, path)).out;
  };
  EXPECT_EQ(remove("../keep", 0), "lives\n");
  EXPECT_THAT(sh("test -e $TMPDIR/keep"), Succeeds()) << "landlock";
  EXPECT_EQ(remove("other", 0), "lives\n");
  EXPECT_THAT(sh("test -e $TMPDIR/sock/other"), EndsWithStatus(1)) << "or the above says nothing";
  EXPECT_EQ(remove("other", 1), fmt::format("killed by {}\n", SIGSYS)) << "by another descriptor";
}

/// Ids that the sandbox's user namespace does not know read as nobody's there.
TEST_P(Sandbox, OfNobodyDoesNotTakeEverybodyForItself) {
  ASSERT_THAT(host().sh("mkdir -m 1777 /run/nobody"), Succeeds());
  Process run =
      start_sh(fmt::format("{}postern run --api-socket /run/nobody/api --ready-fd 1 -- sleep infinity",
                           role() == Role::root ? "exec setpriv --reuid 65534 --regid 65534 --clear-groups " : "exec "));
  ASSERT_TRUE(says(run, "1"));
  ASSERT_THAT(host().sh("chmod 666 /run/nobody/api"), Succeeds());
  const auto status_as = [&](int uid) {
    return host().sh(fmt::format("setpriv --reuid {} --clear-groups postern status --api-socket /run/nobody/api", uid)).status;
  };
  EXPECT_EQ(status_as(role() == Role::root ? 65534 : 4000), 0);
  EXPECT_EQ(status_as(3333), 1);
}

TEST_P(Sandbox, AllowsTheCallsThatItsListHas) {
  Process run = start_sh("exec postern run -- sh -c 'echo up; exec sleep infinity'");
  ASSERT_TRUE(says(run, "up"));
  EXPECT_EQ(host().sh(fmt::format("exec postern-inject {} {}", run.pid(), SYS_madvise)).out, "lives\n");
  EXPECT_TRUE(run.running());
}

TEST_P(Sandbox, FailsWhereALayerCannotBeHadAndSaysWhichAndWhatToDo) {
  for (const auto& [pretended, layer] : {std::pair{"sandbox-namespaces", "mounts"}, {"seccomp", "seccomp"}}) {
    const Outcome refused = sh(fmt::format("POSTERN_PRETEND_MISSING={} postern run -- touch $TMPDIR/started", pretended));
    EXPECT_THAT(refused, EndsWithStatus(125));
    EXPECT_THAT(refused.err, AllOf(IsOneLine(), HasSubstr(layer), HasSubstr("--sandbox=best-effort")));
  }
  EXPECT_THAT(sh("test -e $TMPDIR/started"), Not(Succeeds()));
}

TEST_P(Sandbox, GoesOnWithoutALayerWhereItIsTold) {
  const auto running =
      guest({.options = {"--sandbox=best-effort"}, .before = "export POSTERN_PRETEND_MISSING=sandbox-namespaces,landlock"});
  ASSERT_TRUE(running);
  EXPECT_THAT(running->postern().err(), AllOf(HasSubstr("going on without mounts"), Not(HasSubstr("landlock"))));
  EXPECT_THAT(status(*running), AllOf(HasSubstr("NoNewPrivs:\t1"), HasSubstr("Seccomp:\t2")));
  expect_work(*running);
}

TEST_P(Sandbox, CanBeLeftOutWhichIsSaidLoudly) {
  const auto running = guest({.options = {"--no-sandbox"}});
  ASSERT_TRUE(running);
  EXPECT_THAT(running->postern().err(), AllOf(IsOneLine(), HasSubstr("NO SANDBOX")));
  EXPECT_THAT(status(*running), HasSubstr("NoNewPrivs:\t0"));
  expect_work(*running);
}

TEST_P(Sandbox, HoldsAttachToo) {
  Process made = start_sh("exec unshare --user --map-root-user --net sh -c 'echo made; exec sleep infinity'");
  ASSERT_TRUE(says(made, "made"));
  Process attached = start_sh(fmt::format("exec postern attach -c --ready-fd 5 {} tap0 5>&1", made.pid()));
  ASSERT_TRUE(says(attached, "1")) << attached.err();
  EXPECT_EQ(host().sh(fmt::format("ls -A /proc/{0}/root; grep -h Seccomp: /proc/{0}/status", attached.pid())).out,
            "etc\nSeccomp:\t2\n");
  EXPECT_EQ(sh(fmt::format("nsenter -t {} -U -n --preserve-credentials curl -sS http://$LAB_REMOTE4/", made.pid())).out,
            kPageText);
}

TEST_P(Sandbox, RunsInARunInARun) {
  EXPECT_EQ(sh("postern run -- postern run -- postern run -- curl -sS http://$LAB_REMOTE4/").out, kPageText);
}

class SandboxOfAUser : public PosternTest {};

// From the user namespace of the sandbox the relay itself could not: the init does.
TEST_F(SandboxOfAUser, SignalsReachACommandThatHasChangedItsUser) {
  LAB_SKIP_UNLESS(!lab().missing("subuid"), "subuid", *lab().missing("subuid"));
  Process run = start_sh("exec postern run --map-auto -- setpriv --reuid 33 --clear-groups sh -c 'echo up; exec sleep infinity'");
  ASSERT_TRUE(says(run, "up")) << run.err();
  run.signal(SIGTERM);
  EXPECT_EQ(run.wait(std::chrono::seconds(5)), 143);
}

}  // namespace
}  // namespace postern::lab
