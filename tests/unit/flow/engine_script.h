// engine_script.h - drives a TcpEngine statement by statement, in the manner of packetdrill: no socket, no TAP, no time that
// passes by itself.
//
//   guest.syn();                           ScriptGuest: what the namespace says, and what it hears
//   host.connects();                       ScriptHost:  one scripted socket of the host
//   EXPECT_EQ(guest.hears(), "S. 0 ack 1");
//
// Sequence numbers are counted from the SYN of whose bytes they are, as packetdrill does; the first byte is 1. Both sides' real
// numbers go round soon after the start, so every script of more than 256 bytes crosses the wrap. The byte at each number is
// known, so both ends check every byte that they are given. After each statement the engine has its turn, as from the loop.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "postern/flow/tcp_engine.h"

namespace postern::flow {

class EngineScript;

/// A frame as the namespace gets it.
struct Heard {
  wire::TcpFrame frame;  // without its options
  std::vector<uint8_t> options;
  size_t bytes = 0;
  size_t segment_bytes = 0;
  std::string text;
};

class ScriptGuest {
 public:
  static constexpr uint32_t kInitial = 0xffffff00;

  struct Syn {
    std::optional<uint16_t> mss = 1460;
    std::optional<uint8_t> scale = 7;
    bool sack = true;
    uint32_t initial = kInitial;
    size_t bytes = 0;
    uint8_t more_flags = 0;
    std::vector<uint8_t> raw_options = {};  // instead of the others
  };
  void syn(const Syn& how);
  void syn() { syn(Syn{}); }
  /// SYN-ACK: to our SYN.
  void answers(const Syn& how);
  void answers() { answers(Syn{}); }

  /// ICMP about our segment at `seq`: nobody is there.
  void says_unreachable(uint32_t seq);
  /// Anything: its own numbers are those of the script.
  struct Segment {
    uint8_t flags = wire::tcp_flag::ack;
    uint32_t seq;
    uint32_t ack = 0;
    size_t bytes = 0;
    std::vector<wire::TcpOptions::Block> sack = {};  // numbers of the script
  };
  void segment(const Segment& segment);
  void sends(size_t bytes);  // behind what it sent last, acknowledging what it heard
  void acks() { acks(heard_up_to_); }
  void acks(uint32_t number, std::vector<wire::TcpOptions::Block> sack = {});
  void fin();
  void rst();
  /// A window probe, or the question of a keepalive timer: empty, one before what we expect.
  void probes() { segment({.seq = next_ - 1, .ack = heard_up_to_}); }
  /// ICMP from a router inside the namespace, about our segment at `seq`.
  void says_too_big(uint32_t seq, unsigned mtu_bytes);
  /// The window that its segments tell from now on.
  void set_window(uint32_t bytes) { window_ = bytes; }
  void set_mac(const Mac& mac) { mac_ = mac; }
  /// The next `frames` do not reach it; they can be heard of all the same.
  void loses(size_t frames) { to_lose_ = frames; }

  /// The next frame that came: "S. 0 ack 1", "P. 1:101(100) ack 1", "R. 1 ack 5", with SACK " sack 201:301". "": none.
  std::string hears();
  std::vector<std::string> hears_all();
  void ignores_all() { frames_.clear(); }
  /// What hears() told of.
  const Heard& last() const { return last_; }
  wire::TcpOptions options() const { return wire::TcpOptions::parse(last_.options); }
  uint32_t told_window() const {
    return uint32_t{last_.frame.window} << (last_.frame.flags & wire::tcp_flag::syn ? 0 : our_shift_);
  }
  uint32_t next() const { return next_; }
  uint32_t heard_up_to() const { return heard_up_to_; }
  std::vector<Refusal> refusals;  // ICMP errors

 private:
  friend class EngineScript;
  void take(const wire::TcpFrame& frame, std::span<const iovec> payload, size_t segment_bytes);
  std::string text_of(const wire::TcpFrame& frame, size_t bytes, wire::Bytes options) const;
  void inject(const Segment& segment, std::vector<uint8_t> options, uint16_t window);

  void begin(const Syn& how, uint8_t flags, uint32_t ack);

  EngineScript* script_ = nullptr;
  FlowKey key_{};
  Mac mac_{{2, 0, 0, 0, 0, 9}};
  uint32_t initial_ = kInitial;
  uint32_t engine_initial_ = 0;
  uint32_t next_ = 0, heard_up_to_ = 0;
  uint32_t window_ = 1 << 20;
  uint8_t shift_ = 0, our_shift_ = 0;
  size_t to_lose_ = 0;
  std::deque<Heard> frames_;
  Heard last_;
};

class ScriptHost {
 public:
  void connects();
  void refuses(int error);
  /// Both happened before the engine looked.
  void connects_and_is_reset();
  /// The remote has sent so many bytes.
  void sends(size_t bytes);
  /// The same with an urgent mark after the first `before_mark`: a read stops there.
  void sends_marked(size_t before_mark, size_t bytes);
  void arrives_untold(size_t bytes) { offered_ += bytes; }  // the event is still under way
  void ends();
  /// Behind what it has sent: told by the next call that finds nothing else.
  void fails(int error);
  /// So many bytes more fit into its buffer, then it is full.
  void has_room(size_t bytes);
  void send_fails(int error) { send_error_ = error; }
  /// An event, whether anything has happened or not.
  void tells(TcpEngine::Readiness readiness);

