// private_test.cpp - what `postern run` does not show of the host's files: the resolvers' sockets always, and with --private the
// folders that programs share by path.
#include <fmt/format.h>

#include "postern_test.h"

namespace postern::lab {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Private : public PosternAs {
 protected:
  std::vector<Server> servers() const override { return {Server::http, Server::dns}; }
  void SetUp() override {
    PosternAs::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_THAT(host().sh("mount -t tmpfs -o mode=1777 tmpfs /tmp && mkdir -p /run/user/4000 && chown 4000 /run/user/4000"),
                Succeeds());
    ASSERT_THAT(sh("mkdir -p /tmp/folder/here && echo secret > /tmp/folder/file"), Succeeds());
    ASSERT_THAT(host().sh("touch /run/docker.sock /run/user/4000/bus"), Succeeds());
  }
  /// With a runtime folder as a session has it.
  Outcome run(std::string_view options, std::string_view command) const {
    return sh(fmt::format("cd /; XDG_RUNTIME_DIR=/run/user/4000 postern run --private {} -- {}", options, command));
  }
};
FOR_USER_AND_ROOT(Private);

TEST_P(Private, HidesWhatProgramsShareByPath) {
  const Outcome seen = run("",
                           "sh -c 'ls -A /tmp $XDG_RUNTIME_DIR /run; touch /tmp/mine $XDG_RUNTIME_DIR/mine && stat -c %a "
                           "/tmp $XDG_RUNTIME_DIR'");
  EXPECT_EQ(seen.out.substr(0, seen.out.find("/tmp:")), "/run:\nuser\n\n/run/user/4000:\n\n");
  EXPECT_THAT(seen.out, HasSubstr("/tmp:\n1777\n700\n"));
  EXPECT_EQ(host().sh("ls -A /tmp /run/user/4000").out, "/run/user/4000:\nbus\n\n/tmp:\nfolder\n") << "nothing changes outside";
}

TEST_P(Private, HidesARuntimeFolderThatIsElsewhere) {
  const Outcome seen =
      sh("mkdir -p $HOME/runtime/of && touch $HOME/runtime/of/me; cd /; "
         "XDG_RUNTIME_DIR=$HOME/runtime/of postern run --private -- ls -A $HOME/runtime/of $HOME/runtime");
  EXPECT_THAT(seen.out, AllOf(HasSubstr("runtime:\nof\n"), Not(HasSubstr("me\n"))));
}

TEST_P(Private, CannotBeUncovered) {
  const Outcome tried = run("",
                            "sh -c 'umount /tmp; umount -l /run; unshare --mount umount /tmp; ls -A /tmp; "
                            "unshare --user --map-root-user --mount sh -c \"umount -l /tmp; ls -A /tmp\"'");
  EXPECT_THAT(tried.out, IsEmpty());
  EXPECT_THAT(sh("postern run -- sh -c 'ls /tmp'").out, "folder\n") << "shown without --private";
}

TEST_P(Private, IsNotLedAroundByTheWorkingFolder) {
  const Outcome seen = sh("cd /tmp/folder/here && postern run --private -- sh -c 'pwd; ls -A .. ../../tmp'");
  EXPECT_THAT(seen.out, AllOf(HasSubstr("/\n"), Not(HasSubstr("file"))));
  EXPECT_THAT(seen.err, AllOf(IsOneLine(), HasSubstr("--workdir")));
}

TEST_P(Private, LeavesIdsNetworkAndStatusAsTheyAre) {
  LAB_SKIP_UNLESS(!lab().missing("subuid"), "subuid", *lab().missing("subuid"));
  const std::string page = fmt::format("{}\n", kHost4);
  for (const std::string options : {"", "--keep-id", "--map-auto"}) {
    if (options == "--map-auto" && role() == Role::root) continue;  // whose ids are all there already
    SCOPED_TRACE(options);
    const Outcome fetched =
        run(options, "sh -c 'curl -s http://$LAB_REMOTE4/client; cut -c 1-32 /proc/self/uid_map > /dev/stderr; exit 7'");
    EXPECT_THAT(fetched, EndsWithStatus(7));
    EXPECT_EQ(fetched.out, page);
    EXPECT_EQ(run(options, "sh -c 'kill -TERM $$'").status, 128 + 15);
    EXPECT_EQ(run(options, "id -u").out, sh("postern run " + options + " -- id -u").out);
  }
  EXPECT_EQ(run("", "sh -c 'dig +short $LAB_DNS_NAME A; ip -br link show tap0 | wc -l; ip link set lo down && echo ours'").out,
            fmt::format("{}\n1\nours\n", kRemote4));
  EXPECT_EQ(run("--network host", "sh -c 'ls -A /tmp; ip -br link show eth0 | wc -l'").out, "1\n");
}

TEST_P(Private, KeepsTheProgramsOfNixOS) {
  ASSERT_THAT(host().sh("ln -s /bin /run/current-system; mkdir /run/wrappers && touch /run/wrappers/sudo"), Succeeds());
  EXPECT_EQ(run("", "/run/current-system/sh -c 'ls /run/wrappers'").out, "sudo\n");
}

/// The C library asks these before it asks /etc/resolv.conf's servers: they would answer from the host's network.
TEST_P(Private, OrNotTheHostsResolversAreHidden) {
  ASSERT_THAT(
      host().sh("mkdir -p /run/nscd /run/systemd/resolve && touch /run/nscd/socket /run/systemd/resolve/io.systemd.Resolve && "
                "cp /etc/resolv.conf /run/systemd/resolve/stub-resolv.conf && "
                "ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf"),
      Succeeds());
  const std::string look =
      "sh -c 'ls -A /run/nscd /run/systemd/resolve; cat /etc/resolv.conf; curl -s http://$LAB_DNS_NAME/client'";
  const std::string seen =
      fmt::format("/run/nscd:\n\n/run/systemd/resolve:\nstub-resolv.conf\nnameserver 10.0.2.3\n{}\n", kHost4);
  EXPECT_EQ(sh("POSTERN_PRETEND_MISSING=overlay postern run --no-ipv6 -- " + look).out, seen);
  EXPECT_THAT(sh("postern run --private --no-ipv6 -- cat /etc/resolv.conf").out, "nameserver 10.0.2.3\n");
  EXPECT_EQ(sh("postern run --network host -- ls -A /run/nscd").out, "socket\n") << "the host's network: the host's resolvers";
}

}  // namespace
}  // namespace postern::lab
