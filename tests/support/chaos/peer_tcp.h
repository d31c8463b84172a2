// peer_tcp.h - the namespace's end of one connection: a small, honest TCP, written without a look at the engine's, so that what
// the two agree on is the protocol and no mistake of ours.
//
//   program ── writes, reads, pauses, closes, aborts ──► PeerTcp ◄──► segments
//
// Positions are 64 bits wide and count from the SYN, which is 0; only segments carry numbers that go round. No byte is kept: the
// stream tells what is right at a position, so data is checked when it arrives and made when it goes.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "postern/flow/flow_key.h"
#include "postern/wire/tcp.h"
#include "postern/wire/tcp_options.h"

#include "dice.h"
#include "stream.h"

namespace postern::chaos {

/// What a connection is going to do; both ends know it.
struct Plan {
  flow::FlowKey key;
  uint64_t up_bytes = 0, down_bytes = 0;  // towards the remote, towards the namespace
  uint64_t up_seed = 0, down_seed = 0;
  TimePoint opens_at;
  bool guest_closes_last = false, remote_closes_last = false;  // the FIN waits for the other's; never both
  std::optional<Duration> guest_aborts_after, remote_aborts_after;

  // the namespace's TCP
  uint32_t initial = 0;
  uint16_t mss = 1460;
  std::optional<uint8_t> window_scale;
  bool sack = true;
  uint32_t buffer_bytes = 64 * 1024;        // for what its program has not read
  uint32_t segments_per_frame = 1;          // at most: more make a superframe
  Duration acks_within = Duration::zero();  // a delayed acknowledgment's delay
  bool probes_with_a_byte = false;          // a closed window, as BSD does; Linux sends none
  bool throws_away = false;                 // short of memory at times: it drops what is in its window
  unsigned dawdles = 0;                     // of 10 000 reads or writes, how many are followed by a long pause
};

class PeerTcp {
 public:
  struct Segment {
    uint32_t sequence, acknowledgment;
    uint8_t flags;
    uint16_t window;
    wire::TcpOptions options;  // with SYN: of a SYN; else only blocks count
    wire::Bytes payload;
  };
  enum class State { waiting, syn_sent, open, refused, reset, aborted };

  PeerTcp(const Plan& plan, uint64_t seed, std::function<void(const Segment&)> emit);

  void receive(const wire::TcpSegment& segment, TimePoint now);
  /// An ICMP error in answer to the SYN.
  void refuse();
  void pass(TimePoint now);
  std::optional<TimePoint> deadline() const;

  State state() const { return state_; }
  /// Both directions have ended in order.
  bool is_done() const { return state_ == State::open && heard_end_ && una_ == end_of_data() + 1; }
  /// Nothing will come of this connection any more, whatever it was.
  bool is_over() const { return is_done() || state_ == State::refused || state_ == State::reset || state_ == State::aborted; }
  bool heard_end() const { return heard_end_; }
  uint64_t received_bytes() const { return next_expected_ - 1 - (heard_end_ ? 1 : 0); }
  /// What the engine has done that no TCP may; empty: nothing.
  const std::string& complaint() const { return complaint_; }
  std::string describe() const;

 private:
  using Position = uint64_t;

  // the program
  void open(TimePoint now);
  void read_some(TimePoint now);
  void write_some(TimePoint now);
  void abort();

  // what we send
  Position end_of_data() const { return 1 + plan_.up_bytes; }
  bool may_finish() const { return written_ == plan_.up_bytes && (!plan_.guest_closes_last || heard_end_); }
  void pump(TimePoint now);
  bool send_from(Position& from, Position limit);
  uint32_t most_in_a_frame() const;
  void repair();
  void time_out(TimePoint now);
  void send(Position at, uint32_t bytes, uint8_t flags);
  void send_ack();
  void send_probe();
  void arm(TimePoint now);

  // what we hear
  void receive_while_opening(const wire::TcpSegment& segment, TimePoint now);
  void receive_while_gone(const wire::TcpSegment& segment);
  bool receive_ack(const wire::TcpSegment& segment, TimePoint now);
  void receive_data(const wire::TcpSegment& segment, Position at, TimePoint now);
  void join(Position begin, Position end);
  void learn_blocks(const wire::TcpSegment& segment);
  void complain(std::string what);
  Position unwrap(uint32_t number, uint32_t initial, Position near) const;
  uint16_t window();
  void rest();

  Plan plan_;
  Dice dice_;
  Stream up_, down_;
  std::function<void(const Segment&)> emit_;
  State state_ = State::waiting;
  std::string complaint_;

  // sending
  Position una_ = 0, next_ = 0, max_ = 0;
  uint64_t written_ = 0;
  uint32_t peer_initial_ = 0;
  uint32_t mss_;
  uint8_t peer_scale_ = 0;
  uint64_t peer_window_ = 0, greatest_window_ = 0;
  uint32_t window_sequence_ = 0;
  uint64_t congestion_window_ = 0, threshold_ = UINT64_MAX;
  std::map<Position, Position> held_;  // SACKed
  Position repaired_ = 0, recover_ = 0;
  unsigned duplicates_ = 0, backoff_ = 0, attempts_ = 0;
  bool in_recovery_ = false;

  // receiving
  Position next_expected_ = 0, edge_ = 0, told_edge_ = 0;
  std::map<Position, Position> early_;
  std::optional<std::pair<Position, Position>> newest_;
  std::optional<Position> end_;  // where the remote's FIN is, once we know
  bool heard_end_ = false;
  bool forgotten_ = false;  // TIME_WAIT was ended by a RST
  uint64_t unread_ = 0;
  uint16_t told_window_ = 0;

  std::optional<TimePoint> short_of_memory_until_;
  std::optional<TimePoint> resend_at_, ack_at_, read_at_, write_at_, abort_at_, keep_alive_at_;
};

}  // namespace postern::chaos
