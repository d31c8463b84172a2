// tcp_receiver_test.cpp - how much may come.
#include "tcp_receiver.h"

#include <gtest/gtest.h>

namespace postern::flow {
namespace {

constexpr uint32_t kSegment = 1460;

TEST(TcpReceiver, SmallSegmentsToAHostThatTakesNothingDoNotFillMoreThanTheBudget) {
  TcpReceiver receiver(Sequence{}, TcpReceiver::kWindowShift, kSegment);
  constexpr uint32_t kGrain = 1 << TcpReceiver::kWindowShift;
  size_t waiting = 0;
  uint32_t window = receiver.announce_unscaled();
  for (int segments = 0; window != 0; ++segments) {
    ASSERT_LT(segments, 10'000);
    const size_t bytes = window > 2 * kSegment ? kSegment : 1;
    receiver.take(bytes);
    waiting += bytes;
    window = uint32_t{receiver.announce(waiting)} << TcpReceiver::kWindowShift;
  }
  EXPECT_LE(waiting, TcpReceiver::kInitialBudget + kGrain);
}

}  // namespace
}  // namespace postern::flow
