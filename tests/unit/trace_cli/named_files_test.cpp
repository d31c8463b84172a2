#include "named_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace postern::trace_cli {
namespace {

class NamedFiles : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    std::ofstream(at("old")) << "old";
    std::filesystem::create_hard_link(at("old"), at("also-old"));
    std::filesystem::create_symlink(at("old"), at("link"));
    std::filesystem::create_directory_symlink(folder_, at("here"));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string at(const std::string& name) const { return folder_ + "/" + name; }
  struct Names {
    std::string html = {}, record = {}, replay = {}, pcap = {};
  };
  static std::string error_of(const Names& names) {
    TraceOptions options;
    options.html = names.html;
    options.record = names.record;
    options.replay = names.replay;
    options.pcap = names.pcap;
    const Status differ = check_files_differ(options);
    return differ ? "" : differ.error().message();
  }

  std::string folder_ = "/tmp/postern-named-XXXXXX";
};

TEST_F(NamedFiles, ThatDifferAreGood) {
  EXPECT_EQ(error_of({}), "");
  EXPECT_EQ(error_of({.html = at("a"), .record = at("b"), .replay = at("old"), .pcap = at("c")}), "");
  EXPECT_EQ(error_of({.html = "-", .record = at("b")}), "");
  EXPECT_EQ(error_of({.html = "/no/such", .record = "/no/such"}), "") << "that it cannot be made is told by who tries";
}

TEST_F(NamedFiles, NothingIsWrittenOverWhatIsRead) {
  for (const std::string name : {"old", "also-old", "link", "here/old", "./old"}) {
    const std::string why = ": it would take the place of what --replay reads";
    EXPECT_EQ(error_of({.record = at(name), .replay = at("old")}), "--record " + at(name) + why);
    EXPECT_EQ(error_of({.html = at(name), .replay = at("old")}), "--html " + at(name) + why);
    EXPECT_EQ(error_of({.replay = at("old"), .pcap = at(name)}), "--pcap " + at(name) + why);
    EXPECT_NE(error_of({.record = at("old"), .replay = at(name)}), "");
  }
}

TEST_F(NamedFiles, EachIsWrittenByOne) {
  for (const std::string name : {"new", "./new", "here/new"}) {
    EXPECT_EQ(error_of({.html = at("new"), .record = at(name)}), "--html " + at("new") + ": it is the file of --record too");
    EXPECT_EQ(error_of({.record = at(name), .pcap = at("new")}), "--pcap " + at("new") + ": it is the file of --record too");
    EXPECT_EQ(error_of({.html = at(name), .pcap = at("new")}), "--pcap " + at("new") + ": it is the file of --html too");
  }
}

}  // namespace
}  // namespace postern::trace_cli
