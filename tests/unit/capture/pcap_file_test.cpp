// A capture file, read byte by byte: draft-ietf-opsawg-pcap, with nanoseconds.
#include "postern/capture/pcap_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "postern/base/file.h"

namespace postern::capture {
namespace {

constexpr uint32_t kNanosecondMagic = 0xa1b23c4d;
constexpr size_t kHeaderBytes = 24, kRecordBytes = 16;

uint32_t load32(const std::string& bytes, size_t at) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

class PcapFileTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    path_ = folder_ + "/x.pcap";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string content() const { return read_file(path_).value_or(""); }
  static Status add(PcapFile& file, std::string first, std::string second, std::chrono::nanoseconds when) {
    const std::array<iovec, 2> parts = {iovec{first.data(), first.size()}, iovec{second.data(), second.size()}};
    return file.add(parts,
                    std::chrono::system_clock::time_point(std::chrono::duration_cast<std::chrono::system_clock::duration>(when)));
  }

  std::string folder_ = "/tmp/postern-pcap-XXXXXX";
  std::string path_;
};

TEST_F(PcapFileTest, BeginsWithAHeaderThatSaysWhatARecordBeginsWith) {
  for (const auto& [begins, link] : {std::pair(PcapFile::Begins::ethernet, 1u), std::pair(PcapFile::Begins::ip, 101u),
                                     std::pair(PcapFile::Begins::linux_sll2, 276u)}) {
    auto file = PcapFile::create(path_, begins);
    ASSERT_TRUE(file) << file.error().message();
    const std::string header = content();  // while it is open
    ASSERT_EQ(header.size(), kHeaderBytes);
    EXPECT_EQ(load32(header, 0), kNanosecondMagic);
    EXPECT_EQ(load32(header, 16), PcapFile::kMostBytes);
    EXPECT_EQ(load32(header, 20), link);
  }
}

TEST_F(PcapFileTest, HoldsThePartsOfAPacketAsOneAndItsTimeInNanoseconds) {
  auto file = PcapFile::create(path_, PcapFile::Begins::ethernet);
  ASSERT_TRUE(file);
  ASSERT_TRUE(add(*file, "head", "and data", std::chrono::nanoseconds(5'000'000'123)));
  ASSERT_TRUE(file->flush());
  const std::string bytes = content();
  ASSERT_EQ(bytes.size(), kHeaderBytes + kRecordBytes + 12);
  EXPECT_EQ(load32(bytes, kHeaderBytes), 5u);
  EXPECT_EQ(load32(bytes, kHeaderBytes + 4), 123u);
  EXPECT_EQ(load32(bytes, kHeaderBytes + 8), 12u);
  EXPECT_EQ(load32(bytes, kHeaderBytes + 12), 12u);
  EXPECT_EQ(bytes.substr(kHeaderBytes + kRecordBytes), "headand data");
}

TEST_F(PcapFileTest, CutsShortWhatIsLongerThanAnyFrameAndSaysHowLongItWas) {
  auto file = PcapFile::create(path_, PcapFile::Begins::ethernet);
  ASSERT_TRUE(file);
  ASSERT_TRUE(add(*file, std::string(PcapFile::kMostBytes, 'a'), "more", {}));
  ASSERT_TRUE(file->flush());
  const std::string bytes = content();
  EXPECT_EQ(load32(bytes, kHeaderBytes + 8), PcapFile::kMostBytes);
  EXPECT_EQ(load32(bytes, kHeaderBytes + 12), PcapFile::kMostBytes + 4);
  EXPECT_EQ(bytes.size(), kHeaderBytes + kRecordBytes + PcapFile::kMostBytes);
}

TEST_F(PcapFileTest, SaysHowLongAPacketWasOfWhichItHasTheBeginning) {
  auto file = PcapFile::create(path_, PcapFile::Begins::ip);
  ASSERT_TRUE(file);
  std::string start = "beginning";
  const iovec part{start.data(), start.size()};
  ASSERT_TRUE(file->add({&part, 1}, {}, 1'400));
  ASSERT_TRUE(file->flush());
  EXPECT_EQ(load32(content(), kHeaderBytes + 8), start.size());
  EXPECT_EQ(load32(content(), kHeaderBytes + 12), 1'400u);
}

TEST_F(PcapFileTest, WritesAtItsEndWhatWasNotFlushed) {
  {
    auto file = PcapFile::create(path_, PcapFile::Begins::ethernet);
    ASSERT_TRUE(file && add(*file, "a", "b", {}));
    EXPECT_EQ(content().size(), kHeaderBytes);
  }
  EXPECT_EQ(content().size(), kHeaderBytes + kRecordBytes + 2);
}

TEST_F(PcapFileTest, IsReadableForItsOwnerAloneEvenInThePlaceOfAnother) {
  FILE* const old = std::fopen(path_.c_str(), "w+");
  ASSERT_TRUE(old);
  ASSERT_EQ(::chmod(path_.c_str(), 0644), 0);
  ASSERT_TRUE(PcapFile::create(path_, PcapFile::Begins::ethernet));
  struct stat made {};
  ASSERT_EQ(::stat(path_.c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777u, 0600u);
  EXPECT_EQ(std::fgetc(old), EOF) << "who had the old file open reads the new one";
  std::fclose(old);
}

TEST_F(PcapFileTest, RefusesWhatIsNoOrdinaryFile) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const auto fifo = PcapFile::create(path_, PcapFile::Begins::ethernet);
  ASSERT_FALSE(fifo);
  EXPECT_NE(fifo.error().message().find("no ordinary file"), std::string::npos) << fifo.error().message();
  const std::string link = folder_ + "/link";
  ASSERT_EQ(::symlink("/nowhere/at/all", link.c_str()), 0);
  EXPECT_FALSE(PcapFile::create(link, PcapFile::Begins::ethernet));
  EXPECT_FALSE(PcapFile::create(folder_ + "/no/such/folder", PcapFile::Begins::ethernet));
}

TEST_F(PcapFileTest, TellsThatTheDeviceIsFull) {
  auto file = PcapFile::create(path_, PcapFile::Begins::ethernet);
  ASSERT_TRUE(file);
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  const std::string target = std::filesystem::canonical(path_);
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry.path(), gone) != target) continue;
    ASSERT_GE(::dup3(full.get(), std::stoi(entry.path().filename()), O_CLOEXEC), 0);
  }
  ASSERT_TRUE(add(*file, "a", "b", {}));
  const Status flushed = file->flush();
  ASSERT_FALSE(flushed);
  EXPECT_TRUE(flushed.error().is(std::errc::no_space_on_device)) << flushed.error().message();
  EXPECT_FALSE(add(*file, "a", "b", {}));
}

}  // namespace
}  // namespace postern::capture
