// tcp_sender.h - one half of a connection: bytes towards the namespace. What may be sent, what must be sent again, and when.
//
//        una                 next == max
//   ──────┼─────────────────────┼──────────────► sequence numbers
//  acknowledged   in flight        not sent yet       after a timeout, or when the namespace threw away what it had no room
//                 (retained)       (at the host)       for, next goes back to una and what is retained is sent again
//
// Loss is rare on a TAP, but not unknown: the backlog of a busy socket overflows, and the namespace may forward to slower links
// of its own. So there is congestion control: Reno's (RFC 5681) with SACK (RFC 6675 in essence: each hole once per recovery).
// Pure: it is told what came and when, and says what to do. It keeps no bytes, only where they are.
#pragma once

#include <optional>
#include <span>

#include "postern/wire/tcp_options.h"

#include "round_trip.h"
#include "scoreboard.h"
#include "sequence.h"

namespace postern::flow {

/// What a segment from the namespace says about our bytes.
struct Acknowledgment {
  Sequence number;
  uint32_t window_bytes;  // the scale applied
  Sequence segment;       // its own sequence number
  bool bare;              // it carries nothing else: no data, SYN or FIN
  std::span<const wire::TcpOptions::Block> sack;
};

class TcpSender {
 public:
  static constexpr uint32_t kMostInFlight = 1 << 20;  // of one connection: what a guest that never acknowledges can hold
  static constexpr uint32_t kInitialWindow = 256 * 1024;
  static constexpr int kMostTimeouts = 15;    // without an answer: tcp(7), tcp_retries2
  static constexpr int kMostSynTimeouts = 5;  // tcp_synack_retries

  /// Our SYN takes the first sequence number. `segment_bytes` is what the namespace, and the MTU, let one segment carry.
  TcpSender(Sequence initial, uint32_t segment_bytes);

  Sequence una() const { return una_; }
  Sequence next() const { return next_; }
  Sequence max() const { return max_; }
  /// Of a segment without data: the highest number that the namespace accepts. What we would send next may lie before it, while
  /// things are sent again, or beyond it, where the window has shrunk.
  Sequence bare() const { return is_open_ ? earlier(max_, una_ + window_) : max_; }
  uint32_t in_flight() const { return static_cast<uint32_t>(max_ - una_); }
  uint32_t segment_bytes() const { return segment_bytes_; }
  uint32_t window_bytes() const { return window_; }
  std::optional<Duration> round_trip() const { return round_trip_.smoothed(); }
  bool is_in_flight(Sequence number) const { return !before(number, una_) && before(number, max_); }
  /// What the namespace's SYN says, where ours came first. Before open().
  void name_segment(uint32_t bytes) { segment_bytes_ = bytes; }
  /// Larger ones do not arrive: false if this is no news, else what is in flight is sent again.
  bool shrink_segment(uint32_t bytes);

  void syn_sent(TimePoint now);
  /// The first window is told with the handshake's last segment.
  void open(uint32_t window_bytes, Sequence segment, TimePoint now);

  /// Whether `number` acknowledges anything that was sent; what lies outside is answered, RFC 9293 3.10.7.4.
  bool is_plausible(Sequence number) const { return !before(max_, number); }
  struct Progress {
    uint32_t bytes = 0;     // newly acknowledged, SYN and FIN included: drop so much of what is retained
    bool may_send = false;  // there may be something to do now
  };
  Progress acknowledge(const Acknowledgment& ack, TimePoint now);

  /// How many new bytes may be sent now. 0 while older ones must go first, and where only a silly little window is open.
  uint32_t room() const;
  /// They were: taken from the host and given to the namespace.
  void sent_new(uint32_t bytes, TimePoint now);

  /// No byte will follow. The FIN goes out by next_again().
  void finish() { ends_ = true; }
  bool is_finished() const { return ends_; }
  bool fin_is_sent() const { return fin_.has_value(); }
  bool fin_is_acknowledged() const { return fin_ && before(*fin_, una_); }

  /// What is to be sent again, or the FIN, at most `most_bytes` of it; call until there is nothing.
  struct Stretch {
    Sequence begin;
    uint32_t bytes = 0;
    bool fin = false;  // behind the bytes
  };
  std::optional<Stretch> next_again(uint32_t most_bytes, TimePoint now);

  /// Somebody waits for room() to become more: where only the namespace can open it, we must ask, or a lost window update would
  /// be the end. RFC 9293 3.8.6.1.
  void waits_for_window(TimePoint now);

  std::optional<TimePoint> deadline() const { return deadline_; }
  enum class Expiry { nothing, send_again, probe, give_up };
  Expiry on_deadline(TimePoint now);

 private:
  enum class Loss { none, repairing, timed_out };
  enum class Waiting { nothing, acknowledgment, window };  // what deadline_ is for

  bool take_window(const Acknowledgment& ack);
  void learn_held(const Acknowledgment& ack);
  void advance(Sequence to, TimePoint now);
  void notice_loss(const Acknowledgment& ack, bool window_changed);
  void begin_repair();
  uint32_t in_pipe() const;
  std::optional<Scoreboard::Hole> hole_to_repair() const;
  void go_back();
  void arm(TimePoint now);

  Sequence una_, next_, max_;
  std::optional<Sequence> fin_;  // its number, once it was sent
  bool is_open_ = false;         // our SYN is acknowledged
  bool ends_ = false;
  Loss loss_ = Loss::none;
  Waiting waiting_ = Waiting::nothing;
  bool discarded_ = false;   // a window of 0 came while bytes were in flight: Linux throws those away, whatever it promised
  bool overridden_ = false;  // silly window avoidance has waited long enough, RFC 9293 3.8.6.2.1
  uint8_t duplicates_ = 0;
  uint8_t timeouts_ = 0;  // in a row
  uint32_t segment_bytes_;
  uint32_t window_ = 0, greatest_window_ = 0;
  Sequence window_segment_, window_ack_;  // SND.WL1, SND.WL2
  uint32_t congestion_window_ = kInitialWindow, threshold_ = UINT32_MAX;
  Sequence repaired_;  // holes before it were filled in this recovery
  Sequence recover_;   // recovery ends when this is acknowledged
  Scoreboard held_;
  RoundTrip round_trip_;
  std::optional<Sequence> timed_;  // the segment whose acknowledgment is timed ends here
  TimePoint timed_at_;
  std::optional<TimePoint> deadline_;
};

}  // namespace postern::flow
