#include "text_sink.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "postern/base/file.h"

namespace postern::trace_cli {
namespace {

/// A disk that is full for as long as this lives.
class FilesEndAt {
 public:
  explicit FilesEndAt(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
  }
  FilesEndAt(const FilesEndAt&) = delete;
  FilesEndAt& operator=(const FilesEndAt&) = delete;
  ~FilesEndAt() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = SIG_DFL;
};

TEST(TextSink, WritesNothingTwiceAfterAnErrorInTheMiddle) {
  std::string folder = "/tmp/postern-sink-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/file";
  auto sink = TextSink::file(path);
  ASSERT_TRUE(sink) << sink.error().message();
  ASSERT_TRUE(sink->write("0123456789abcde"));
  {
    const FilesEndAt limit(10);
    EXPECT_FALSE(sink->flush());
  }
  EXPECT_EQ(read_file(path), "0123456789");
  EXPECT_TRUE(sink->flush());
  EXPECT_EQ(read_file(path), "0123456789abcde");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace postern::trace_cli
