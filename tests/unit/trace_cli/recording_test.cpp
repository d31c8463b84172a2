#include "recording.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "postern/journey/event_json.h"

#include "events.h"

namespace postern::trace_cli {
namespace {

using journey::Captured, journey::Point, journey::to_json;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

class RecordingTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(::mkdtemp(folder_.data()), nullptr); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  Result<Recording> read(const std::string& text) const {
    std::ofstream(path()) << text;
    return read_recording(path());
  }
  std::string path() const { return folder_ + "/record"; }
  static std::string line(uint64_t time_ns) { return to_json(seen(time_ns, Point::ingress, echo(1)), Captured::kept) + "\n"; }

  std::string folder_ = "/tmp/postern-record-XXXXXX";
};

TEST_F(RecordingTest, HasEveryEventAndWhatWasLost) {
  const auto recording = read(line(1) + line(2) + "{\"lost\":3}\n");
  ASSERT_TRUE(recording) << recording.error().message();
  ASSERT_THAT(recording->events, SizeIs(2));
  EXPECT_EQ(recording->events[1].time_ns, 2U);
  EXPECT_EQ(recording->events[1].packet, echo(1));
  EXPECT_EQ(recording->lost, 3U);
}

TEST_F(RecordingTest, KnowsWhenItWasMade) {
  const Anchor anchor{.realtime_ns = 1'795'000'000'000'000'123, .monotonic_ns = 5'000'000'000};
  EXPECT_EQ(calendar_text(anchor), "2026-11-18 11:06:40 UTC");
  EXPECT_EQ(calendar_time(anchor, 4'000'000'000).time_since_epoch(), std::chrono::nanoseconds(1'794'999'999'000'000'123));
  const auto recording = read(record_line(anchor) + "\n" + line(1));
  ASSERT_TRUE(recording) << recording.error().message();
  EXPECT_EQ(recording->anchor, anchor);
  EXPECT_THAT(recording->events, SizeIs(1));
  EXPECT_FALSE(read(line(1))->anchor) << "older ones do not";
  for (const char* wrong : {"{\"record\":2,\"realtime_ns\":1,\"monotonic_ns\":1}", "{\"record\":1}", "{\"record\":"}) {
    const auto refused = read(std::string(wrong) + "\n" + line(1));
    ASSERT_FALSE(refused) << wrong;
    EXPECT_THAT(refused.error().message(), StartsWith(path() + ":1: "));
  }
}

TEST_F(RecordingTest, ALineThatIsNoEventIsNamed) {
  const auto recording = read(line(1) + "\n" + "{\"time_ns\":\n");
  ASSERT_FALSE(recording);
  EXPECT_THAT(recording.error().message(), StartsWith(path() + ":3: "));
}

TEST_F(RecordingTest, AnEmptyFileIsNone) {
  const auto recording = read("");
  ASSERT_FALSE(recording);
  EXPECT_THAT(recording.error().message(), HasSubstr("there is no event in it"));
  EXPECT_FALSE(read_recording(folder_ + "/none"));
  EXPECT_FALSE(read_recording(folder_)) << "a folder";
}

TEST(Selection, TakesWholeJourneysAndTheirAnswers) {
  journey::Packet after = echo(1, "192.0.2.1", "192.0.2.2");  // translated
  journey::Packet reply = echo(1, "192.0.2.2", "192.0.2.1");
  reply.icmp_type = 0;
  reply.ip_id = 5;
  std::vector<journey::Event> events = {seen(1, Point::postrouting, echo(1)), seen(2, Point::after_snat, after),
                                        seen(3, Point::ingress, reply), seen(4, Point::ingress, echo(2, "10.0.0.9"))};
  events[1].identity = events[0].identity;
  const auto filter = packet_filter::Filter::parse("src host 10.0.0.2");
  const auto selected = select(events, std::get<packet_filter::Filter>(filter));
  ASSERT_THAT(selected, SizeIs(3));
  EXPECT_EQ(selected[1].time_ns, 2U) << "by then it had another address";
  EXPECT_EQ(selected[2].time_ns, 3U) << "the answer";
}

TEST(Selection, WithoutAFilterIsEverything) {
  const auto filter = packet_filter::Filter::parse("");
  EXPECT_THAT(select({seen(1, Point::ingress, echo(1))}, std::get<packet_filter::Filter>(filter)), SizeIs(1));
}

}  // namespace
}  // namespace postern::trace_cli
