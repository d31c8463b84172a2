// census_test.cpp - the census over a /proc and a /run/netns of the test's own, and what namespaces are called.
#include "postern/netns/census.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace postern::netns {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
namespace fs = std::filesystem;

class CensusTest : public testing::Test {
 protected:
  CensusTest() {
    std::string pattern = testing::TempDir() + "census.XXXXXX";
    root = ::mkdtemp(pattern.data());
    places = {.proc = root / "proc", .names = {root / "run", root / "run2"}};
    fs::create_directories(root / "proc");
    fs::create_directories(root / "run");
  }
  ~CensusTest() override { fs::remove_all(root); }

  /// `who`: a PID, "self" or "thread-self".
  void process(const std::string& who, const std::string& namespace_link, const std::string& name = "program") {
    fs::create_directories(root / "proc" / who / "ns");
    fs::create_symlink(namespace_link, root / "proc" / who / "ns" / "net");
    std::ofstream(root / "proc" / who / "comm") << name << "\n";
  }
  Census census() const { return take_census(places).value(); }
  static ino_t inode_of_ours() { return identity_of(std::string("/proc/self/ns/net"))->inode; }

  fs::path root;
  CensusPlaces places;
};

TEST_F(CensusTest, ANamespaceStandsOnceWithItsLeastProcess) {
  process("90", "net:[1000]", "late");
  process("9", "net:[1000]", "early");
  process("10", "net:[2000]", "other");
  const Census seen = census();
  ASSERT_EQ(seen.namespaces.size(), 2u);
  EXPECT_EQ(seen.find(1000)->resident, (Resident{9, "early"}));
  EXPECT_EQ(seen.find(1000)->path, places.proc + "/9/ns/net");
  EXPECT_EQ(seen.find(2000)->resident, (Resident{10, "other"}));
  EXPECT_EQ(seen.find(3000), nullptr);
}

TEST_F(CensusTest, WhatIsNoProcessIsPassedOver) {
  process("7x", "net:[1000]");
  process("8", "mnt:[1000]");
  process("9", "net:[abc]");
  fs::create_directories(root / "proc/10");
  EXPECT_THAT(census().namespaces, IsEmpty());
}

TEST_F(CensusTest, TheHostsIsThatOfTheFirstProcessAndStandsFirst) {
  process("1", "net:[5000]", "init");
  process("2", "net:[1000]");
  process("thread-self", "net:[1000]");
  const Census seen = census();
  ASSERT_EQ(seen.namespaces.size(), 2u);
  EXPECT_TRUE(seen.namespaces[0].is_host);
  EXPECT_EQ(seen.namespaces[0].inode, 5000u);
  EXPECT_EQ(short_name(seen.namespaces[0]), "host");
  EXPECT_FALSE(seen.namespaces[0].is_own);
  EXPECT_TRUE(seen.namespaces[1].is_own);
}

TEST_F(CensusTest, WhereTheFirstProcessIsHiddenTheCallersOwnIsTheHostsInTheFirstUserNamespaceOnly) {
  process("20", "net:[1000]", "sh");
  process("thread-self", "net:[1000]");
  fs::create_directories(root / "proc/self/ns");
  fs::create_symlink("user:[4026531837]", root / "proc/self/ns/user");
  EXPECT_EQ(short_name(census().namespaces[0]), "host");
  fs::remove(root / "proc/self/ns/user");
  fs::create_symlink("user:[4026532000]", root / "proc/self/ns/user");
  EXPECT_EQ(short_name(census().namespaces[0]), "sh (20)");
}

TEST_F(CensusTest, WhereTheFirstProcessIsHiddenTheKernelsThreadsStandForIt) {
  process("2", "net:[5000]", "kthreadd");
  process("20", "net:[1000]", "sh");
  process("thread-self", "net:[1000]");
  fs::create_directories(root / "proc/self/ns");
  fs::create_symlink("user:[4026531837]", root / "proc/self/ns/user");
  EXPECT_TRUE(census().find(5000)->is_host);
  EXPECT_FALSE(census().find(1000)->is_host);
}

