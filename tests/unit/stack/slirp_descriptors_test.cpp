#include "slirp_descriptors.h"

#include <gtest/gtest.h>
#include <libslirp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>

namespace postern::stack {
namespace {

struct SocketPair {
  UniqueFd ours, peers;
  SocketPair() {
    std::array<int, 2> fds{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds.data()) == 0) {
      ours = UniqueFd(fds[0]);
      peers = UniqueFd(fds[1]);
    }
  }
};

/// A listener without an address: autobind gives it an abstract name of its own, unix(7).
UniqueFd make_listener() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un any{};
  any.sun_family = AF_UNIX;
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&any), sizeof any.sun_family), 0);
  EXPECT_EQ(::listen(fd.get(), 1), 0);
  return fd;
}

UniqueFd connect_to(const UniqueFd& listener) {
  sockaddr_un name{};
  socklen_t size = sizeof name;
  EXPECT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&name), size), 0);
  return fd;
}

class SlirpDescriptorsTest : public ::testing::Test {
 protected:
  /// One round as libslirp makes it; returns what `fd` heard.
  int round(int fd, int events, Duration wait = Duration::zero()) {
    descriptors.begin_round();
    if (events) descriptors.want(fd, events);
    descriptors.end_round();
    EXPECT_TRUE(loop->turn(wait));
    return descriptors.take_ready(fd);
  }
  std::unique_ptr<loop::EventLoop> loop = *loop::EventLoop::create();
  SlirpDescriptors descriptors{*loop, 4};
};

TEST_F(SlirpDescriptorsTest, HearsWhatItWants) {
  SocketPair pair;
  EXPECT_EQ(round(pair.ours.get(), SLIRP_POLL_IN | SLIRP_POLL_OUT), SLIRP_POLL_OUT);
  ASSERT_EQ(::write(pair.peers.get(), "x", 1), 1);
  EXPECT_EQ(round(pair.ours.get(), SLIRP_POLL_IN), SLIRP_POLL_IN);
}

TEST_F(SlirpDescriptorsTest, ASocketMadeSinceHasHeardNothing) { EXPECT_EQ(descriptors.take_ready(-1), 0); }

TEST_F(SlirpDescriptorsTest, WhatIsNoLongerWantedWakesNobodyNotEvenByItsHangUp) {
  SocketPair pair;
  round(pair.ours.get(), SLIRP_POLL_IN);
  pair.peers.reset();
  EXPECT_EQ(round(pair.ours.get(), 0), 0);
  EXPECT_NE(round(pair.ours.get(), SLIRP_POLL_IN) & SLIRP_POLL_HUP, 0) << "and is heard again once it is wanted";
}

TEST_F(SlirpDescriptorsTest, ANumberThatWasClosedAndUsedAgainIsWatchedAnew) {
  for (int i = 0; i < 100; ++i) {
    SocketPair pair;
    descriptors.opened(pair.ours.get());
    EXPECT_EQ(round(pair.ours.get(), SLIRP_POLL_IN), 0) << "nothing is left from the last one";
    ASSERT_EQ(::write(pair.peers.get(), "x", 1), 1);
    ASSERT_EQ(round(pair.ours.get(), SLIRP_POLL_IN), SLIRP_POLL_IN) << "round " << i;
    descriptors.closing(pair.ours.get());
  }
}

TEST_F(SlirpDescriptorsTest, AnEventOfAClosedSocketDoesNotReachItsSuccessor) {
  SocketPair pair;
  descriptors.begin_round();
  descriptors.want(pair.ours.get(), SLIRP_POLL_IN);
  descriptors.end_round();
  ASSERT_EQ(::write(pair.peers.get(), "x", 1), 1);
  ASSERT_TRUE(loop->turn(Duration::zero()));
  descriptors.closing(pair.ours.get());
  descriptors.opened(pair.ours.get());
  EXPECT_EQ(descriptors.take_ready(pair.ours.get()), 0);
}

TEST_F(SlirpDescriptorsTest, AFlowCountsFromItsOpeningToItsClosingEvenIfNothingIsWantedOfIt) {
  SocketPair pair;
  descriptors.opened(pair.ours.get());
  round(pair.ours.get(), 0);
  EXPECT_EQ(descriptors.open_flows(), 1u);
  descriptors.opened(pair.ours.get());  // closed without a word, and the number used again
  EXPECT_EQ(descriptors.open_flows(), 1u);
  descriptors.closing(pair.ours.get());
  EXPECT_EQ(descriptors.open_flows(), 0u);
}

TEST_F(SlirpDescriptorsTest, ASocketThatCouldNotBeHadHasNothingToClose) {
  descriptors.closing(-1);
  EXPECT_EQ(descriptors.open_flows(), 0u);
}

TEST_F(SlirpDescriptorsTest, CountsFlowsButNotListeners) {
  SocketPair pair;
  const UniqueFd listener = make_listener();
  descriptors.begin_round();
  descriptors.want(pair.ours.get(), SLIRP_POLL_IN);
  descriptors.want(listener.get(), SLIRP_POLL_IN);
  descriptors.end_round();
  EXPECT_EQ(descriptors.open_flows(), 1u);
}

TEST_F(SlirpDescriptorsTest, ASocketThatCouldNotBeHadIsNoFlow) {
  descriptors.opened(-1);
  EXPECT_EQ(descriptors.open_flows(), 0U);
  descriptors.closing(-1);
  EXPECT_EQ(descriptors.take_ready(-1), 0);
}

TEST_F(SlirpDescriptorsTest, AListenerGetsARoomierBacklogThanLibslirpsOne) {
  const UniqueFd listener = make_listener();
  round(listener.get(), SLIRP_POLL_IN);
  std::vector<UniqueFd> clients;
  clients.reserve(50);
  for (int i = 0; i < 50; ++i) clients.push_back(connect_to(listener));  // with a backlog of 1 the third would block
}

TEST_F(SlirpDescriptorsTest, AListenerThatCannotAcceptRestsInsteadOfSpinning) {
  const UniqueFd listener = make_listener();
  round(listener.get(), SLIRP_POLL_IN);
  const UniqueFd client = connect_to(listener);
  EXPECT_EQ(round(listener.get(), SLIRP_POLL_IN), SLIRP_POLL_IN);
  descriptors.rest_listeners_that_cannot_accept();  // no flow was opened: accept(2) must have failed
  EXPECT_EQ(round(listener.get(), SLIRP_POLL_IN), 0);
  int heard = 0;  // the rest is a timer of the loop's, which wakes us
  for (int i = 0; i < 5 && !heard; ++i) heard = round(listener.get(), SLIRP_POLL_IN, std::chrono::seconds(1));
  EXPECT_EQ(heard, SLIRP_POLL_IN);
}

TEST_F(SlirpDescriptorsTest, AtTheLimitListenersWait) {
  std::array<SocketPair, 4> flows;
  const UniqueFd listener = make_listener();
  const auto round_of_all = [&](size_t count) {
    descriptors.begin_round();
    for (size_t i = 0; i < count; ++i) descriptors.want(flows[i].ours.get(), SLIRP_POLL_IN);
    descriptors.want(listener.get(), SLIRP_POLL_IN);
    descriptors.end_round();
    EXPECT_TRUE(loop->turn(Duration::zero()));
    return descriptors.take_ready(listener.get());
  };
  round_of_all(0);
  const UniqueFd client = connect_to(listener);
  EXPECT_EQ(round_of_all(4), 0);
  descriptors.closing(flows[3].ours.get());
  EXPECT_EQ(round_of_all(3), SLIRP_POLL_IN);
}

}  // namespace
}  // namespace postern::stack
