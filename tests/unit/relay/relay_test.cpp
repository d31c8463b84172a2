// The fast engine between a socket that stands for the TAP, one frame a message, and a listener on the host's loopback.
#include "postern/relay/relay.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "postern/base/socket_address.h"

#include "../flow/stream_bytes.h"
#include "../wire/frame_builder.h"

namespace postern::relay {
namespace {

using namespace wire::test;
using flow::test::stream_bytes;
namespace flag = wire::tcp_flag;

constexpr Ends kToHost{"10.0.2.100", "10.0.2.2"};
constexpr uint32_t kFirstByte = 1'000'000;  // its sequence number
constexpr size_t kSegmentBytes = 1'000, kFragmentBytes = 512;

class RelayTest : public testing::Test {
 protected:
  /// A connection from the namespace to the listener.
  void SetUp() override {
    std::array<int, 2> tap{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, tap.data()), 0);
    inside_ = UniqueFd(tap[0]);
    ASSERT_TRUE(relay_->connect(UniqueFd(tap[1]), {}, [] {}));
    SocketAddress address(Ipv4::of(127, 0, 0, 1), Port{0});
    ASSERT_EQ(::bind(listener_.get(), address.get(), address.size()), 0);
    ASSERT_EQ(::listen(listener_.get(), 1), 0);
    ASSERT_EQ(::getsockname(listener_.get(), address.get(), address.room()), 0);
    port_ = address.port();

    write(tcp_frame(kToHost, {.destination = port_.number, .sequence = kFirstByte - 1}));
    ASSERT_TRUE(turn_until([this] { return hears_syn_ack(); }));
    write(tcp_frame(kToHost, segment(0, 0)));
    ASSERT_TRUE(relay_->turn());
    host_ = UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    ASSERT_TRUE(host_);
  }

  /// What is written is one burst, until the next turn.
  void write(const Frame& frame) {
    EXPECT_EQ(::write(inside_.get(), frame.data(), frame.size()), static_cast<ssize_t>(frame.size()));
  }
  void write_next_whole() { write(tcp_frame(kToHost, next_segment())); }
  void write_next_in_fragments() {
    const Frame whole = tcp_segment(kToHost, next_segment());
    for (const Frame& part : fragments(kToHost, whole, {.protocol = 6, .id = next_id_++}, kFragmentBytes)) write(part);
  }

  /// As many bytes as were written, or what came of them.
  Frame host_hears() {
    Frame heard;
    turn_until([&] {
      std::array<uint8_t, kSegmentBytes> room{};
      for (ssize_t bytes = 0; (bytes = ::read(host_.get(), room.data(), room.size())) > 0;) {
        heard.insert(heard.end(), room.begin(), room.begin() + bytes);
      }
      return heard.size() >= written_;
    });
    return heard;
  }
  Frame all_written() const { return stream_bytes(0, written_); }

 private:
  TcpFields segment(size_t begin, size_t bytes) const {
    return {.destination = port_.number,
            .flags = flag::ack,
            .payload = stream_bytes(begin, bytes),
            .sequence = kFirstByte + static_cast<uint32_t>(begin),
            .acknowledgment = acknowledgment_};
  }
  TcpFields next_segment() { return segment(std::exchange(written_, written_ + kSegmentBytes), kSegmentBytes); }

  bool hears_syn_ack() {
    Frame frame(2'000);
    const ssize_t bytes = ::read(inside_.get(), frame.data(), frame.size());
    if (bytes <= 0) return false;
    frame.resize(static_cast<size_t>(bytes));
    const auto ethernet = wire::EthernetFrame::parse(frame);
    const auto ip = ethernet ? wire::IpPacket::parse(ethernet->payload) : std::nullopt;
    const auto tcp = ip ? wire::TcpSegment::parse(ip->payload) : std::nullopt;
    if (!tcp || tcp->flags != (flag::syn | flag::ack)) return false;
    acknowledgment_ = tcp->sequence + 1;
    return true;
  }

  template <class Condition>
  bool turn_until(Condition is_met) {
    loop::EventLoop::Timer bell(*loop_, [] {});  // a turn waits for ever for what does not come
    for (int turns = 0; turns < 100; ++turns) {
      if (is_met()) return true;
      bell.set(loop_->now() + std::chrono::milliseconds(100));
      EXPECT_TRUE(relay_->turn());
    }
    return is_met();
  }

  static stack::StackConfig with_host_loopback() {
    stack::StackConfig config;
    config.host_loopback = stack::HostLoopback::gateway;
    return config;
  }

  std::unique_ptr<loop::EventLoop> loop_ = *loop::EventLoop::create();
  std::unique_ptr<Relay> relay_ = *Relay::create(*loop_, with_host_loopback(), Engine::fast);
  UniqueFd inside_;
  UniqueFd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}, host_;
  Port port_{};
  uint32_t acknowledgment_ = 0;
  uint16_t next_id_ = 1;
  size_t written_ = 0;
};

TEST_F(RelayTest, SegmentsThatCameInFragmentsInOneBurstReachTheHostAsTheyWere) {
  for (int i = 0; i < 8; ++i) write_next_in_fragments();
  EXPECT_EQ(host_hears(), all_written());
}

TEST_F(RelayTest, AWholeSegmentKeepsItsPlaceBetweenThoseThatCameInFragments) {
  for (int i = 0; i < 4; ++i) {
    write_next_whole();
    write_next_in_fragments();
  }
  EXPECT_EQ(host_hears(), all_written());
}

}  // namespace
}  // namespace postern::relay
