#include "postern/dns/host_resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace postern::dns {
namespace {

using ::testing::ElementsAre;

NameServer at(const char* address) { return {*parse_ip(address)}; }

class HostResolverOfAFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string made = ::testing::TempDir() + "resolverXXXXXX";
    ASSERT_NE(::mkdtemp(made.data()), nullptr);
    folder_ = made;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path(const char* name = "resolv.conf") const { return folder_ + "/" + name; }
  void write(const char* name, const std::string& text) const { std::ofstream(path(name)) << text; }

  std::string folder_;
};

TEST_F(HostResolverOfAFile, TakesAMissingAndAnEmptyOneForTheHostItself) {
  HostResolver resolver({}, path());
  EXPECT_THAT(resolver.look().servers(), ElementsAre(at("127.0.0.1"), at("::1")));
  write("resolv.conf", "nameserver 192.0.2.1\n");
  EXPECT_THAT(resolver.look().servers(), ElementsAre(at("192.0.2.1")));
  write("resolv.conf", "");
  EXPECT_THAT(resolver.look().servers(), ElementsAre(at("127.0.0.1"), at("::1")));
  write("resolv.conf", "nameserver 192.0.2.1\n");
  EXPECT_THAT(resolver.look().servers(), ElementsAre(at("192.0.2.1")));
  ASSERT_EQ(::unlink(path().c_str()), 0);
  EXPECT_THAT(resolver.look().servers(), ElementsAre(at("127.0.0.1"), at("::1")));
}

TEST_F(HostResolverOfAFile, SeesOneThatIsReplacedAndALinkThatIsSwitched) {
  write("one", "nameserver 192.0.2.1\n");
  write("two", "nameserver 192.0.2.2\n");
  ASSERT_EQ(::symlink("one", path().c_str()), 0);
  HostResolver resolver({}, path());
  EXPECT_THAT(resolver.look().servers(), ElementsAre(at("192.0.2.1")));
  ASSERT_EQ(::symlink("two", path("next").c_str()), 0);
  ASSERT_EQ(::rename(path("next").c_str(), path().c_str()), 0);
  EXPECT_THAT(resolver.look().servers(), ElementsAre(at("192.0.2.2")));
  write("three", "nameserver 192.0.2.3\n");
  ASSERT_EQ(::rename(path("three").c_str(), path("two").c_str()), 0);
  EXPECT_THAT(resolver.look().servers(), ElementsAre(at("192.0.2.3")));
}

TEST_F(HostResolverOfAFile, KeepsItsChoiceWhileItCannotBeRead) {
  write("resolv.conf", "nameserver 192.0.2.1\n");
  HostResolver resolver({}, path());
  EXPECT_THAT(resolver.look().servers(), ElementsAre(at("192.0.2.1")));
  write("resolv.conf", "nameserver 192.0.2.22\n");
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  resolver.look();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_THAT(resolver.choice().servers(), ElementsAre(at("192.0.2.1")));
  EXPECT_THAT(resolver.look().servers(), ElementsAre(at("192.0.2.22")));
}

TEST_F(HostResolverOfAFile, KeepsItsChoiceWhileItCannotBeFoundOut) {
  write("resolv.conf", "nameserver 192.0.2.1\n");
  HostResolver resolver({}, path());
  EXPECT_THAT(resolver.look().servers(), ElementsAre(at("192.0.2.1")));
  ASSERT_EQ(::unlink(path().c_str()), 0);
  ASSERT_EQ(::symlink("resolv.conf", path().c_str()), 0);  // ELOOP
  EXPECT_THAT(resolver.look().servers(), ElementsAre(at("192.0.2.1")));
}

TEST_F(HostResolverOfAFile, TakesWhatIsNoRegularFileForAnEmptyOneAndDoesNotWaitForIt) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  write("file", "nameserver 192.0.2.1\n");
  HostResolver resolver({}, path("link"));
  for (const std::string& other : {path(), std::string("/dev/zero"), folder_}) {
    ASSERT_EQ(::symlink("file", path("link").c_str()), 0);
    EXPECT_THAT(resolver.look().servers(), ElementsAre(at("192.0.2.1")));
    ASSERT_EQ(::unlink(path("link").c_str()), 0);
    ASSERT_EQ(::symlink(other.c_str(), path("link").c_str()), 0);
    EXPECT_THAT(resolver.look().servers(), ElementsAre(at("127.0.0.1"), at("::1"))) << other;
    ASSERT_EQ(::unlink(path("link").c_str()), 0);
  }
}

TEST_F(HostResolverOfAFile, ReadsTheFirst64KiBAndNoHalfLine) {
  const std::string first = "nameserver 192.0.2.1\n", cut = "nameserver 192.0.2.";
  const std::string padding(65'536 - first.size() - cut.size() - 2, ' ');
  write("resolv.conf", first + "#" + padding + "\n" + cut + "2\nnameserver 192.0.2.3\n");
  HostResolver resolver({}, path());
  EXPECT_THAT(resolver.look().servers(), ElementsAre(at("192.0.2.1")));
  write("resolv.conf", first + "#" + padding.substr(1) + "\n" + cut + "22\n");
  EXPECT_THAT(resolver.look().servers(), ElementsAre(at("192.0.2.1")));
}

TEST_F(HostResolverOfAFile, DoesNotLookAtItWhereServersWereChosen) {
  write("resolv.conf", "nameserver 192.0.2.1\n");
  HostResolver resolver({at("192.0.2.9")}, path());
  EXPECT_THAT(resolver.look().servers(), ElementsAre(at("192.0.2.9")));
}

}  // namespace
}  // namespace postern::dns
