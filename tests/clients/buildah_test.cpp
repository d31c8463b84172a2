// buildah_test.cpp - rootless `buildah run`: it takes slirp4netns from PATH, asks for nothing but a network, and gives it one
// second.
#include "client_test.h"

namespace postern::lab {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Buildah : public ClientTest {
 protected:
  Buildah() : ClientTest("buildah runc busybox") {}
};

TEST_F(Buildah, FetchesAPageAndResolvesANameInAStepOfABuild) {
  const Outcome outcome = client(fmt::format(R"(set -eu
    step=$(buildah from scratch) && buildah copy -q $step $HOME/root / >&2
    buildah run --runtime runc $step -- sh -c 'ip addr show dev tap0; wget -q -O- http://{}/client; nslookup {}'
    buildah rm -a >&2)",
                                             kRemote4, kName));
  EXPECT_THAT(outcome, Succeeds());
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("mtu 65520"), HasSubstr("inet 10.0.2.100/24"),
                                 HasSubstr(fmt::format("\n{}\n", kHost4)), HasSubstr(fmt::format("Address: {}\n", kRemote6))));
  EXPECT_TRUE(face_ends());
}

}  // namespace
}  // namespace postern::lab
