// run_identity_test.cpp - who the command is inside `postern run`, and what of its caller it finds unchanged.
#include <fmt/format.h>
#include <unistd.h>

#include "postern_test.h"

namespace postern::lab {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class RunIdentity : public PosternTest {
 protected:
  void SetUp() override {
    PosternTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) others_ = lab().missing("subuid");
  }
  const std::string* others_ = nullptr;  // why there are no subordinate ids

  /// The one that can be reached has shown that the namespace's ping_group_range fits its groups.
  static testing::Matcher<Outcome> Pings() { return AllOf(Succeeds(), testing::Field(&Outcome::out, HasSubstr("1 received"))); }
};

class RunInheritance : public PosternAs {};
FOR_USER_AND_ROOT(RunInheritance);

TEST_F(RunIdentity, IsRootInsideAndTheCallerOutside) {
  EXPECT_EQ(sh("postern run -- sh -c 'id -u; id -g; touch $TMPDIR/mine; stat -c %u:%g $TMPDIR/mine'").out, "0\n0\n0:0\n");
  EXPECT_EQ(sh("stat -c %u:%g $TMPDIR/mine").out, "4000:4000\n");
  EXPECT_THAT(sh("postern run -- sh -c 'ip link add out0 type veth && ping -q -c1 $LAB_REMOTE4'"), Pings());
}

TEST_F(RunIdentity, IsTheCallerInsideToo) {
  EXPECT_EQ(sh("postern run --keep-id -- id").out, "uid=4000(lab) gid=4000(lab) groups=4000(lab)\n");
  EXPECT_EQ(sh("postern run --keep-id -- grep CapEff /proc/self/status").out, "CapEff:\t0000000000000000\n");
  EXPECT_THAT(sh("postern run --keep-id -- ping -q -c1 $LAB_REMOTE4"), Pings());
  EXPECT_THAT(sh("postern run --keep-id -- ping -q -c1 fd00::2"), Pings());
}

TEST_F(RunIdentity, HasTheSubordinateIdsBesideRoot) {
  LAB_SKIP_UNLESS(!others_, "subuid", *others_);
  EXPECT_EQ(sh("postern run --map-auto -- sh -c 'id -u; touch $TMPDIR/x; chown 1:65536 $TMPDIR/x; stat -c %u:%g $TMPDIR/x'").out,
            "0\n1:65536\n");
  EXPECT_EQ(sh("stat -c %u:%g $TMPDIR/x").out, "100000:165535\n");
  EXPECT_THAT(sh("postern run --map-auto -- ping -q -c1 $LAB_REMOTE4"), Pings());
  EXPECT_EQ(sh("postern run --map-auto -- setpriv --reuid 33 --regid 33 --clear-groups id -u").out, "33\n");
}

TEST_F(RunIdentity, HasTheSubordinateIdsBesideTheCaller) {
  LAB_SKIP_UNLESS(!others_, "subuid", *others_);
  EXPECT_EQ(sh("postern run --keep-id --map-auto -- sh -c 'id -u; id -g; touch $TMPDIR/x; stat -c %u:%g $TMPDIR/x'").out,
            "4000\n4000\n4000:4000\n");
  EXPECT_EQ(sh("postern run --keep-id --map-auto -- awk '{ print $1, $2, $3 }' /proc/self/uid_map").out,
            "4000 4000 1\n0 100000 4000\n4001 104000 61536\n");
  EXPECT_THAT(sh("postern run --keep-id --map-auto -- ping -q -c1 $LAB_REMOTE4"), Pings());
}

TEST_F(RunIdentity, SaysWhatIsMissingForSubordinateIds) {
  LAB_SKIP_UNLESS(!others_, "subuid", *others_);
  ASSERT_THAT(host().sh(": > /etc/subuid"), Succeeds());
  const Outcome refused = sh("postern run --map-auto -- true");
  EXPECT_THAT(refused, EndsWithStatus(125));
  EXPECT_THAT(refused.err, AllOf(IsOneLine(), HasSubstr("/etc/subuid"), HasSubstr("usermod --add-subuids")));
}

TEST_P(RunInheritance, HasTheVariablesAndTheFolderItIsTold) {
  EXPECT_EQ(sh("KEPT=kept CHANGED=old postern run --env CHANGED=new --env ADDED='a = b' --env EMPTY= -- "
               "sh -c 'echo $KEPT,$CHANGED,$ADDED,${EMPTY-unset}'")
                .out,
            "kept,new,a = b,\n");
  EXPECT_EQ(sh("cd / && postern run -- pwd").out, "/\n");
  EXPECT_EQ(sh("mkdir $TMPDIR/here && cd $TMPDIR && postern run --workdir here -- pwd -P").out, "/run/lab/tmp/here\n");
  const Outcome refused = sh("postern run --workdir /no/such/folder -- touch $TMPDIR/started");
  EXPECT_THAT(refused, EndsWithStatus(125));
  EXPECT_THAT(refused.err, AllOf(IsOneLine(), HasSubstr("/no/such/folder")));
}

TEST_P(RunInheritance, LeavesLimitsMaskAndSignalsAlone) {
  const auto unchanged = [this](std::string_view setting, std::string_view question) {
    const Outcome outside = sh(fmt::format("{} {}", setting, question));
    const Outcome inside = sh(fmt::format("{} postern run -- {}", setting, question));
    EXPECT_THAT(inside, Succeeds());
    EXPECT_EQ(inside.out, outside.out);
    EXPECT_THAT(inside.err, IsEmpty());
  };
  unchanged("ulimit -Sn 200; ulimit -c 0; ulimit -Ss 4096;", "prlimit --noheadings --output RESOURCE,SOFT,HARD");
  unchanged("umask 027;", "sh -c umask");
  unchanged("", "grep -E 'Sig(Blk|Ign)' /proc/self/status");
  unchanged("env --block-signal=USR1,TERM --ignore-signal=HUP,QUIT,PIPE", "grep -E 'Sig(Blk|Ign)' /proc/self/status");
}

TEST_P(RunInheritance, HandsOverTheCallersDescriptorsAndNoOthers) {
  EXPECT_EQ(sh("echo by nine > $TMPDIR/nine; postern run -- sh -c 'cat <&9; echo written >&8' 9<$TMPDIR/nine 8>$TMPDIR/eight;"
               "cat $TMPDIR/eight")
                .out,
            "by nine\nwritten\n");
  EXPECT_EQ(sh("postern run -p 8099:80 -- ls /proc/self/fd 9</dev/null").out, "0\n1\n2\n3\n9\n") << "3 is ls's own";
  EXPECT_EQ(sh("postern run -- ls /proc/1/fd 9</dev/null").out, "0\n1\n2\n") << "nor does the init keep them";
}

TEST_P(RunInheritance, ReadsThePipeAndIsEndedByABrokenOne) {
  EXPECT_EQ(sh("seq 100000 | postern run -- wc -l").out, "100000\n");
  EXPECT_THAT(sh("postern run -- sh -c 'yes; echo $? >&2' | head -n1").err, "141\n");
}

TEST_P(RunInheritance, GivesTheReaderAnEndWhenTheCommandClosesItsOutput) {
  Process reading = start_sh("{ postern run -- sh -c 'echo last; exec sleep infinity >&-' & } | cat; echo end of file");
  EXPECT_TRUE(says(reading, "last\nend of file\n")) << reading.out();
}

}  // namespace
}  // namespace postern::lab
