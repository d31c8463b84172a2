#include "tcp_sender.h"

#include <algorithm>
#include <utility>

namespace postern::flow {

namespace {

constexpr uint32_t kLeastThreshold = 64 * 1024;  // a TAP has no queue that a smaller window would spare
constexpr uint32_t kSegmentsAfterTimeout = 10;   // RFC 6928
constexpr int kDuplicatesOfLoss = 3;             // RFC 5681 3.2

}  // namespace

TcpSender::TcpSender(Sequence initial, uint32_t segment_bytes)
    : una_(initial), next_(initial), max_(initial), segment_bytes_(segment_bytes), repaired_(initial), recover_(initial) {}

bool TcpSender::shrink_segment(uint32_t bytes) {
  if (bytes >= segment_bytes_) return false;
  segment_bytes_ = bytes;
  go_back();
  return true;
}

void TcpSender::syn_sent(TimePoint now) {
  if (max_ == una_) {
    timed_ = una_ + 1;
    timed_at_ = now;
  }
  next_ = max_ = una_ + 1;
  if (!deadline_) arm(now);
}

void TcpSender::open(uint32_t window_bytes, Sequence segment, TimePoint now) {
  is_open_ = true;
  advance(max_, now);
  window_ = greatest_window_ = window_bytes;
  window_segment_ = segment;
  window_ack_ = una_;
}

TcpSender::Progress TcpSender::acknowledge(const Acknowledgment& ack, TimePoint now) {
  Progress progress;
  timeouts_ = 0;  // whoever answers is there
  if (before(ack.number, una_)) return progress;
  const uint32_t window_before = window_;
  const bool window_changed = take_window(ack) && window_ != window_before;
  learn_held(ack);
  if (before(una_, ack.number)) {
    progress.bytes = static_cast<uint32_t>(ack.number - una_);
    advance(ack.number, now);
  } else {
    notice_loss(ack, window_changed);
  }
  if (window_ == 0) {
    discarded_ |= una_ != max_;
  } else if (discarded_) {
    discarded_ = false;
    go_back();
  }
  progress.may_send = progress.bytes != 0 || window_changed || loss_ != Loss::none;
  return progress;
}

/// RFC 9293 3.10.7.4. True: it was newer than what we knew. An acknowledgment of more is, whatever segment it came on (one that
/// was sent again has an old number): or the old window, counted from the new una, would reach further than was ever said.
bool TcpSender::take_window(const Acknowledgment& ack) {
  const bool newer = before(una_, ack.number) || before(window_segment_, ack.segment) ||
                     (window_segment_ == ack.segment && !before(ack.number, window_ack_));
  if (!newer) return false;
  if (window_ == 0 && ack.window_bytes != 0) round_trip_.forget_doublings();  // what kept us waiting was no loss
  window_ = ack.window_bytes;
  window_segment_ = later(window_segment_, ack.segment);
  window_ack_ = ack.number;
  greatest_window_ = std::max(greatest_window_, window_);
  if (window_ != 0) overridden_ = false;
  return true;
}

void TcpSender::learn_held(const Acknowledgment& ack) {
  for (const auto& block : ack.sack) {
    const Sequence begin{block.begin}, end{block.end};
    const bool sane = before(begin, end) && !before(begin, una_) && !before(max_, end);  // a D-SACK lies before una
    if (sane) held_.add(begin, end);
  }
}

void TcpSender::advance(Sequence to, TimePoint now) {
  const auto bytes = static_cast<uint32_t>(to - una_);
  if (timed_ && !before(to, *timed_)) {
    round_trip_.sample(now - timed_at_);
    timed_.reset();
  }
  una_ = to;
  if (before(next_, una_)) next_ = una_;
  if (before(repaired_, una_)) repaired_ = una_;
  held_.forget_before(una_);
  duplicates_ = 0;
  round_trip_.forget_doublings();
  if (loss_ != Loss::none && !before(una_, recover_)) loss_ = Loss::none;
  if (loss_ == Loss::repairing) {
    if (held_.empty()) repaired_ = una_;  // NewReno, RFC 6582: a partial acknowledgment shows the next hole
  } else if (congestion_window_ < threshold_) {
    congestion_window_ += std::min(bytes, kMostInFlight);
  } else {
    congestion_window_ += std::max<uint32_t>(1, static_cast<uint32_t>(uint64_t{segment_bytes_} * bytes / congestion_window_));
  }
  congestion_window_ = std::min(congestion_window_, 4 * kMostInFlight);
  deadline_.reset();
  waiting_ = Waiting::nothing;
  if (una_ != max_) arm(now);
}

void TcpSender::notice_loss(const Acknowledgment& ack, bool window_changed) {
  if (loss_ != Loss::none || una_ == max_ || window_ == 0 || !ack.bare) return;
  if (!window_changed || !held_.empty()) ++duplicates_;
  if (duplicates_ >= kDuplicatesOfLoss || held_.bytes() >= kDuplicatesOfLoss * segment_bytes_) begin_repair();
}

void TcpSender::begin_repair() {
  loss_ = Loss::repairing;
  threshold_ = std::max(in_flight() / 2, kLeastThreshold);
  congestion_window_ = threshold_;
  recover_ = max_;
  repaired_ = una_;
  timed_.reset();  // Karn: from now on an acknowledgment may be of either copy
}

/// What is under way: sent after the last that arrived, and what was sent again.
uint32_t TcpSender::in_pipe() const {
  if (held_.empty()) return static_cast<uint32_t>(repaired_ - una_);
  const Sequence top = held_.highest();
  return static_cast<uint32_t>(max_ - top) + static_cast<uint32_t>(repaired_ - una_) - held_.bytes_before(repaired_);
}

std::optional<Scoreboard::Hole> TcpSender::hole_to_repair() const {
  if (loss_ != Loss::repairing || !before(repaired_, recover_)) return std::nullopt;
  if (!held_.empty()) return held_.hole_after(repaired_);
  if (repaired_ != una_) return std::nullopt;  // without SACK only the first segment is known to be missing
  return Scoreboard::Hole{una_, before(una_ + segment_bytes_, max_) ? una_ + segment_bytes_ : max_};
}

uint32_t TcpSender::room() const {
  if (next_ != max_ || ends_) return 0;
  const uint32_t flight = loss_ == Loss::repairing ? in_pipe() : in_flight();
  const uint32_t most = std::min({window_, congestion_window_, kMostInFlight});
  // The receiver's window, and what we may have to keep, are counted from una, whatever has arrived beyond it.
  const uint32_t window = std::min(window_, kMostInFlight);
  const uint32_t in_window = in_flight() < window ? window - in_flight() : 0;
  const uint32_t room = std::min(flight < most ? most - flight : 0, in_window);
  const bool worth_it = room >= segment_bytes_ || room >= greatest_window_ / 2 || overridden_;
  return worth_it ? room : 0;
}

void TcpSender::sent_new(uint32_t bytes, TimePoint now) {
  max_ = max_ + bytes;
  next_ = max_;
  overridden_ = false;
  if (!timed_) {
    timed_ = max_;
    timed_at_ = now;
  }
  if (waiting_ != Waiting::acknowledgment) arm(now);
}

std::optional<TcpSender::Stretch> TcpSender::next_again(uint32_t most_bytes, TimePoint now) {
  if (const auto hole = hole_to_repair(); hole && in_pipe() < congestion_window_) {
    const bool reaches_fin = fin_ && before(*fin_, hole->end);
    const Sequence end = reaches_fin ? *fin_ : hole->end;
    const uint32_t bytes = std::min(static_cast<uint32_t>(end - hole->begin), most_bytes);
    const bool fin = reaches_fin && hole->begin + bytes == *fin_;
    repaired_ = hole->begin + bytes + (fin ? 1 : 0);
    return Stretch{hole->begin, bytes, fin};
  }
  const Sequence data_end = fin_ ? *fin_ : max_;
  const uint32_t flight = static_cast<uint32_t>(next_ - una_);
  const uint32_t most = std::min(window_, congestion_window_);
  Stretch stretch{next_};
  if (before(next_, data_end)) {
    if (flight >= most) return std::nullopt;
    stretch.bytes = std::min({static_cast<uint32_t>(data_end - next_), most - flight, most_bytes});
    next_ = next_ + stretch.bytes;
  }
  if (ends_ && next_ == data_end && (!fin_ || next_ != max_)) {
    fin_ = data_end;
    stretch.fin = true;
    next_ = data_end + 1;
    if (before(max_, next_)) max_ = next_;
  }
  if (stretch.bytes == 0 && !stretch.fin) return std::nullopt;
  if (waiting_ != Waiting::acknowledgment) arm(now);
  return stretch;
}

void TcpSender::waits_for_window(TimePoint now) {
  if (waiting_ == Waiting::nothing && una_ == max_ && room() == 0) arm(now);
}

void TcpSender::arm(TimePoint now) {
  waiting_ = una_ != max_ && (window_ != 0 || !is_open_) ? Waiting::acknowledgment : Waiting::window;
  deadline_ = now + round_trip_.timeout();
}

/// What was sent will be sent again, in order. The scoreboard goes too: what is held may be forgotten again, RFC 2018 8.
void TcpSender::go_back() {
  next_ = una_;
  held_.clear();
  timed_.reset();
}

TcpSender::Expiry TcpSender::on_deadline(TimePoint now) {
  if (!deadline_ || now < *deadline_) return Expiry::nothing;
  deadline_.reset();
  const Waiting waited = std::exchange(waiting_, Waiting::nothing);
  if (waited == Waiting::window && room() != 0) return Expiry::nothing;
  if (++timeouts_ > (is_open_ ? kMostTimeouts : kMostSynTimeouts)) return Expiry::give_up;
  round_trip_.back_off();
  if (is_open_ && window_ == 0) {
    arm(now);
    return Expiry::probe;
  }
  if (waited == Waiting::window) {
    overridden_ = true;  // what little there is will be used
    return Expiry::send_again;
  }
  if (loss_ != Loss::timed_out) threshold_ = std::max(in_flight() / 2, kLeastThreshold);
  congestion_window_ = kSegmentsAfterTimeout * segment_bytes_;
  loss_ = Loss::timed_out;
  recover_ = max_;
  duplicates_ = 0;
  go_back();
  arm(now);
  return Expiry::send_again;
}

}  // namespace postern::flow
