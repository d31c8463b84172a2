#include "pump.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <numeric>

namespace postern::forward {
namespace {

using Bytes = std::vector<uint8_t>;

/// Two ends of one TCP connection over loopback.
struct Pair {
  UniqueFd near, far;

  static Pair make() {
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof name;
    auto* address = reinterpret_cast<sockaddr*>(&name);
    EXPECT_EQ(::bind(listener.get(), address, size), 0);
    EXPECT_EQ(::listen(listener.get(), 1), 0);
    EXPECT_EQ(::getsockname(listener.get(), address, &size), 0);
    Pair pair;
    pair.near = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(pair.near.get(), address, size), 0);
    pair.far = UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    const int on = 1;
    ::setsockopt(pair.far.get(), SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
    return pair;
  }
};

/// A sender ══► from │ pump │ to ══► a receiver, both ours.
class PumpTest : public testing::Test {
 protected:
  PumpTest() {
    Pair in = Pair::make(), out = Pair::make();
    sender_ = std::move(in.near);
    receiver_ = std::move(out.near);
    from_.socket = std::move(in.far);
    to_.socket = std::move(out.far);
    std::iota(sent_.begin(), sent_.end(), uint8_t{0});
  }

  /// As epoll would: all that is so now, told again.
  Pump::Outcome run() {
    from_.take(EPOLLIN);
    to_.take(EPOLLOUT);
    return pump_.run(from_, to_, {scratch_, pipes_});
  }

  bool send(size_t bytes, int flags = 0) {
    const ssize_t sent = ::send(sender_.get(), sent_.data() + sent_bytes_, bytes, flags | MSG_NOSIGNAL);
    sent_bytes_ += sent > 0 ? static_cast<size_t>(sent) : 0;
    return sent == static_cast<ssize_t>(bytes);
  }

  /// Until all that was sent has come, or the pump has nothing to give.
  Bytes receive() {
    Bytes got;
    Bytes room(65536);
    for (int idle = 0; idle < 1000 && got.size() < sent_bytes_;) {
      run();
      const ssize_t some = ::recv(receiver_.get(), room.data(), room.size(), MSG_DONTWAIT);
      idle = some > 0 ? 0 : idle + 1;
      if (some > 0) got.insert(got.end(), room.begin(), room.begin() + some);
    }
    return got;
  }
  Bytes sent() const { return {sent_.begin(), sent_.begin() + static_cast<ptrdiff_t>(sent_bytes_)}; }

  static constexpr size_t kPipes = 3;
  PipePool pipes_{kPipes};
  Bytes scratch_ = Bytes(size_t{256} * 1024);
  SplicedEnd from_, to_;
  UniqueFd sender_, receiver_;
  Pump pump_;
  Bytes sent_ = Bytes(size_t{8} << 20);
  size_t sent_bytes_ = 0;
};

TEST_F(PumpTest, ALittleIsCopied) {
  ASSERT_TRUE(send(100));
  EXPECT_EQ(receive(), sent());
  EXPECT_EQ(pump_.kept_bytes(), 0u);
}

TEST_F(PumpTest, WhatTheReceiverDoesNotTakeWaitsAndLosesNothing) {
  while (send(65536, MSG_DONTWAIT) && sent_bytes_ < sent_.size() / 2) {
    run();
  }
  while (run() == Pump::Outcome::more) continue;
  ASSERT_GT(pump_.kept_bytes(), 0u);  // the receiver's buffer is full
  EXPECT_EQ(receive(), sent());
  EXPECT_EQ(pump_.kept_bytes(), 0u);
  EXPECT_EQ(pump_.bytes(), sent_bytes_);
}

TEST_F(PumpTest, WithoutAPipeEverythingIsCopied) {
  std::vector<PipePool::Lease> lent;
  while (auto pipe = pipes_.lend()) lent.push_back(std::move(pipe));
  EXPECT_EQ(lent.size(), kPipes);
  while (send(65536, MSG_DONTWAIT) && sent_bytes_ < sent_.size() / 2) {
    run();
  }
  EXPECT_EQ(receive(), sent());
}

/// splice(2) takes an urgent mark for the end.
TEST_F(PumpTest, AnUrgentMarkInBulkIsNoEnd) {
  ASSERT_TRUE(send(100000, MSG_DONTWAIT));
  run();
  ASSERT_TRUE(send(100000, MSG_DONTWAIT) && send(1, MSG_OOB) && send(100000, MSG_DONTWAIT));
  ::shutdown(sender_.get(), SHUT_WR);
  EXPECT_EQ(receive(), sent());
  EXPECT_EQ(run(), Pump::Outcome::ended);
  uint8_t none = 0;
  EXPECT_EQ(::recv(receiver_.get(), &none, 1, 0), 0);
}

TEST_F(PumpTest, TheEndComesBehindTheLastByte) {
  ASSERT_TRUE(send(200000, MSG_DONTWAIT));
  ::shutdown(sender_.get(), SHUT_WR);
  EXPECT_EQ(receive(), sent());
  EXPECT_EQ(run(), Pump::Outcome::ended);
  EXPECT_TRUE(pump_.has_ended());
}

TEST(PipePool, LendsAgainWhatCameBackEmptyAndClosesWhatDidNot) {
  PipePool pipes(1);
  auto first = pipes.lend();
  ASSERT_TRUE(first);
  const int read_end = first->read_end.get();
  first.reset();
  auto again = pipes.lend();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->read_end.get(), read_end);
  again->bytes = 1;
  again.reset();
  EXPECT_EQ(::fcntl(read_end, F_GETFD), -1);
  EXPECT_TRUE(pipes.lend());
}

}  // namespace
}  // namespace postern::forward
