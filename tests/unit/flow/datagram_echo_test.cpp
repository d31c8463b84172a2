// datagram_echo_test.cpp - echo requests of the namespace, by ping sockets of the host.
#include <cerrno>

#include "datagram_script.h"

namespace postern::flow {
namespace {

using namespace std::chrono_literals;

class Echo : public DatagramScript {
 protected:
  static std::string reply(bool v4, std::string_view data) {
    std::string message(8, '\0');
    message[0] = static_cast<char>(v4 ? 0 : 129);
    return message.append(data);
  }
};

TEST_F(Echo, EveryIdAndDestinationHasOneSocket) {
  for (int i = 0; i < 100; ++i) pings("192.0.2.1", 7);
  EXPECT_EQ(engine().counters().opened, 1u);
  pings("192.0.2.1", 8);
  pings("192.0.2.2", 7);
  pings("2001:db8::1", 7);
  EXPECT_EQ(engine().counters().opened, 4u);
}

TEST_F(Echo, TheAnswerHasTheNamespacesId) {
  pings("192.0.2.1", 7);
  brings(3, "192.0.2.1", reply(true, "pong"));
  EXPECT_EQ(hears(), "192.0.2.1>id 7 pong");
  pings("2001:db8::1", 9);
  brings(4, "2001:db8::1", reply(false, "pong"));
  EXPECT_EQ(hears(), "2001:db8::1>id 9 pong");
}

TEST_F(Echo, NobodyElseAnswers) {
  pings("192.0.2.1", 7);
  brings(3, "192.0.2.2", reply(true, "pong"));
  brings(3, "192.0.2.1", "short");
  brings(3, "192.0.2.1", std::string(8, '\x08') + "a request");
  EXPECT_EQ(hears(), "");
}

TEST_F(Echo, ItLivesAMinute) {
  pings("192.0.2.1", 7);
  passes(59s);
  EXPECT_EQ(engine().open_flows(), 1u);
  passes(1s);
  EXPECT_EQ(engine().open_flows(), 0u);
}

TEST_F(Echo, ManyIdsReuseTheSocketsOfTheOldest) {
  for (uint16_t id = 0; id < 1000; ++id) pings("192.0.2.1", id);
  EXPECT_EQ(engine().open_flows(), 256u);
  EXPECT_EQ(host.sockets.size(), 256u);
}

TEST_F(Echo, WithoutPingSocketsNothingIsAnswered) {
  host.open_error = EACCES;
  pings("192.0.2.1", 7);
  EXPECT_EQ(hears(), "");
}

TEST_F(Echo, ErrorsQuoteTheRequest) {
  pings("192.0.2.1", 7);
  fails(3, {end_of("192.0.2.1"), {11, 0}, parse_ip("198.51.100.9"), "quoted"});
  EXPECT_EQ(hears(), "11/0 by 198.51.100.9 about 192.0.2.1 quoted");
}

TEST_F(Echo, AUdpPortOfTheSameNumberIsAnother) {
  sends("192.0.2.1:7", "a", {.port = 7});
  pings("192.0.2.1", 7);
  EXPECT_EQ(engine().open_flows(), 2u);
  sends("192.0.2.1:7", "b", {.port = 7});
  pings("192.0.2.1", 7);
  EXPECT_EQ(engine().open_flows(), 2u);
}

}  // namespace
}  // namespace postern::flow
