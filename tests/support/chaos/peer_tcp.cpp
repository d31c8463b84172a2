#include "peer_tcp.h"

#include <fmt/format.h>

namespace postern::chaos {

namespace {

using namespace std::chrono_literals;
using namespace wire::tcp_flag;

constexpr Duration kTimeout = 200ms, kMostTimeout = 3s;
constexpr Duration kKeepAlive = 10s;    // so that a RST which was lost is asked for
constexpr uint32_t kMostData = 60'000;  // of one frame
constexpr uint8_t kMostOptionBlocks = 3;

}  // namespace

PeerTcp::PeerTcp(const Plan& plan, uint64_t seed, std::function<void(const Segment&)> emit)
    : plan_(plan), dice_(seed), up_(plan.up_seed), down_(plan.down_seed), emit_(std::move(emit)), mss_(plan.mss) {
  resend_at_ = plan.opens_at;
}

std::optional<TimePoint> PeerTcp::deadline() const {
  std::optional<TimePoint> first;
  for (const auto& at : {resend_at_, ack_at_, read_at_, write_at_, abort_at_, keep_alive_at_, short_of_memory_until_}) {
    if (at && (!first || *at < *first)) first = at;
  }
  return first;
}

void PeerTcp::pass(TimePoint now) {
  const auto is_due = [now](std::optional<TimePoint>& at) {
    const bool due = at && *at <= now;
    if (due) at.reset();
    return due;
  };
  if (is_due(abort_at_)) return abort();
  if (is_due(resend_at_)) time_out(now);
  if (is_due(write_at_)) write_some(now);
  if (is_due(read_at_)) read_some(now);
  if (is_due(ack_at_)) send_ack();
  if (is_due(short_of_memory_until_)) send_ack();
  if (is_due(keep_alive_at_) && state_ == State::open) {
    send_probe();
    keep_alive_at_ = now + kKeepAlive;
  }
}

// ---- the program

void PeerTcp::open(TimePoint now) {
  if (state_ == State::waiting && plan_.guest_aborts_after) abort_at_ = now + *plan_.guest_aborts_after;
  state_ = State::syn_sent;
  max_ = next_ = 1;
  Segment segment{.sequence = plan_.initial, .acknowledgment = 0, .flags = syn, .window = 0, .options = {}, .payload = {}};
  segment.window = static_cast<uint16_t>(std::min<uint32_t>(plan_.buffer_bytes, 0xffff));
  segment.options.mss = plan_.mss;
  segment.options.window_scale = plan_.window_scale;
  segment.options.sack_permitted = plan_.sack;
  told_edge_ = edge_ = 1 + segment.window;
  emit_(segment);
  resend_at_ = now + 1s * (1 << std::min(attempts_++, 3u));
}

void PeerTcp::abort() {
  if (is_over()) return;
  if (state_ == State::open) send(max_, 0, rst | ack);
  if (state_ == State::syn_sent) send(1, 0, rst);
  state_ = State::aborted;
  rest();
}

/// Nothing is to be done any more, unless a segment comes.
void PeerTcp::rest() {
  resend_at_ = ack_at_ = read_at_ = write_at_ = abort_at_ = keep_alive_at_ = short_of_memory_until_ = std::nullopt;
}

void PeerTcp::refuse() {
  if (state_ != State::syn_sent) return;
  state_ = State::refused;
  rest();
}

void PeerTcp::read_some(TimePoint now) {
  if (state_ != State::open || unread_ == 0) return;
  unread_ -= std::min(unread_, dice_.magnitude(1, plan_.buffer_bytes));
  const Position wanted = next_expected_ + (plan_.buffer_bytes - std::min<uint64_t>(unread_, plan_.buffer_bytes));
  if (wanted > edge_ && (told_window_ == 0 || wanted - edge_ >= std::min(2 * mss_, plan_.buffer_bytes / 2))) send_ack();
  if (unread_ != 0) read_at_ = now + (dice_.chance(plan_.dawdles) ? dice_.between(50ms, 900ms) : dice_.between(0us, 300us));
}

void PeerTcp::write_some(TimePoint now) {
  if (state_ != State::open) return;
  written_ = std::min(plan_.up_bytes, written_ + dice_.magnitude(1, uint64_t{256} * 1024));
  pump(now);
  if (written_ < plan_.up_bytes) {
    write_at_ = now + (dice_.chance(plan_.dawdles) ? dice_.between(50ms, 900ms) : dice_.between(0us, 300us));
  }
}

// ---- what we send

void PeerTcp::send(Position at, uint32_t bytes, uint8_t flags) {
  std::vector<uint8_t> data(bytes);
  if (bytes != 0) up_.read(at - 1, data);
  Segment segment{.sequence = plan_.initial + static_cast<uint32_t>(at),
                  .acknowledgment = peer_initial_ + static_cast<uint32_t>(next_expected_),
                  .flags = flags,
                  .window = window(),
                  .options = {},
                  .payload = data};
  if (plan_.sack && (flags & rst) == 0) {
    auto& blocks = segment.options;
    const auto name = [&](Position begin, Position end) {
      if (blocks.sack_blocks == kMostOptionBlocks) return;
      blocks.sack[blocks.sack_blocks++] = {peer_initial_ + static_cast<uint32_t>(begin),
                                           peer_initial_ + static_cast<uint32_t>(end)};
    };
    if (newest_) name(newest_->first, newest_->second);
    for (const auto& [begin, end] : early_) {
      if (!newest_ || begin != newest_->first) name(begin, end);
    }
  }
  if ((flags & ack) == 0) segment.acknowledgment = 0;
  ack_at_.reset();
  emit_(segment);
}

/// RFC 9293 3.8.6: never less to the right than it was; nothing at all where memory has run out.
uint16_t PeerTcp::window() {
  const uint64_t room = plan_.buffer_bytes - std::min<uint64_t>(unread_, plan_.buffer_bytes);
  edge_ = std::max(edge_, next_expected_ + room);
  const uint8_t scale = plan_.window_scale.value_or(0);
  const uint64_t field = short_of_memory_until_ ? 0 : std::min<uint64_t>((edge_ - next_expected_) >> scale, 0xffff);
  told_window_ = static_cast<uint16_t>(field);
  told_edge_ = std::max(told_edge_, next_expected_ + (field << scale));
  return told_window_;
}

void PeerTcp::send_ack() {
  if (state_ == State::open) send(std::min(max_, una_ + peer_window_), 0, ack);
}

/// RFC 1122 4.2.3.6: one before what is expected, so that it is answered.
void PeerTcp::send_probe() { send(una_ - 1, 0, ack); }

void PeerTcp::pump(TimePoint now) {
  if (state_ != State::open) return;
  repair();
  while (send_from(next_, una_ + std::min(peer_window_, congestion_window_))) max_ = std::max(max_, next_);
  const bool something_left = next_ < 1 + written_ || (may_finish() && next_ <= end_of_data());
  if (una_ != max_ || something_left) {
    if (!resend_at_) arm(now);
  } else {
    resend_at_.reset();
  }
}

uint32_t PeerTcp::most_in_a_frame() const {
  const uint32_t segments = std::min(plan_.segments_per_frame, std::max(kMostData / mss_, 1u));
  return segments * mss_;
}

/// One segment. False: there is nothing, or no room for it.
bool PeerTcp::send_from(Position& from, Position limit) {
  const Position written = 1 + written_;
  const uint64_t left = written - std::min(from, written);
  const uint64_t room = limit - std::min(from, limit);
  const auto bytes = static_cast<uint32_t>(std::min({left, room, dice_.between(1, most_in_a_frame())}));
  const bool silly = bytes < mss_ && bytes < left && bytes < greatest_window_ / 2 && from != una_;
  const bool ends = may_finish() && from + bytes == end_of_data() && room > bytes;
  if ((bytes == 0 || silly) && !ends) return false;
  send(from, bytes, static_cast<uint8_t>(ack | (bytes == left ? psh : 0) | (ends ? fin : 0)));
  from += bytes + (ends ? 1 : 0);
  return true;
}

/// Each hole once, by what the blocks tell; without them the first segment.
void PeerTcp::repair() {
  if (!in_recovery_) return;
  repaired_ = std::max(repaired_, una_);
  if (held_.empty()) {
    if (repaired_ != una_) return;
    Position at = una_;
    if (send_from(at, std::min<Position>(una_ + mss_, max_))) repaired_ = at;
    return;
  }
  for (const auto& [begin, end] : held_) {
    while (repaired_ < begin && send_from(repaired_, begin)) continue;
    repaired_ = std::max(repaired_, end);
  }
}

void PeerTcp::arm(TimePoint now) {
  resend_at_ = now + std::min<Duration>(kTimeout * (1 << std::min(backoff_, 5u)), kMostTimeout);
}

void PeerTcp::time_out(TimePoint now) {
  if (state_ == State::waiting || state_ == State::syn_sent) return open(now);
  if (state_ != State::open || is_done()) return;
  ++backoff_;
  arm(now);
  if (peer_window_ == 0) {
    if (plan_.probes_with_a_byte && next_ < 1 + written_) {
      max_ = std::max(max_, una_ + 1);
      return send(una_, 1, ack);
    }
    return send_probe();
  }
  if (una_ == max_) {  // a window too small to be worth it, until now
    greatest_window_ = 0;
  } else {
    threshold_ = std::max<uint64_t>((max_ - una_) / 2, uint64_t{2} * mss_);
    congestion_window_ = mss_;
    held_.clear();
    in_recovery_ = false;
    next_ = una_;
  }
  pump(now);
}

std::string PeerTcp::describe() const {
  return fmt::format(
      "state {} up {}/{} (next {} max {} window {}) down {}/{} (unread {} early {} end {}) heard end {}, mss {} "
      "scale {} sack {} buffer {} throws away {} aborts {}",
      static_cast<int>(state_), una_, plan_.up_bytes, next_, max_, peer_window_, next_expected_, plan_.down_bytes, unread_,
      early_.size(), end_.has_value(), heard_end_, mss_, plan_.window_scale.value_or(99), plan_.sack, plan_.buffer_bytes,
      plan_.throws_away, plan_.guest_aborts_after.has_value());
}

}  // namespace postern::chaos
