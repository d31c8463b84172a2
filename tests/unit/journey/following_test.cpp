#include "postern/journey/following.h"

#include <gtest/gtest.h>

#include "packets.h"

namespace postern::journey {
namespace {

using namespace test;
using enum Following::Extent;

TEST(Following, OfPacketsIsTheFilterAndNoMore) {
  Following following(filter("src host 10.0.0.2"), packet);
  EXPECT_TRUE(following.takes(parsed(tcp4({"10.0.0.2", "192.0.2.1", 4000, 80}))));
  EXPECT_FALSE(following.takes(parsed(tcp4({"192.0.2.1", "10.0.0.2", 80, 4000}))));
  following.learn(parsed(tcp4({"192.0.2.7", "192.0.2.1", 4000, 80})));
  EXPECT_FALSE(following.takes(parsed(tcp4({"192.0.2.7", "192.0.2.1", 4000, 80}))));
}

TEST(Following, OfAConnectionTakesItsAnswers) {
  Following following(filter("src host 10.0.0.2"), connection);
  EXPECT_FALSE(following.takes(parsed(tcp4({"192.0.2.1", "10.0.0.2", 80, 4000})))) << "nothing was asked yet";
  EXPECT_TRUE(following.takes(parsed(tcp4({"10.0.0.2", "192.0.2.1", 4000, 80}))));
  EXPECT_TRUE(following.takes(parsed(tcp4({"192.0.2.1", "10.0.0.2", 80, 4000}))));
  EXPECT_FALSE(following.takes(parsed(tcp4({"192.0.2.1", "10.0.0.2", 80, 4001})))) << "another connection";
  EXPECT_FALSE(following.takes(parsed(tcp4({"192.0.2.9", "10.0.0.2", 80, 4000})))) << "another peer";
}

TEST(Following, TellsEchoesApartByTheirId) {
  Following following(filter("src host 10.0.0.2"), connection);
  EXPECT_TRUE(following.takes(parsed(echo4({"10.0.0.2", "192.0.2.1"}, Echo::request, 5))));
  EXPECT_TRUE(following.takes(parsed(echo4({"192.0.2.1", "10.0.0.2"}, Echo::reply, 5))));
  EXPECT_FALSE(following.takes(parsed(echo4({"192.0.2.1", "10.0.0.2"}, Echo::reply, 6))));
}

TEST(Following, TellsProtocolsApart) {
  Following following(filter("src host 10.0.0.2"), connection);
  EXPECT_TRUE(following.takes(parsed(tcp4({"10.0.0.2", "192.0.2.1", 53, 53}))));
  EXPECT_FALSE(following.takes(parsed(ip4({"192.0.2.1", "10.0.0.2"}, IPPROTO_UDP, {0, 53, 0, 53, 0, 8, 0, 0}))));
}

TEST(Following, OfIpv6IsTheSame) {
  Following following(filter("src host 2001:db8::2"), connection);
  Octets segment = ports(4000, 80), answer = ports(80, 4000);
  segment.resize(20);
  answer.resize(20);
  EXPECT_TRUE(following.takes(parsed(ip6({"2001:db8::2", "2001:db8::1"}, IPPROTO_TCP, segment))));
  EXPECT_TRUE(following.takes(parsed(ip6({"2001:db8::1", "2001:db8::2"}, IPPROTO_TCP, answer))));
}

TEST(Following, LearnsWhatATranslationMadeOfAPacket) {
  Following following(filter("host 10.0.0.2"), connection);
  EXPECT_FALSE(following.takes(parsed(tcp4({"192.0.2.1", "192.0.2.100", 80, 61000}))));
  following.learn(parsed(tcp4({"192.0.2.100", "192.0.2.1", 61000, 80})));
  EXPECT_TRUE(following.takes(parsed(tcp4({"192.0.2.1", "192.0.2.100", 80, 61000}))))
      << "the answer, before it is translated back";
}

TEST(Following, DoesNotTakeAProtocolThatTheFilterExcludes) {
  Following following(filter("tcp"), connection);
  following.learn(parsed(echo4({"10.0.0.2", "192.0.2.1"}, Echo::request, 5)));
  EXPECT_FALSE(following.takes(parsed(echo4({"10.0.0.2", "192.0.2.1"}, Echo::request, 5))));
}

TEST(Following, RemembersNoConnectionOfAFragmentOrAnError) {
  Following following(filter("src host 10.0.0.2"), connection);
  Octets fragment = ip4({"10.0.0.2", "192.0.2.1"}, IPPROTO_UDP, {0, 53, 0, 53, 0, 8, 0, 0});
  fragment[7] = 100;  // 800 bytes into the datagram
  EXPECT_TRUE(following.takes(parsed(fragment)));
  EXPECT_FALSE(following.takes(parsed(ip4({"192.0.2.1", "10.0.0.2"}, IPPROTO_UDP, {0, 0, 0, 0, 0, 8, 0, 0}))));
  const Octets unreachable = {3, 1, 0, 0, 0, 0, 0, 0};
  EXPECT_TRUE(following.takes(parsed(ip4({"10.0.0.2", "192.0.2.1"}, IPPROTO_ICMP, unreachable))));
  EXPECT_FALSE(following.takes(parsed(ip4({"192.0.2.1", "10.0.0.2"}, IPPROTO_ICMP, unreachable))));
}

TEST(Following, ForgetsTheConnectionThatWasSeenLeastRecently) {
  Following following(filter("src host 10.0.0.2"), connection);
  const auto request = [](size_t i) {
    const std::string peer =
        "192." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255);
    return parsed(tcp4({"10.0.0.2", peer.c_str(), 4000, 80}));
  };
  const auto answer = [](const char* peer) { return parsed(tcp4({peer, "10.0.0.2", 80, 4000})); };
  for (size_t i = 0; i < Following::kConnections; ++i) EXPECT_TRUE(following.takes(request(i)));
  EXPECT_TRUE(following.takes(answer("192.0.0.0"))) << "all fit in; and now it is the youngest";
  EXPECT_TRUE(following.takes(request(Following::kConnections)));
  EXPECT_TRUE(following.takes(answer("192.0.0.0")));
  EXPECT_FALSE(following.takes(answer("192.0.0.1")));
  EXPECT_TRUE(following.takes(answer("192.0.0.2")));
}

}  // namespace
}  // namespace postern::journey
