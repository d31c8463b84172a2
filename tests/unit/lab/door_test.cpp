#include "door.h"

#include <gtest/gtest.h>

namespace postern::lab {
namespace {

TEST(Door, RunRequestGoesRoundWithEmptyStrings) {
  const RunRequest sent{Place::remote, "/proc/7/ns/net",         Role::user,   Session::callers,
                        "/a b",        {"sh", "-c", "", "x\ny"}, {"A=", "B=c"}};
  const auto got = unpack_run(pack(sent));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->place, sent.place);
  EXPECT_EQ(got->netns, sent.netns);
  EXPECT_EQ(got->role, sent.role);
  EXPECT_EQ(got->session, sent.session);
  EXPECT_EQ(got->directory, sent.directory);
  EXPECT_EQ(got->argv, sent.argv);
  EXPECT_EQ(got->environment, sent.environment);
}

TEST(Door, RequestsAreNotMistakenForEachOther) {
  const std::string run = pack(RunRequest{.argv = {"true"}});
  const std::string socket = pack(SocketRequest{Place::remote, "", 2, 1, 6});
  EXPECT_FALSE(unpack_socket(run));
  EXPECT_FALSE(unpack_run(socket));
  EXPECT_EQ(unpack_socket(socket)->protocol, 6);
  EXPECT_FALSE(unpack_run(""));
  EXPECT_FALSE(unpack_run(pack(RunRequest{})));
}

}  // namespace
}  // namespace postern::lab
