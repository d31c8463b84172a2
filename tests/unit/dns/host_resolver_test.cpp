#include "postern/dns/host_resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
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

TEST_F(HostResolverOfAFile, DoesNotLookAtItWhereServersWereChosen) {
  write("resolv.conf", "nameserver 192.0.2.1\n");
  HostResolver resolver({at("192.0.2.9")}, path());
  EXPECT_THAT(resolver.look().servers(), ElementsAre(at("192.0.2.9")));
}

}  // namespace
}  // namespace postern::dns
