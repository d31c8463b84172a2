// listening_socket_test.cpp - the socket file: whose it is, when it is replaced, when it goes.
#include "listening_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace postern::api {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class ListeningSocketFile : public testing::Test {
 protected:
  ListeningSocketFile() {
    std::string folder = (fs::temp_directory_path() / "postern-api-XXXXXX").string();
    if (!::mkdtemp(folder.data())) ADD_FAILURE() << folder;
    folder_ = folder;
  }
  ~ListeningSocketFile() override { fs::remove_all(folder_); }
  std::string path() const { return (folder_ / "s").string(); }
  bool exists() const { return fs::exists(fs::symlink_status(path())); }

  fs::path folder_;
};

TEST_F(ListeningSocketFile, IsForItsOwnerAloneWhateverTheUmask) {
  const mode_t before = ::umask(0);
  const auto socket = listen_at(path());
  ::umask(before);
  ASSERT_TRUE(socket) << socket.error().message();
  EXPECT_EQ(fs::status(path()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(ListeningSocketFile, GoesWithItsObject) {
  {
    const auto socket = listen_at(path());
    EXPECT_TRUE(exists());
  }
  EXPECT_FALSE(exists());
}

TEST_F(ListeningSocketFile, StaysWhenItIsAnothersByThen) {
  {
    auto first = listen_at(path());
    ASSERT_TRUE(first);
    fs::rename(path(), folder_ / "kept");  // so that the inode's number is not given again
    std::ofstream(path()) << "another";
  }
  EXPECT_TRUE(exists());
}

TEST_F(ListeningSocketFile, OnWhichNobodyListensIsReplaced) {
  if (const pid_t child = ::fork(); child == 0) {
    const auto socket = listen_at(path());
    ::_exit(socket ? 0 : 1);  // without destructors, as SIGKILL does
  } else {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }
  ASSERT_TRUE(exists());
  const auto socket = listen_at(path());
  EXPECT_TRUE(socket) << socket.error().message();
}

TEST_F(ListeningSocketFile, ThatIsServedIsRefused) {
  const auto first = listen_at(path());
  ASSERT_TRUE(first);
  const auto second = listen_at(path());
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message(), HasSubstr("another program serves"));
  EXPECT_TRUE(exists());
}

TEST_F(ListeningSocketFile, ThatIsNoSocketIsRefusedAndKept) {
  std::ofstream(path()) << "precious";
  const auto socket = listen_at(path());
  ASSERT_FALSE(socket);
  EXPECT_THAT(socket.error().message(), HasSubstr("is no socket"));
  EXPECT_EQ(fs::file_size(path()), 8U);
  fs::remove(path());
  fs::create_symlink("/dev/null", path());
  EXPECT_FALSE(listen_at(path()));
}

TEST_F(ListeningSocketFile, HasAPathOf107BytesAtMost) {
  const std::string folder = folder_.string() + "/";
  const auto longest = listen_at(folder + std::string(107 - folder.size(), 'x'));
  EXPECT_TRUE(longest) << longest.error().message();
  const auto too_long = listen_at(folder + std::string(108 - folder.size(), 'x'));
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().message(), "the specified API socket path is too long (>= 108)");
}

TEST_F(ListeningSocketFile, NeedsAFolderAndAName) {
  EXPECT_FALSE(listen_at(""));
  EXPECT_FALSE(listen_at(folder_.string() + "/"));
  EXPECT_FALSE(listen_at(folder_.string() + "/none/s"));
}

/// As the sandbox does it: a tmpfs for a root, and the old one detached; or hidden, where it is the kernel's first. Returns
/// whether it could.
bool change_root(const fs::path& onto) {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
    return false;
  if (::mount("tmpfs", onto.c_str(), "tmpfs", 0, nullptr) < 0 || ::chdir(onto.c_str()) < 0) return false;
  if (::syscall(SYS_pivot_root, ".", ".") == 0) return ::umount2(".", MNT_DETACH) == 0 && ::chdir("/") == 0;
  return ::mount(".", "/", nullptr, MS_MOVE, nullptr) == 0 && ::chroot(".") == 0 && ::chdir("/") == 0;
}

TEST_F(ListeningSocketFile, GoesAlsoWhenTheRootIsAnother) {
  const fs::path root = folder_ / "root";
  fs::create_directory(root);
  const pid_t child = ::fork();
  if (child == 0) {
    {
      const auto socket = listen_at(path());
      if (!socket || !change_root(root)) ::_exit(1);
      if (fs::exists(folder_)) ::_exit(2);
    }
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(WEXITSTATUS(status), 0) << "1: no new root can be had; 2: it is the old one";
  EXPECT_FALSE(exists());
}

}  // namespace
}  // namespace postern::api
