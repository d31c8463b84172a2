#include "postern/base/private_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "postern/base/file.h"

namespace postern {
namespace {

class PrivateFile : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(::mkdtemp(folder_.data()), nullptr); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string at(const char* name) const { return folder_ + "/" + name; }
  static std::string refusal(const std::string& path) {
    const auto made = replace_private_file(path);
    return made ? "made" : made.error().message();
  }

  std::string folder_ = "/tmp/postern-private-XXXXXX";
};

TEST_F(PrivateFile, IsForItsOwnerAlone) {
  ASSERT_TRUE(replace_private_file(at("new")));
  struct stat made {};
  ASSERT_EQ(::stat(at("new").c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777U, 0600U);
}

TEST_F(PrivateFile, TakesThePlaceOfAnOldOneWhoseReadersSeeNothing) {
  std::ofstream(at("old")) << "old";
  ASSERT_EQ(::chmod(at("old").c_str(), 0644), 0);
  ASSERT_EQ(::link(at("old").c_str(), at("other-name").c_str()), 0);
  const auto file = replace_private_file(at("old"));
  ASSERT_TRUE(file);
  std::string_view text = "new";
  ASSERT_TRUE(write_all(file->get(), text, "new"));
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(read_file(at("old")), "new");
  EXPECT_EQ(read_file(at("other-name")), "old");
}

TEST_F(PrivateFile, FollowsNoLinkAndWaitsForNoReader) {
  std::ofstream(at("target")) << "kept";
  std::filesystem::create_symlink(at("target"), at("link"));
  ASSERT_EQ(::mkfifo(at("fifo").c_str(), 0600), 0);
  EXPECT_EQ(refusal(at("link")), at("link") + " is no ordinary file");
  EXPECT_EQ(refusal(at("fifo")), at("fifo") + " is no ordinary file");
  EXPECT_EQ(read_file(at("target")), "kept");
}

TEST_F(PrivateFile, LeavesWhatIsAnotherUsers) {
  if (::geteuid() != 0) GTEST_SKIP() << "missing: root, to give a file away";
  std::ofstream(at("others")) << "kept";
  ASSERT_EQ(::chown(at("others").c_str(), 12345, 12345), 0);
  EXPECT_NE(refusal(at("others")).find("another user"), std::string::npos);
  EXPECT_EQ(read_file(at("others")), "kept");
}

TEST(WriteAll, TellsWhatIsLeft) {
  std::string_view text = "for nobody";
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  const Status written = write_all(full.get(), text, "/dev/full");
  ASSERT_FALSE(written);
  EXPECT_TRUE(written.error().is(std::errc::no_space_on_device));
  EXPECT_EQ(text, "for nobody");
}

}  // namespace
}  // namespace postern