  size_t got() const { return got_; }  // bytes, all checked
  size_t unread() const { return offered_ - read_; }
  bool is_open() const { return socket_ >= 0 && !closed; }
  uint32_t token() const { return token_; }

  bool is_shut = false;
  std::optional<HostSide::Closing> closed;
  std::optional<Duration> keep_alive;
  int calls = 0;            // receive() and send()
  size_t room_of_read = 0;  // the last receive()'s
  int outcomes = 0;         // how often it was asked how connecting ended

 private:
  friend class EngineScript;
  ssize_t take(std::span<const iovec> bytes);
  ssize_t give(std::span<const iovec> room);

  EngineScript* script_ = nullptr;
  int socket_ = -1;
  uint32_t token_ = 0;
  int connect_error_ = 0;
  size_t room_ = SIZE_MAX, got_ = 0;
  size_t offered_ = 0, read_ = 0;
  size_t mark_ = SIZE_MAX;  // in offered_
  bool ended_ = false;
  int error_ = 0, send_error_ = 0;
};

class EngineScript : public testing::Test, public GuestSide, public HostSide {
 public:
  EngineScript();
  ~EngineScript() override;

  TcpEngine& engine() { return *engine_; }
  TimePoint now() const { return now_; }

 protected:
  struct Ends {
    ScriptGuest guest;
    ScriptHost host;
  };

  /// Instead of the engine that is there from the start, and all connections.
  void begin(const TcpConfig& config);
  void begin6(const TcpConfig& config);
  /// Another connection: from a port of its own.
  Ends& another();
  /// The handshake, nothing of it left to hear.
  void establish(Ends& ends, const ScriptGuest::Syn& how);
  void establish(const ScriptGuest::Syn& how) { establish(first(), how); }
  void establish() { establish(first(), {}); }
  Ends& first() { return *ends_.front(); }
  ScriptGuest& guest_of(size_t number) { return ends_.at(number)->guest; }
  ScriptHost& host_of_number(size_t number) { return ends_.at(number)->host; }

  /// The loop sleeps, and wakes when the engine wants it to.
  void wait(Duration duration);
  /// A client of a published port comes: its SYN is there to hear.
  TcpEngine::Admission arrives(Ends& ends);
  void arrives() { EXPECT_EQ(arrives(first()), TcpEngine::Admission::opened); }
  void reset_all() {
    engine_->reset_if([](const TcpEngine::Flow&) { return true; }, now_);
    turn();
  }

  /// One burst of frames: the engine's turn comes at its end.
  template <class Statements>
  void burst(Statements&& statements) {
    in_burst_ = true;
    statements();
    in_burst_ = false;
    turn();
  }
  /// The same where the loop's turn ended before the namespace had said all.
  template <class Statements>
  void burst_cut_off(Statements&& statements) {
    in_burst_ = true;
    statements();
    engine_->end_burst(now_, Behind::more);
    engine_->run(now_);
    in_burst_ = false;
    in_flight_.clear();
  }
  /// What open() says from now on; EINPROGRESS at first.
  void host_answers_at_once(int error) { opening_error_ = error; }
  int wakes() const { return wakes_; }

 private:
  friend class ScriptGuest;
  friend class ScriptHost;
  void transmit(const wire::TcpFrame& frame, std::span<const iovec> payload, size_t segment_bytes) override;
  void refuse(const Attempt& attempt, Refusal why) override;
  Opening open(const FlowKey& key, uint32_t token) override;
  bool adopt(int socket, uint32_t token) override;
  int outcome(int socket) override;
  ssize_t send(int socket, std::span<const iovec> bytes) override;
  ssize_t receive(int socket, std::span<const iovec> room) override;
  void shut_writing(int socket) override;
  void close(int socket, Closing how) override;
  void keep_alive(int socket, Duration period) override;

  void turn();
  ScriptHost& host_of(int socket) { return ends_.at(static_cast<size_t>(socket))->host; }
  void give_key(Ends& ends, size_t number);

  TimePoint now_{};
  std::vector<std::unique_ptr<Ends>> ends_;
  bool v6_ = false;
  bool in_burst_ = false;
  int opening_error_;
  int wakes_ = 0;
  std::deque<std::vector<uint8_t>> in_flight_;  // payloads and options of this burst
  std::unique_ptr<TcpEngine> engine_;           // dies first
};

/// Most scripts are about one connection.
class OneConnection : public EngineScript {
 protected:
  OneConnection() : guest(first().guest), host(first().host) {}
  ScriptGuest& guest;
  ScriptHost& host;
};

// Suites share the fixture. D.12 of the design names the hazards, tests/unit/flow/README.md lists them.
class Hazard : public OneConnection {};
class Lesson : public OneConnection {};

}  // namespace postern::flow
