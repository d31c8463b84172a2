// relay_script.h - the relay between a namespace and servers that do what a test says, in a time that is counted.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "postern/dns/dns_relay.h"

#include "../wire/dns_builder.h"

namespace postern::dns::test {

using wire::test::dns_query;
using wire::test::Frame;

inline const Asker kAsker{.address = *parse_ip("10.0.2.100"),
                          .port = {40'000},
                          .server = *parse_ip("10.0.2.3"),
                          .mac = wire::test::kGuestMac,
                          .server_mac = wire::test::kGatewayMac};

/// What a server sends: the query's number and question, and a text behind it.
inline Frame answer_to(const Frame& query, uint16_t code = 0, std::string_view text = "answer") {
  Frame answer = query;
  wire::test::put16(answer, 2, 0x8180u | code);
  answer.insert(answer.end(), text.begin(), text.end());
  return answer;
}

class Script : public ::testing::Test, protected GuestSide, protected HostSide {
 protected:
  Script() { servers(3); }
  void servers(uint8_t count) {
    std::vector<NameServer> all;
    for (uint8_t i = 1; i <= count; ++i) all.push_back(server(i));
    choice_.replace(all);
  }
  static NameServer server(uint8_t number) { return {Ipv4::of(192, 0, 2, number)}; }

  void ask(const Frame& query, const Asker& asker = kAsker) { relay_.input(asker, query, now_); }
  void pass(Duration time) {
    for (const TimePoint end = now_ + time; now_ < end;) {
      now_ = std::min(end, std::max(relay_.next_deadline().value_or(end), now_));
      relay_.run(now_);
    }
  }
  /// Of the server with that number, on the last socket towards it.
  void say(uint8_t number, const Frame& answer) { arrive(number, answer); }
  void fail(uint8_t number, int error) { arrive(number, error); }
  bool hears(uint8_t number) const { return socket_of(number) >= 0; }

  struct Socket {
    int number;
    uint32_t token;
    std::deque<std::variant<Frame, int>> waiting;
  };

  // what has happened
  std::map<int, Socket> sockets_;
  std::vector<int> asked_;  // the servers' numbers, in order
  std::vector<int> asked_again_;
  std::vector<Frame> answers_;
  std::vector<Refusal> refusals_;
  std::map<int, int> cannot_be_asked_;  // a server's number: errno
  Asker last_asker_;

  HostNames names_{{{"db.lan", *parse_ip("192.0.2.7")}}};
  ServerChoice choice_;
  TimePoint now_ = TimePoint() + std::chrono::hours(1);
  DnsRelay relay_{names_, choice_, *this, *this};

 private:
  void answer(const Asker& asker, wire::Bytes message) override {
    last_asker_ = asker;
    answers_.emplace_back(message.begin(), message.end());
  }
  void refuse(const Asker& asker, wire::Bytes, Refusal why) override {
    last_asker_ = asker;
    refusals_.push_back(why);
  }
  Opening ask(const NameServer& server, wire::Bytes, uint32_t token) override {
    const int number = static_cast<int>(std::get<Ipv4>(server.address).bits & 0xff);
    asked_.push_back(number);
    if (const auto error = cannot_be_asked_.find(number); error != cannot_be_asked_.end()) return {-1, error->second};
    sockets_[++last_socket_] = {number, token, {}};
    return {last_socket_, 0};
  }
  int ask_again(int socket, wire::Bytes) override {
    asked_again_.push_back(sockets_.at(socket).number);
    const auto error = cannot_be_asked_.find(sockets_.at(socket).number);
    return error == cannot_be_asked_.end() ? 0 : error->second;
  }
  ssize_t receive(int socket, wire::MutableBytes room) override {
    auto& waiting = sockets_.at(socket).waiting;
    if (waiting.empty()) return -EAGAIN;
    const auto next = std::move(waiting.front());
    waiting.pop_front();
    if (const int* error = std::get_if<int>(&next)) return -*error;
    const Frame& bytes = std::get<Frame>(next);
    std::copy_n(bytes.begin(), std::min(bytes.size(), room.size()), room.begin());
    return static_cast<ssize_t>(std::min(bytes.size(), room.size()));
  }
  void close(int socket) override { EXPECT_EQ(sockets_.erase(socket), 1u); }

  int socket_of(int number) const {
    int found = -1;
    for (const auto& [socket, state] : sockets_) {
      if (state.number == number) found = socket;
    }
    return found;
  }
  void arrive(int number, std::variant<Frame, int> what) {
    const int socket = socket_of(number);
    ASSERT_GE(socket, 0) << "nobody listens to server " << number;
    sockets_.at(socket).waiting.push_back(std::move(what));
    relay_.host_ready(sockets_.at(socket).token, now_);
  }

  int last_socket_ = 100;
};

}  // namespace postern::dns::test
