// datagram_script.h - drives a DatagramEngine statement by statement: no socket, no TAP, no time that passes by itself.
//
//   sends("192.0.2.1:7", "hello");                    the namespace, from 10.0.2.100:4000 unless said otherwise
//   EXPECT_EQ(host.went(), "3>192.0.2.1:7 hello");    socket 3
//   host.brings(3, "192.0.2.1:7", "world");
//   EXPECT_EQ(hears(), "192.0.2.1:7>4000 world");
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "postern/flow/datagram_engine.h"

namespace postern::flow {

/// As the relay shows clients of published ports.
inline std::optional<IpAddress> stand_in_for(const IpAddress& client, const IpAddress&) {
  const std::string text = to_string(client);
  const auto begins = [&](std::string_view with) { return text.starts_with(with); };
  if (begins("10.0.2.") || begins("127.")) return Ipv4::of(10, 0, 2, 2);
  if (begins("fd00:") || begins("fe80:") || text == "::1") return *Ipv6::parse("fd00::2");
  return std::nullopt;
}

/// "192.0.2.1:7", "[2001:db8::1]:7"; without a port for echo.
HostEndpoint end_of(std::string_view text);
std::string text_of(const IpAddress& address, Port port);

class FakeHost final : public DatagramHost {
 public:
  Opening open(const DatagramEnds& ends, const HostEndpoint& to, uint32_t token) override;
  void close(int socket) override { sockets.erase(socket); }
  std::optional<HostEndpoint> destination(const IpAddress& remote, Port port) override;
  int send(int socket, std::span<const Outgoing> datagrams) override;
  Batch receive(int socket) override;
  std::optional<Failure> failure(int socket) override;
  void trim() override { ++trims; }

  /// The next message that went: "3>192.0.2.1:7 hello", with " /2" of datagrams of two bytes, " ttl 9", " from 192.0.2.9". "":
  /// none.
  std::string went();

  struct Arrived {
    HostEndpoint from;
    std::string data;
    size_t segment_bytes;
    std::optional<IpAddress> to = {};
  };
  struct Failed {
    HostEndpoint to;
    wire::IcmpError error;
    std::optional<IpAddress> offender;
    std::string quoted;
  };
  struct Socket {
    uint32_t token;
    std::deque<Arrived> arrived = {};
    std::deque<Failed> failures = {};
  };
  std::map<int, Socket> sockets;
  std::map<std::string, std::string> aliases;  // as the namespace names an address, and where that leads
  std::deque<int> send_errors;                 // of the next calls; 0: none
  int open_error = 0;
  int calls = 0;  // of send
  int trims = 0;
  size_t most_in_batch = 32;

 private:
  int next_ = 3;
  std::deque<std::string> went_;
  std::vector<Arrived> current_;
  std::vector<Incoming> batch_;
  std::optional<Failed> failed_;
};

class DatagramScript : public testing::Test, private DatagramGuest {
 protected:
  DatagramEngine& engine() {
    if (!engine_) engine_.reset(new DatagramEngine(config, *this, host));  // its guest is private here
    return *engine_;
  }

  struct From {
    const char* address = "10.0.2.100";
    uint16_t port = 4000;
    uint8_t hop_limit = 64;
    size_t segment_bytes = 0;
    bool may_open = true;
  };
  /// A burst of one.
  void sends(std::string_view to, std::string_view data, const From& from);
  void sends(std::string_view to, std::string_view data) { sends(to, data, From{}); }
  /// More of the burst that end() ends.
  void adds(std::string_view to, std::string_view data, const From& from);
  void adds(std::string_view to, std::string_view data) { adds(to, data, From{}); }
  void end() { engine().end_burst(now); }
  /// An echo request with `id`.
  void pings(std::string_view to, uint16_t id);
  /// From the network, by a socket of the host.
  void brings(int socket, std::string_view from, std::string_view data, size_t segment_bytes = 0);
  void brings_all(int socket, const std::vector<FakeHost::Arrived>& datagrams);
  void fails(int socket, const FakeHost::Failed& failure);
  void passes(Duration time);
  uint32_t publishes(int socket, uint16_t port, bool is_way_out = true);

  /// The next frame in the namespace: "192.0.2.1:7>4000 world", with " /2" of datagrams of two bytes; of an echo
  /// "192.0.2.1>id 7 ..."; of an ICMP error "3/3 by 192.0.2.9 about 192.0.2.1:7 quoted". "": none.
  std::string hears();

  TimePoint now{std::chrono::hours(1)};
  FakeHost host;
  DatagramConfig config{.stand_in = stand_in_for, .hash_key = {1, 2}};
  std::vector<std::string> expected;  // clients that may be answered

 private:
  void transmit(const DatagramEnds& ends, std::span<const iovec> payload, size_t segment_bytes) override;
  void report(const DatagramEnds& ends, const wire::IcmpError& error, const std::optional<IpAddress>& offender,
              wire::Bytes quoted) override;
  void expect_answer(const DatagramEnds& ends) override;

  std::unique_ptr<DatagramEngine> engine_;
  std::deque<std::string> heard_;
  std::deque<std::string> burst_;  // what the engine may still read
};

}  // namespace postern::flow
