// running_test.cpp - whose names are believed. Listens under names of running posterns in this process's own network
// namespace.
#include "postern/api/running.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "postern/base/unique_fd.h"

namespace postern::api {
namespace {

using testing::ElementsAre;

UniqueFd listen_as(uid_t uid, pid_t pid) {
  const std::string name = control_name(uid, pid);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size), 0) << name;
  EXPECT_EQ(::listen(socket.get(), 1), 0);
  return socket;
}

const RunningPostern* find(const std::vector<RunningPostern>& all, uid_t uid, pid_t pid) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.uid == uid && one.pid == pid; });
  return found == all.end() ? nullptr : &*found;
}

TEST(RunningPosterns, AreProcessesOfTheUserThatTheNameSays) {
  const uid_t uid = ::geteuid();
  const UniqueFd own = listen_as(uid, ::getpid()), of_another = listen_as(uid + 12'345, ::getpid());
  const auto running = running_posterns();
  EXPECT_TRUE(find(running, uid, ::getpid()));
  EXPECT_FALSE(find(running, uid + 12'345, ::getpid()));
}

TEST(RunningPosterns, ServeThemselvesOrSomebodyHasTakenTheName) {
  const UniqueFd own = listen_as(::geteuid(), ::getpid()), of_another = listen_as(::geteuid(), ::getppid());
  EXPECT_TRUE(serves_itself({.uid = ::geteuid(), .pid = ::getpid()}));
  EXPECT_FALSE(serves_itself({.uid = ::geteuid(), .pid = ::getppid()}));
}

TEST(RunningPosterns, AreFewOfEachUser) {
  std::vector<InstanceName> names;
  for (const uid_t uid : {1000u, 1001u}) {
    for (pid_t pid = 1; pid <= 300; ++pid) names.push_back({uid, pid});
  }
  const auto chosen = choose_names(names, [](const InstanceName&) { return true; });
  ASSERT_EQ(chosen.size(), 2 * kMostOfAUser);
  EXPECT_EQ(chosen.back().uid, 1001u);
  EXPECT_THAT(choose_names(names, [](const InstanceName& name) { return name.pid == 200; }),
              ElementsAre(InstanceName{1000, 200}, InstanceName{1001, 200}));
}

TEST(RunningPosterns, AreSoManyInAll) {
  std::vector<InstanceName> names;
  for (uid_t uid = 1; uid <= 1'000; ++uid) names.push_back({uid, 1});
  EXPECT_EQ(choose_names(names, [](const InstanceName&) { return true; }).size(), kMostPosterns);
}

TEST(RunningPosterns, AreKnownByTheEffectiveUser) {
  EXPECT_TRUE(is_of_user("Name:\tx\nUid:\t0\t1000\t0\t1000\nGid:\t5\t5\t5\t5\n", 1000));
  EXPECT_FALSE(is_of_user("Name:\tx\nUid:\t0\t1000\t0\t1000\nGid:\t5\t5\t5\t5\n", 0));
  EXPECT_FALSE(is_of_user("", 0));
}

}  // namespace
}  // namespace postern::api
