// open_files_test.cpp - over a /proc of the test's own.
#include "open_files.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace postern::inspect {
namespace {

namespace fs = std::filesystem;

class OpenFilesTest : public testing::Test {
 protected:
  OpenFilesTest() {
    std::string pattern = testing::TempDir() + "open_files.XXXXXX";
    proc = ::mkdtemp(pattern.data());
  }
  ~OpenFilesTest() override { fs::remove_all(proc); }

  void descriptor(const std::string& pid, const std::string& number, const std::string& link, const std::string& fdinfo = "") {
    const fs::path process = proc / pid;
    fs::create_directories(process / "fd");
    fs::create_directories(process / "fdinfo");
    fs::create_symlink(link, process / "fd" / number);
    std::ofstream(process / "fdinfo" / number) << fdinfo;
    std::ofstream(process / "comm") << "program" << pid << "\n";
  }

  fs::path proc;
};

TEST_F(OpenFilesTest, ATapIsWhatItsFdinfoSaysIsOne) {
  descriptor("7", "5", "/dev/net/tun", "pos:\t0\nflags:\t0104002\nmnt_id:\t30\nino:\t160\niff:\ttap7\n");
  const OpenFiles files = list_open_files(proc);
  ASSERT_EQ(files.taps.size(), 1u);
  EXPECT_EQ(files.taps[0].device, "tap7");
  EXPECT_EQ(files.taps[0].descriptor, 5);
  EXPECT_EQ(files.taps[0].program.pid, 7);
  EXPECT_EQ(files.taps[0].program.name, "program7");
}

TEST_F(OpenFilesTest, AFileThatOnlyHasTheNameIsNone) {
  descriptor("7", "5", "/tmp/mine/net/tun", "pos:\t0\nflags:\t0100002\nmnt_id:\t30\nino:\t3\n");
  EXPECT_TRUE(list_open_files(proc).taps.empty());
}

TEST_F(OpenFilesTest, ASocketHasItsProgramsOnceEach) {
  descriptor("7", "5", "socket:[4711]");
  descriptor("7", "6", "socket:[4711]");
  descriptor("8", "3", "socket:[4711]");
  const OpenFiles files = list_open_files(proc);
  ASSERT_EQ(files.sockets.size(), 1u);
  EXPECT_EQ(files.sockets.at(4711).size(), 2u);
}

}  // namespace
}  // namespace postern::inspect
