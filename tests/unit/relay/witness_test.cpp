// Who watches the relay: what is shown of a frame, in which order, and by which socket of the host it is carried.
#include "postern/relay/witness.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "postern/base/socket_address.h"
#include "postern/relay/relay.h"

#include "../wire/frame_builder.h"

namespace postern::relay {
namespace {

using namespace wire::test;
namespace flag = wire::tcp_flag;
using Fate = Sighting::Fate;
using Way = Sighting::Way;

constexpr Ends kToHost{"10.0.2.100", "10.0.2.2"};

class Notes final : public Witness, public Recorder {
 public:
  struct Seen {
    Sighting sighting;
    Frame start;
  };
  void saw(const Sighting& sighting, wire::Bytes start) override { seen.push_back({sighting, {start.begin(), start.end()}}); }
  void passes(std::span<const iovec> frame) override {
    Frame whole;
    for (const iovec& part : frame) {
      const auto* bytes = static_cast<const uint8_t*>(part.iov_base);
      whole.insert(whole.end(), bytes, bytes + part.iov_len);
    }
    passed.push_back(std::move(whole));
  }
  std::vector<Seen> seen;
  std::vector<Frame> passed;
};

class WitnessTest : public testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> tap{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, tap.data()), 0);
    inside_ = UniqueFd(tap[0]);
    ASSERT_TRUE(relay_->connect(UniqueFd(tap[1]), {}, [] {}));
    relay_->set_witness(&notes_);
  }
  void TearDown() override {
    relay_->set_witness(nullptr);
    relay_->set_recorder(nullptr);
  }

  void send(const Frame& frame) {
    ASSERT_EQ(::write(inside_.get(), frame.data(), frame.size()), static_cast<ssize_t>(frame.size()));
    ASSERT_TRUE(relay_->turn());
  }
  template <class Condition>
  bool turn_until(Condition is_met) {
    loop::EventLoop::Timer bell(*loop_, [] {});
    for (int turns = 0; turns < 100 && !is_met(); ++turns) {
      bell.set(loop_->now() + std::chrono::milliseconds(100));
      EXPECT_TRUE(relay_->turn());
    }
    return is_met();
  }

  static UniqueFd bound(int type) {
    UniqueFd socket(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    const SocketAddress address(Ipv4::of(127, 0, 0, 1), Port{0});
    EXPECT_EQ(::bind(socket.get(), address.get(), address.size()), 0);
    return socket;
  }
  static stack::StackConfig with_host_loopback() {
    stack::StackConfig config;
    config.host_loopback = stack::HostLoopback::gateway;
    return config;
  }

  Notes notes_;
  std::unique_ptr<loop::EventLoop> loop_ = *loop::EventLoop::create();
  std::unique_ptr<Relay> relay_ = *Relay::create(*loop_, with_host_loopback(), Engine::fast);
  UniqueFd inside_;
};

TEST_F(WitnessTest, IsToldWhyAFrameIsDropped) {
  send(udp_frame({"10.0.2.100", "127.0.0.1"}));
  ASSERT_EQ(notes_.seen.size(), 1u);
  const Sighting& sighting = notes_.seen[0].sighting;
  EXPECT_EQ(sighting.way, Way::from_guest);
  EXPECT_EQ(sighting.fate, Fate::dropped);
  EXPECT_EQ(sighting.drop, Drop::martian_destination);
}

TEST_F(WitnessTest, IsToldOfAChecksumThatTheEngineFindsWrong) {
  Frame frame = udp_frame({"10.0.2.100", "192.0.2.1"});
  frame.back() ^= 1;
  send(frame);
  ASSERT_EQ(notes_.seen.size(), 1u);
  EXPECT_EQ(notes_.seen[0].sighting.drop, Drop::bad_checksum);
}

TEST_F(WitnessTest, SeesARefusedFrameBeforeTheErrorThatAnswersIt) {
  IpFields last_hop;
  last_hop.hop_limit = 1;
  const Frame frame = udp_frame({"10.0.2.100", "192.0.2.1"}, {}, last_hop);
  send(frame);
  ASSERT_EQ(notes_.seen.size(), 2u);
  EXPECT_EQ(notes_.seen[0].sighting.fate, Fate::refused);
  EXPECT_EQ(notes_.seen[0].sighting.drop, Drop::hop_limit);
  EXPECT_EQ(notes_.seen[0].start, frame);
  EXPECT_EQ(notes_.seen[1].sighting.way, Way::to_guest);
  EXPECT_LE(notes_.seen[0].sighting.when, notes_.seen[1].sighting.when);
}

