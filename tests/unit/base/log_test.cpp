// log_test.cpp - what reaches standard error, whatever names are in it.
#include "postern/base/log.h"

#include <gtest/gtest.h>

namespace postern::log {
namespace {

std::string written(std::string_view line) {
  testing::internal::CaptureStderr();
  write(Level::warning, line);
  return testing::internal::GetCapturedStderr();
}

TEST(Log, AStrangersNameReachesNoTerminalAsItIs) {
  EXPECT_EQ(written("watching \033]0;X\007\033[31m too"), "postern: warning: watching \\x1b]0;X\\x07\\x1b[31m too\n");
}

TEST(Log, WholeCharactersAndLinesStay) {
  EXPECT_EQ(written("br\u00fccke: tcp prot 80\n            ^~~~"),
            "postern: warning: br\u00fccke: tcp prot 80\n            ^~~~\n");
}

}  // namespace
}  // namespace postern::log
