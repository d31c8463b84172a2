#include "postern/base/file.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace postern {
namespace {

TEST(File, WhatWasWrittenIsReadWhole) {
  std::string path = ::testing::TempDir() + "postern_file_test_XXXXXX";
  const int fd = ::mkstemp(path.data());
  ASSERT_GE(fd, 0);
  ::close(fd);
  const std::string text(10'000, 'x');
  EXPECT_TRUE(write_file(path, text));
  EXPECT_EQ(*read_file(path), text);
  ::unlink(path.c_str());
  EXPECT_TRUE(read_file(path).error().is(std::errc::no_such_file_or_directory));
  EXPECT_TRUE(write_file(path, text).error().is(std::errc::no_such_file_or_directory)) << "it makes no file";
}

TEST(File, AFolderIsNotRead) { EXPECT_TRUE(read_file("/").error().is(std::errc::is_a_directory)); }

}  // namespace
}  // namespace postern