TEST_F(WitnessTest, IsShownWhatCameOutOfTheTapThoughItWasMendedSince) {
  const Frame urgent = tcp_frame(kToHost, {.flags = flag::ack | flag::urg, .urgent_pointer = 7, .payload = Frame(1'000, 'x')});
  send(urgent);
  ASSERT_GE(notes_.seen.size(), 1u);
  EXPECT_EQ(notes_.seen[0].start, slice(urgent, 0, Witness::kMostShown));
  EXPECT_EQ(notes_.seen[0].sighting.frame_bytes, urgent.size());
}

TEST_F(WitnessTest, FindsTheSocketOfATcpConnectionAndWhereItLeads) {
  const UniqueFd listener = bound(SOCK_STREAM);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  const Port port = stack::own_end(listener.get())->port;
  send(tcp_frame(kToHost, {.destination = port.number}));
  ASSERT_GE(notes_.seen.size(), 1u);
  EXPECT_EQ(notes_.seen[0].sighting.fate, Fate::carried);
  EXPECT_EQ(notes_.seen[0].sighting.carrier, Carrier::fast);

  ASSERT_TRUE(turn_until([&] { return notes_.seen.size() > 1; })) << "no SYN-ACK";
  EXPECT_EQ(notes_.seen[1].sighting.way, Way::to_guest);
  const auto found = relay_->host_socket({wire::Protocol::tcp, {kToHost.from(), Port{40'000}, kToHost.to(), port}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->remote, (stack::Endpoint{Ipv4::of(127, 0, 0, 1), port}));
  SocketAddress client;
  const UniqueFd accepted(::accept4(listener.get(), client.get(), client.room(), SOCK_CLOEXEC));
  EXPECT_EQ(found->local, (stack::Endpoint{*client.address(), client.port()}));
}

TEST_F(WitnessTest, FindsTheSocketOfADatagramAndTheAddressThatRoutingGivesIt) {
  const UniqueFd server = bound(SOCK_DGRAM);
  const Port port = stack::own_end(server.get())->port;
  send(udp_frame(kToHost, {.destination = port.number}));
  const auto found = relay_->host_socket({wire::Protocol::udp, {kToHost.from(), Port{40'000}, kToHost.to(), port}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->remote, (stack::Endpoint{Ipv4::of(127, 0, 0, 1), port}));
  std::array<char, 16> room{};
  SocketAddress sender;
  ASSERT_EQ(::recvfrom(server.get(), room.data(), room.size(), 0, sender.get(), sender.room()), 2);
  EXPECT_EQ(found->local, (stack::Endpoint{*sender.address(), sender.port()}));
}

TEST_F(WitnessTest, KnowsNoSocketOfAFlowThatIsNone) {
  EXPECT_FALSE(relay_->host_socket({wire::Protocol::tcp, {kToHost.from(), Port{1}, kToHost.to(), Port{2}}}));
  EXPECT_FALSE(relay_->host_socket({wire::Protocol::udp, {kToHost.from(), Port{1}, kToHost.to(), Port{2}}}));
}

TEST_F(WitnessTest, ARecorderIsGivenWholeFramesOfBothWaysInTheirOrder) {
  relay_->set_recorder(&notes_);
  IpFields last_hop;
  last_hop.hop_limit = 1;
  const Frame frame = udp_frame({"10.0.2.100", "192.0.2.1"}, {.payload = Frame(1'200, 'x')}, last_hop);
  send(frame);
  ASSERT_EQ(notes_.passed.size(), 2u);
  EXPECT_EQ(notes_.passed[0], frame);
  Frame answer(2'000);
  const ssize_t bytes = ::read(inside_.get(), answer.data(), answer.size());
  ASSERT_GT(bytes, 0);
  answer.resize(static_cast<size_t>(bytes));
  EXPECT_EQ(notes_.passed[1], answer);
}

TEST_F(WitnessTest, WhoHasGoneIsToldNothing) {
  relay_->set_witness(nullptr);
  send(udp_frame({"10.0.2.100", "127.0.0.1"}));
  EXPECT_TRUE(notes_.seen.empty());
  EXPECT_EQ(relay_->filter().drops().of(Drop::martian_destination), 1u);
}

}  // namespace
}  // namespace postern::relay
