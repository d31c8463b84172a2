// control_socket_test.cpp - clients of a trace, and when they have had their time. Listens in this process's own network
// namespace, by an abstract name that has its number in it.
#include "postern/api/control_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "fake_instance.h"

namespace postern::api {
namespace {

class TraceClient : public testing::Test {
 protected:
  void begin(ControlLimits limits) {
    const std::string name = "postern-unit-api/" + std::to_string(::getpid());
    auto socket = ControlSocket::listen_abstract(*loop_, instance_, name, limits);
    ASSERT_TRUE(socket) << socket.error().message();
    socket_ = *std::move(socket);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    client_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    ASSERT_EQ(::connect(client_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    constexpr std::string_view kRequest = R"({"execute":"trace"})";
    ASSERT_EQ(::send(client_.get(), kRequest.data(), kRequest.size(), 0), static_cast<ssize_t>(kRequest.size()));
    while (!instance_.traced_to) ASSERT_TRUE(loop_->turn());
  }

  std::unique_ptr<loop::EventLoop> loop_ = *loop::EventLoop::create();
  test::FakeInstance instance_;
  std::unique_ptr<ControlSocket> socket_;
  UniqueFd client_;
};

TEST_F(TraceClient, WhoNeverReadsIsEnded) {
  begin({.stall = std::chrono::milliseconds(1)});
  const std::string line(1'000, 'x');
  while (!instance_.traced_to->is_behind()) {  // the socket's own buffer too
    instance_.traced_to->push(line);
    ASSERT_TRUE(loop_->turn(Duration::zero()));
    if (socket_->clients() == 0) break;
  }
  constexpr int kTurns = 500;
  for (int i = 0; i < kTurns && socket_->clients() > 0; ++i) ASSERT_TRUE(loop_->turn(std::chrono::milliseconds(10)));
  EXPECT_EQ(socket_->clients(), 0u);
  EXPECT_EQ(socket_->counters().timed_out, 1u);
}

TEST_F(TraceClient, WhoHasReadEverythingStays) {
  begin({.stall = std::chrono::milliseconds(1)});
  instance_.traced_to->push("one");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(loop_->turn(std::chrono::milliseconds(10)));  // it fits into the socket
  EXPECT_EQ(socket_->clients(), 1u);
}

}  // namespace
}  // namespace postern::api
