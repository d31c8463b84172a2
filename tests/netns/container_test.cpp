// container_test.cpp - `postern run` where a container has put its caller: under Docker's filter, beside a masked /proc, in
// itself.
#include <fmt/format.h>

#include "postern_test.h"

namespace postern::lab {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// As root, who takes the container's place: postern-container leaves what Docker leaves.
class Container : public PosternTest {
 protected:
  Role role() const override { return Role::root; }
  std::vector<Server> servers() const override { return {Server::http, Server::dns}; }
  void SetUp() override {
    PosternTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    LAB_SKIP_UNLESS(!lab().missing("subuid"), "subuid", *lab().missing("subuid"));
    ASSERT_THAT(sh("touch /run/.containerenv"), Succeeds());
  }

  static constexpr const char* kFetch = "postern run -- sh -c 'curl -s http://$LAB_REMOTE4/client; dig +short $LAB_DNS_NAME A'";
  static constexpr const char* kAsUser = "setpriv --reuid 4000 --regid 4000 --clear-groups ";
  static std::string fetched() { return fmt::format("{}\n{}\n", kHost4, kRemote4); }
};

TEST_F(Container, UnderTheFilterIsToldTheOptionThatLiftsIt) {
  for (const std::string who : {"", kAsUser}) {
    const Outcome refused =
        sh("unset KUBERNETES_SERVICE_HOST; postern-container " + who + "postern run -- touch $TMPDIR/started");
    EXPECT_THAT(refused, EndsWithStatus(125));
    EXPECT_THAT(refused.err, AllOf(IsOneLine(), HasSubstr("EPERM"), HasSubstr("podman run --security-opt seccomp=unconfined")));
  }
  EXPECT_THAT(sh("KUBERNETES_SERVICE_HOST=10.0.0.1 postern-container postern run -- true").err,
              AllOf(IsOneLine(), HasSubstr("seccompProfile: {type: Unconfined}")));
  EXPECT_THAT(sh("test -e $TMPDIR/started"), EndsWithStatus(1));
}

TEST_F(Container, WithSysAdminHasTheNetwork) {
  EXPECT_EQ(sh(std::string("postern-container --cap-add-sys-admin ") + kFetch).out, fetched());
}

TEST_F(Container, OfAnOrdinaryUserUnconfinedHasTheNetwork) { EXPECT_EQ(sh(std::string(kAsUser) + kFetch).out, fetched()); }

// runc covers these; a fresh /proc, and with it the namespace's own sysctls, are refused to whoever sees only a part.
TEST_F(Container, WithAMaskedProcHasTheNetwork) {
  ASSERT_THAT(sh("for part in bus fs irq sys; do mount --bind /proc/$part /proc/$part && "
                 "mount -o remount,bind,ro /proc/$part || exit; done"),
              Succeeds());
  EXPECT_EQ(sh(std::string(kAsUser) + kFetch).out, fetched());
  EXPECT_EQ(sh(std::string("postern-container --cap-add-sys-admin ") + kFetch).out, fetched());
  EXPECT_EQ(sh(std::string(kAsUser) + "postern run -- " + kFetch).out, fetched())
      << "/proc counts processes as the PID namespace around the outer run does";
}

TEST_F(Container, WithSysAdminRunsRunInRun) {
  EXPECT_EQ(sh(std::string("postern-container --cap-add-sys-admin postern run -- ") + kFetch).out, fetched());
  EXPECT_EQ(sh(std::string(kAsUser) + "postern run -- postern run -- " + kFetch).out, fetched()) << "three deep";
}

}  // namespace
}  // namespace postern::lab
