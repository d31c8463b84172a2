// run_files_test.cpp - what `postern run` shows differently inside: /etc/resolv.conf, /etc/hosts, /proc. And that nothing else
// changes, inside or outside.
#include <fmt/format.h>

#include "postern_test.h"

namespace postern::lab {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class RunFiles : public PosternAs {};
FOR_USER_AND_ROOT(RunFiles);

TEST_P(RunFiles, NameTheStacksResolverAndKeepTheHostsOptions) {
  ASSERT_THAT(host().sh("printf 'search lab.test\\noptions ndots:2\\nnameserver 127.0.0.1\\n' > /etc/resolv.conf"), Succeeds());
  EXPECT_EQ(sh("postern run -- cat /etc/resolv.conf").out, "nameserver 10.0.2.3\nsearch lab.test\noptions ndots:2\n");
  ASSERT_THAT(host().sh("echo nameserver ::1 >> /etc/resolv.conf"), Succeeds());
  EXPECT_THAT(sh("postern run -- cat /etc/resolv.conf").out, StartsWith("nameserver 10.0.2.3\nnameserver fd00::3\n"));
  EXPECT_EQ(sh("postern run --no-ipv6 -- grep nameserver /etc/resolv.conf").out, "nameserver 10.0.2.3\n");
}

TEST_P(RunFiles, NameTheResolversThatWereAskedFor) {
  EXPECT_EQ(sh("postern run --dns 192.0.2.2 --dns 2001:db8:1::2 -- cat /etc/resolv.conf").out,
            "nameserver 192.0.2.2\nnameserver 2001:db8:1::2\n");
}

TEST_P(RunFiles, NameTheHostAndWhoWasAdded) {
  const std::string hosts = sh("postern run --add-host db:10.1.2.3 --add-host db6:[2001:db8::5] -- cat /etc/hosts").out;
  EXPECT_THAT(hosts,
              StartsWith(fmt::format("10.1.2.3\tdb\n2001:db8::5\tdb6\n{}\thost.postern.internal\n{}\thost.postern.internal\n",
                                     kHost4, kHost6)));
  EXPECT_THAT(hosts, HasSubstr("127.0.0.1 localhost\n")) << "the host's own lines follow";
  EXPECT_THAT(sh("postern run --add-host db:10.1.2.3 -- getent hosts db").out, HasSubstr("10.1.2.3"));
  EXPECT_THAT(sh("postern run --network none --add-host db:10.1.2.3 -- getent hosts db").out, HasSubstr("10.1.2.3"));
  EXPECT_EQ(sh("postern run --network host -- cat /etc/hosts").out, host().sh("cat /etc/hosts").out);
}

TEST_P(RunFiles, MayBeAsLongAsTheListsThatBlockNames) {
  ASSERT_THAT(host().sh("seq -f '0.0.0.0 host%06.0f.example' 100000 >> /etc/hosts"), Succeeds());
  EXPECT_EQ(sh("postern run -- tail -n 1 /etc/hosts").out, "0.0.0.0 host100000.example\n");
}

TEST_P(RunFiles, DoNotChangeOutside) {
  const auto outside = [this] {
    return host().sh("cat /etc/resolv.conf /etc/hosts /proc/1/mountinfo; ls -A /run /mnt /var").out;
  };
  const std::string before = outside();
  EXPECT_THAT(sh("umask 077; postern run -- sh -c 'stat -c %a /etc/resolv.conf; echo mine > /etc/resolv.conf'").out, "644\n");
  EXPECT_EQ(outside(), before);
}

TEST_P(RunFiles, AreThereWhereTheHostsLinkLeadsNowhere) {
  ASSERT_THAT(host().sh("ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf"), Succeeds());
  const Outcome outcome =
      sh("postern run -- sh -c 'cat /etc/resolv.conf; getent passwd lab; echo mine > /etc/mine; cat /etc/mine'");
  EXPECT_THAT(outcome, Succeeds());
  EXPECT_THAT(outcome.out, AllOf(StartsWith("nameserver 10.0.2.3\nlab:x:4000"), HasSubstr("mine\n")));
  EXPECT_THAT(host().sh("test -e /etc/mine || readlink /etc/resolv.conf").out, "../run/systemd/resolve/stub-resolv.conf\n");
}

TEST_P(RunFiles, AreRefusedWithTheRemedyWhereThereIsNoOverlayEither) {
  ASSERT_THAT(host().sh("ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf"), Succeeds());
  const Outcome refused = sh("POSTERN_PRETEND_MISSING=overlay postern run -- touch $TMPDIR/started");
  EXPECT_THAT(refused, EndsWithStatus(125));
  EXPECT_THAT(refused.err, AllOf(IsOneLine(), HasSubstr("/etc/resolv.conf"), HasSubstr("touch $(readlink -m /etc/resolv.conf)")));
  EXPECT_THAT(sh("test -e $TMPDIR/started"), Not(Succeeds()));
  ASSERT_THAT(host().sh("mkdir -p /run/systemd/resolve && touch $(readlink -m /etc/resolv.conf)"), Succeeds());
  EXPECT_EQ(sh("POSTERN_PRETEND_MISSING=overlay postern run -- cat /etc/resolv.conf").out, "nameserver 10.0.2.3\n");
}

TEST_P(RunFiles, ShowOnlyTheProcessesInside) {
  const Outcome processes = sh("postern run -- ps -eo pid,comm,args --no-headers");
  EXPECT_THAT(processes.out, ContainsRegex("^ +1 postern-init +postern run"));
  EXPECT_THAT(processes.out, ContainsRegex("\n +2 ps +ps "));
  EXPECT_EQ(std::count(processes.out.begin(), processes.out.end(), '\n'), 2) << processes.out;
}

TEST_P(RunFiles, ShowTheHostsProcWhereANewOneIsRefused) {
  const Outcome outcome =
      sh("POSTERN_PRETEND_MISSING=proc postern run -- sh -c 'echo I am $$; cat /proc/1/comm; ping -q -c1 10.0.2.2'");
  EXPECT_THAT(outcome, Succeeds());
  EXPECT_THAT(outcome.err, IsEmpty());
  EXPECT_THAT(outcome.out, StartsWith("I am 2\nlab-keeper\n"));
}

}  // namespace
}  // namespace postern::lab