TEST_F(CensusTest, NamesAreThoseOfBothFoldersOnce) {
  fs::create_symlink("/proc/self/ns/net", root / "run/blue");
  fs::create_directory_symlink(root / "run", root / "run2");
  std::ofstream(root / "run/none") << "a file of an interrupted ip netns add";
  const Census seen = census();
  ASSERT_EQ(seen.namespaces.size(), 1u);
  EXPECT_EQ(seen.namespaces[0].inode, inode_of_ours());
  EXPECT_THAT(seen.namespaces[0].names, ElementsAre("blue"));
  EXPECT_FALSE(seen.namespaces[0].resident);
}

TEST_F(CensusTest, GivenNamesFollowThoseThatThereAre) {
  fs::create_symlink("/proc/self/ns/net", root / "run/blue");
  Census seen = census();
  add_names(seen, std::vector<GivenName>{{inode_of_ours(), "web"}, {inode_of_ours(), "blue"}, {1, "nobody"}});
  ASSERT_EQ(seen.namespaces.size(), 1u);
  EXPECT_THAT(seen.namespaces[0].names, ElementsAre("blue", "web"));
  EXPECT_EQ(short_name(seen.namespaces[0]), "blue");
}

TEST(NamespaceName, IsTheBestThatThereIs) {
  EXPECT_EQ(short_name({.inode = 5, .names = {"blue", "web"}, .resident = Resident{9, "curl"}, .path = "", .is_host = true}),
            "blue");
  EXPECT_EQ(short_name({.inode = 5, .names = {}, .resident = Resident{9, "curl"}, .path = ""}), "curl (9)");
  EXPECT_EQ(short_name({.inode = 5, .names = {}, .resident = {}, .path = ""}), "netns 5");
}

TEST_F(CensusTest, FindsByNameByProcessAndByPath) {
  fs::create_symlink("/proc/self/ns/net", root / "run/blue");
  const Census seen = census();
  for (const std::string& text : {std::string("blue"), std::to_string(::getpid()), (root / "run/blue").string()}) {
    const auto found = find_namespace(text, seen);
    ASSERT_TRUE(found) << text << ": " << found.error().message();
    EXPECT_EQ(identity_of(found->network.get())->inode, inode_of_ours());
  }
}

TEST_F(CensusTest, AnUnknownNameIsToldWithThoseNearBy) {
  fs::create_symlink("/proc/self/ns/net", root / "run/blue");
  process("9", "net:[2000]", "unlike");
  const auto near = find_namespace("blau", census());
  ASSERT_FALSE(near);
  EXPECT_TRUE(near.error().is(std::errc::no_such_file_or_directory));
  EXPECT_THAT(near.error().message(), HasSubstr("\"blau\" (is it blue?"));
  EXPECT_THAT(find_namespace("elsewhere", census()).error().message(), HasSubstr("there is unlike (9), blue?"));
}

TEST_F(CensusTest, AComplaintShowsNoControlCharacters) {
  process("9", "net:[2000]", "\033[2J");
  EXPECT_THAT(find_namespace("\033c", census()).error().message(), Not(HasSubstr("\033")));
}

TEST_F(CensusTest, AProcessThatIsNotThereIsToldSo) {
  const auto none = find_namespace("2147483647", census());
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().is(std::errc::no_such_process));
  EXPECT_THAT(none.error().message(), HasSubstr("there is no process 2147483647"));
}

TEST_F(CensusTest, OneThatHasGoneIsNotMistakenForAnother) {
  fs::create_symlink("/proc/self/ns/net", root / "run/blue");
  Census seen = census();
  seen.namespaces[0].inode += 1;  // another was there when it was counted
  EXPECT_TRUE(open_seen(seen.namespaces[0]).error().is(std::errc::no_such_process));
  fs::remove(root / "run/blue");
  EXPECT_TRUE(open_seen(seen.namespaces[0]).error().is(std::errc::no_such_process));
}

TEST_F(CensusTest, WithoutProcItFails) {
  places.proc = root / "absent";
  EXPECT_TRUE(take_census(places).error().is(std::errc::no_such_file_or_directory));
}

}  // namespace
}  // namespace postern::netns
