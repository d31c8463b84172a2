#include "postern/trace/instance_stream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "postern/journey/event_json.h"

namespace postern::trace {
namespace {

class InstanceStreamTest : public testing::Test {
 protected:
  void open() {
    ask();
    say("granted\n");
    stream_->drain();
    ASSERT_TRUE(stream_->is_granted());
  }
  void ask() {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    server_ = UniqueFd(ends[0]);
    auto stream =
        InstanceStream::open(*loop_, UniqueFd(ends[1]), {.pid = 7, .name = "postern"},
                             {.sink = [this](journey::Event&& event) { events_.push_back(std::move(event)); },
                              .grant = [](std::string_view line) { return line == "granted" ? Status() : Status(fail("no")); },
                              .ended = [this] { ++ended_; }});
    ASSERT_TRUE(stream);
    stream_ = *std::move(stream);
  }
  void say(std::string_view text) {
    ASSERT_EQ(::write(server_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  static std::string line(uint64_t time_ns) {
    journey::Event event;
    event.time_ns = time_ns;
    event.observer = journey::Observer::relay;
    event.point = journey::Point::tap_in;
    return journey::to_json(event, journey::Captured::kept) + "\n";
  }

  std::unique_ptr<loop::EventLoop> loop_ = *loop::EventLoop::create();
  UniqueFd server_;
  std::unique_ptr<InstanceStream> stream_;
  std::vector<journey::Event> events_;
  int ended_ = 0;
};

TEST_F(InstanceStreamTest, ALineIsAnEventHoweverItIsCut) {
  open();
  say(line(1).substr(0, 5));
  stream_->drain();
  EXPECT_TRUE(events_.empty());
  say(line(1).substr(5) + line(2) + line(3).substr(0, 7));
  ASSERT_TRUE(loop_->turn());
  say(line(3).substr(7));
  stream_->drain();
  ASSERT_EQ(events_.size(), 3u);
  EXPECT_EQ(events_[0].time_ns, 1u);
  EXPECT_EQ(events_[2].time_ns, 3u);
  EXPECT_EQ(events_[2].point, journey::Point::tap_in);
}

TEST_F(InstanceStreamTest, CountsWhatWasLostAndWhatIsNotUnderstood) {
  open();
  say("{\"lost\":3}\n");
  say("{\"lost\":4}\nnonsense\n{\"lost\":x}\n" + line(9));
  stream_->drain();
  EXPECT_EQ(stream_->lost(), 7u);
  EXPECT_EQ(stream_->not_understood(), 2u);
  EXPECT_EQ(events_.size(), 1u);
}

TEST_F(InstanceStreamTest, WaitsForTheGrantAndTakesNothingWhereThereIsNone) {
  ask();
  EXPECT_FALSE(stream_->is_granted());
  say("refused\n" + line(1));
  stream_->drain();
  EXPECT_FALSE(stream_->is_granted());
  EXPECT_TRUE(events_.empty());
  EXPECT_EQ(ended_, 1);
}

TEST_F(InstanceStreamTest, BelievesNoBoundlessLoss) {
  open();
  say("{\"lost\":18446744073709551615}\n{\"lost\":18446744073709551615}\n");
  stream_->drain();
  EXPECT_EQ(stream_->lost(), InstanceStream::kMostLost);
}

TEST_F(InstanceStreamTest, TakesWhatASpeakerCanHaveSeen) {
  open();
  journey::Event event;
  event.time_ns = 1;
  event.point = journey::Point::ingress;
  say(journey::to_json(event, journey::Captured::kept) + "\n");
  event.point = journey::Point::engine;
  event.identity = 5;
  say(journey::to_json(event, journey::Captured::kept) + "\n");
  stream_->drain();
  EXPECT_EQ(stream_->not_understood(), 1u);
  ASSERT_EQ(events_.size(), 1u);
  EXPECT_EQ(events_[0].observer, journey::Observer::relay);
  EXPECT_EQ(events_[0].identity, uint64_t{7} << 40 | 5);
}

TEST_F(InstanceStreamTest, TellsOnceThatTheOtherSideHasGone) {
  open();
  say(line(1));
  server_ = {};
  for (int turns = 0; turns < 3 && ended_ == 0; ++turns) ASSERT_TRUE(loop_->turn(std::chrono::seconds(5)));
  EXPECT_EQ(ended_, 1);
  EXPECT_EQ(events_.size(), 1u);
  stream_->drain();
  EXPECT_EQ(ended_, 1);
}

TEST_F(InstanceStreamTest, ALineWithoutEndIsTheEnd) {
  open();
  for (int i = 0; i < 5; ++i) {
    say(std::string(65'536, 'x'));
    stream_->drain();
  }
  for (int turns = 0; turns < 3 && ended_ == 0; ++turns) ASSERT_TRUE(loop_->turn(std::chrono::milliseconds(100)));
  EXPECT_EQ(ended_, 1);
}

}  // namespace
}  // namespace postern::trace
