#include "postern/loop/event_loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

namespace postern::loop {
namespace {

struct Pipe {
  UniqueFd read_end, write_end;
  Pipe() {
    std::array<int, 2> fds{};
    if (::pipe2(fds.data(), O_CLOEXEC | O_NONBLOCK) == 0) {
      read_end = UniqueFd(fds[0]);
      write_end = UniqueFd(fds[1]);
    }
  }
  void fill() const { EXPECT_EQ(::write(write_end.get(), "x", 1), 1); }
};

class EventLoopTest : public ::testing::Test {
 protected:
  std::unique_ptr<EventLoop> loop = *EventLoop::create();
};

TEST_F(EventLoopTest, DeliversTheKeyTheSourceGave) {
  Pipe pipe;
  uint32_t seen = 0;
  auto source = loop->make_source([&](uint32_t key, uint32_t) { seen = key; });
  ASSERT_TRUE(source.watch(pipe.read_end.get(), EPOLLIN, 77));
  pipe.fill();
  ASSERT_TRUE(loop->turn());
  EXPECT_EQ(seen, 77u);
}

TEST_F(EventLoopTest, PollingEndsWithWhatItWaitsFor) {
  Pipe pipe;
  int calls = 0;
  auto source = loop->make_source([&](uint32_t, uint32_t) { ++calls; });
  ASSERT_TRUE(source.watch(pipe.read_end.get(), EPOLLIN));
  pipe.fill();
  ASSERT_TRUE(loop->turn(std::nullopt, std::chrono::hours(1)));
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, PollingIsTheBeginningOfAWait) {
  constexpr Duration kLimit = std::chrono::milliseconds(2);
  ASSERT_TRUE(loop->turn(kLimit, std::chrono::microseconds(1)));
  EXPECT_GE(loop->waited(), kLimit);
  ASSERT_TRUE(loop->turn(Duration::zero(), std::chrono::hours(1)));
}

TEST_F(EventLoopTest, WatchingANumberThatWasClosedAndReusedAddsItAgain) {
  int calls = 0;
  auto source = loop->make_source([&](uint32_t, uint32_t) { ++calls; });
  int number = -1;
  for (int round = 0; round < 3; ++round) {
    Pipe pipe;  // the kernel forgets the closed one; the next pipe gets the same numbers
    ASSERT_TRUE(round == 0 || pipe.read_end.get() == number);
    number = pipe.read_end.get();
    ASSERT_TRUE(source.watch(number, EPOLLIN));
    pipe.fill();
    ASSERT_TRUE(loop->turn());
  }
  EXPECT_EQ(calls, 3);
}

TEST_F(EventLoopTest, ASourceRetiredByAnEarlierEventOfTheSameTurnHearsNothing) {
  Pipe first, second;
  int calls = 0;
  EventLoop::Source one, two;
  const auto retire_both = [&](uint32_t, uint32_t) {
    ++calls;
    one = {};
    two = {};
  };
  one = loop->make_source(retire_both);
  two = loop->make_source(retire_both);
  ASSERT_TRUE(one.watch(first.read_end.get(), EPOLLIN));
  ASSERT_TRUE(two.watch(second.read_end.get(), EPOLLIN));
  first.fill();
  second.fill();
  ASSERT_TRUE(loop->turn());
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, ASlotGivenToAnotherSourceDoesNotInheritEvents) {
  Pipe pipe;
  int calls = 0;
  auto old_source = loop->make_source([&](uint32_t, uint32_t) { ++calls; });
  ASSERT_TRUE(old_source.watch(pipe.read_end.get(), EPOLLIN));
  old_source = {};
  auto heir = loop->make_source([&](uint32_t, uint32_t) { ++calls; });
  pipe.fill();
  ASSERT_TRUE(loop->turn(Duration::zero()));
  EXPECT_EQ(calls, 0);
}

TEST_F(EventLoopTest, TimersFireInOrderAndOnlyWhenDue) {
  std::string order;
  EventLoop::Timer late(*loop, [&] { order += "late"; });
  EventLoop::Timer early(*loop, [&] { order += "early "; });
  EventLoop::Timer never(*loop, [&] { order += "never"; });
  const TimePoint start = Clock::now();
  never.set(start + std::chrono::hours(1));
  late.set(start);
  early.set(start - std::chrono::seconds(1));
  ASSERT_TRUE(loop->turn());
  EXPECT_EQ(order, "early late");
}

TEST_F(EventLoopTest, ACancelledTimerDoesNotFire) {
  bool fired = false;
  EventLoop::Timer timer(*loop, [&] { fired = true; });
  timer.set(Clock::now());
  timer.cancel();
  ASSERT_TRUE(loop->turn(Duration::zero()));
  EXPECT_FALSE(fired);
}

TEST_F(EventLoopTest, ARegularFileIsRefused) {
  UniqueFd file(::open("/etc/passwd", O_RDONLY | O_CLOEXEC));
  auto source = loop->make_source([](uint32_t, uint32_t) {});
  EXPECT_TRUE(source.watch(file.get(), EPOLLIN).error().is(std::errc::operation_not_permitted));
}

}  // namespace
}  // namespace postern::loop
