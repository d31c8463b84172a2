#include "datagram_clients.h"

#include <gtest/gtest.h>

namespace postern::forward {
namespace {

using std::chrono::seconds;

class DatagramClientsTest : public testing::Test {
 protected:
  static stack::Endpoint at(uint16_t port) { return {Ipv4::of(127, 0, 0, 1), Port{port}}; }
  TimePoint after(int passed) const { return begin_ + seconds(passed); }
  DatagramClient& add(uint32_t number, int passed = 0) {
    EXPECT_TRUE(clients_.make_room());
    return clients_.add({.number = number, .port = 1, .address = at(static_cast<uint16_t>(number)), .target = {}, .socket = {}},
                        after(passed));
  }

  const TimePoint begin_ = Clock::now();
  DatagramClients clients_{3};
};

TEST_F(DatagramClientsTest, AreFoundByNumberAndByPortAndAddress) {
  const DatagramClient& client = add(7);
  EXPECT_EQ(clients_.find(7), &client);
  EXPECT_EQ(clients_.find(1, at(7)), &client);
  EXPECT_EQ(clients_.find(2, at(7)), nullptr);
  EXPECT_EQ(clients_.find(1, at(8)), nullptr);
  EXPECT_EQ(clients_.find(8), nullptr);
}

TEST_F(DatagramClientsTest, WithoutAnAnswerTheyEndAfterHalfAMinuteOfSilence) {
  add(1);
  EXPECT_EQ(clients_.next_expiry(), after(30));
  clients_.said_something(*clients_.find(1), after(10));
  clients_.expire(after(39));
  EXPECT_TRUE(clients_.find(1));
  clients_.expire(after(40));
  EXPECT_FALSE(clients_.find(1));
  EXPECT_FALSE(clients_.find(1, at(1)));
  EXPECT_EQ(clients_.next_expiry(), std::nullopt);
}

TEST_F(DatagramClientsTest, WithAnAnswerTheyEndAfterThreeMinutesOfSilence) {
  add(1);
  clients_.was_answered(*clients_.find(1), after(5));
  EXPECT_EQ(clients_.next_expiry(), after(185));
  clients_.said_something(*clients_.find(1), after(100));
  clients_.was_answered(*clients_.find(1), after(101));
  clients_.expire(after(280));
  EXPECT_TRUE(clients_.find(1));
  clients_.expire(after(281));
  EXPECT_FALSE(clients_.find(1));
}

TEST_F(DatagramClientsTest, TheNextExpiryIsTheLeastOfBothKinds) {
  add(1, 0);
  clients_.was_answered(*clients_.find(1), after(0));
  add(2, 100);
  EXPECT_EQ(clients_.next_expiry(), after(130));
  clients_.said_something(*clients_.find(2), after(170));
  EXPECT_EQ(clients_.next_expiry(), after(180));
}

TEST_F(DatagramClientsTest, TheOneWhoWasSilentAndUnansweredForLongestGivesWay) {
  add(1, 0);
  add(2, 1);
  add(3, 2);
  clients_.said_something(*clients_.find(1), after(3));
  clients_.was_answered(*clients_.find(2), after(4));
  add(4, 5);
  EXPECT_EQ(clients_.size(), 3U);
  EXPECT_FALSE(clients_.find(3));
  clients_.was_answered(*clients_.find(1), after(6));
  clients_.was_answered(*clients_.find(4), after(6));
  EXPECT_FALSE(clients_.make_room()) << "all have their answers";
  EXPECT_EQ(clients_.size(), 3U);
}

TEST_F(DatagramClientsTest, EndsThoseOfBothKindsThatAreMeant) {
  for (uint32_t number = 1; number <= 3; ++number) add(number);
  clients_.was_answered(*clients_.find(1), after(0));
  clients_.end_if([](const DatagramClient& client) { return client.number != 2; });
  EXPECT_EQ(clients_.size(), 1U);
  EXPECT_TRUE(clients_.find(2));
}

}  // namespace
}  // namespace postern::forward
