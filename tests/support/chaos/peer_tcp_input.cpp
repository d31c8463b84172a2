// peer_tcp_input.cpp - what the namespace's end of a connection hears: RFC 9293 3.10.7, as a kernel does it.
#include <fmt/format.h>

#include "peer_tcp.h"

namespace postern::chaos {

namespace {

using namespace std::chrono_literals;
using namespace wire::tcp_flag;

constexpr Duration kShortOfMemory = 150ms;
constexpr Duration kKeepAlive = 10s;
constexpr unsigned kShortage = 100;  // of 10 000 segments that bring data
constexpr unsigned kDuplicatesOfLoss = 3;

}  // namespace

void PeerTcp::complain(std::string what) {
  if (complaint_.empty()) complaint_ = std::move(what) + "; " + describe();
}

PeerTcp::Position PeerTcp::unwrap(uint32_t number, uint32_t initial, Position near) const {
  return near + static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(number - initial - static_cast<uint32_t>(near))));
}

void PeerTcp::receive(const wire::TcpSegment& segment, TimePoint now) {
  if (state_ == State::waiting || state_ == State::syn_sent) return receive_while_opening(segment, now);
  if (state_ != State::open || forgotten_) return receive_while_gone(segment);
  if (!is_done()) keep_alive_at_ = now + kKeepAlive;
  const Position at = unwrap(segment.sequence, peer_initial_, next_expected_);
  const bool in_window = at >= next_expected_ && at <= told_edge_;
  if (segment.has(rst)) {
    if (at != next_expected_) return in_window ? send_ack() : void();
    const bool all_but_our_fin = heard_end_ && una_ == end_of_data() && max_ > una_;
    state_ = all_but_our_fin || is_done() ? State::open : State::reset;
    if (state_ == State::open) una_ = max_;
    forgotten_ = state_ == State::open;
    rest();
    return;
  }
  if (segment.has(syn)) return send_ack();
  const uint64_t length = segment.payload.size() + segment.has(fin);
  if (length == 0 ? !in_window : at + length <= next_expected_ || at > told_edge_) return send_ack();
  if (!segment.has(ack) || !receive_ack(segment, now)) return;
  if (length != 0) receive_data(segment, at, now);
  pump(now);
}

void PeerTcp::receive_while_opening(const wire::TcpSegment& segment, TimePoint now) {
  if (state_ == State::waiting) return receive_while_gone(segment);
  const bool ours = segment.has(ack) && segment.acknowledgment == plan_.initial + 1;
  if (segment.has(rst)) return ours ? refuse() : void();
  if (!ours) return receive_while_gone(segment);
  if (!segment.has(syn)) return;
  const auto options = wire::TcpOptions::parse(segment.options);
  if (!options.mss) complain("a SYN-ACK without MSS");
  if (options.window_scale.has_value() != plan_.window_scale.has_value())
    complain("window scale that was not asked for, or not given");
  if (options.sack_permitted != plan_.sack) complain("SACK that was not asked for, or not given");
  mss_ = std::min<uint32_t>(plan_.mss, options.mss.value_or(536));
  peer_scale_ = options.window_scale.value_or(0);
  peer_initial_ = segment.sequence;
  peer_window_ = greatest_window_ = segment.window;
  window_sequence_ = segment.sequence;
  next_expected_ = una_ = 1;
  congestion_window_ = uint64_t{10} * mss_;
  state_ = State::open;
  resend_at_.reset();
  keep_alive_at_ = now + kKeepAlive;
  write_at_ = now;
  send_ack();
}

/// Nobody is here: RFC 9293 3.10.7.1.
void PeerTcp::receive_while_gone(const wire::TcpSegment& segment) {
  if (segment.has(rst)) return;
  const uint32_t length = static_cast<uint32_t>(segment.payload.size()) + segment.has(syn) + segment.has(fin);
  const bool has_ack = segment.has(ack);
  emit_({.sequence = has_ack ? segment.acknowledgment : 0,
         .acknowledgment = has_ack ? 0 : segment.sequence + length,
         .flags = static_cast<uint8_t>(has_ack ? rst : rst | ack),
         .window = 0,
         .options = {},
         .payload = {}});
}

void PeerTcp::learn_blocks(const wire::TcpSegment& segment) {
  if (!plan_.sack) {
    if (wire::TcpOptions::parse(segment.options).sack_blocks != 0) complain("SACK blocks that were not asked for");
    return;
  }
  const auto options = wire::TcpOptions::parse(segment.options);
  for (const auto& block : options.blocks()) {
    Position begin = unwrap(block.begin, plan_.initial, una_), end = unwrap(block.end, plan_.initial, una_);
    if (begin >= end || end > max_) complain(fmt::format("a SACK block {}-{}", begin, end));
    if (end <= una_) continue;
    begin = std::max(begin, una_);
    for (auto old = held_.begin(); old != held_.end();) {
      if (old->second < begin || old->first > end) {
        ++old;
        continue;
      }
      begin = std::min(begin, old->first);
      end = std::max(end, old->second);
      old = held_.erase(old);
    }
    held_[begin] = end;
  }
}

/// False: it acknowledges what was never sent.
bool PeerTcp::receive_ack(const wire::TcpSegment& segment, TimePoint now) {
  const Position acked = unwrap(segment.acknowledgment, plan_.initial, una_);
  if (acked > max_) {
    complain(fmt::format("an acknowledgment of {}", acked));
    return false;
  }
  if (acked < una_) return true;
  const uint64_t told = uint64_t{segment.window} << peer_scale_;
  const bool newer = static_cast<int32_t>(segment.sequence - window_sequence_) >= 0;
  const bool same_window = !newer || told == peer_window_;
  if (newer) {
    peer_window_ = told;
    window_sequence_ = segment.sequence;
    greatest_window_ = std::max(greatest_window_, told);
  }
  learn_blocks(segment);
  if (acked > una_) {
    congestion_window_ += congestion_window_ < threshold_ ? acked - una_ : mss_;
    una_ = acked;
    next_ = std::max(next_, una_);
    held_.erase(held_.begin(), held_.lower_bound(una_));
    duplicates_ = backoff_ = 0;
    if (in_recovery_ && una_ >= recover_) in_recovery_ = false;
    if (in_recovery_ && held_.empty()) repaired_ = una_;
    resend_at_.reset();
  } else if (una_ != max_ && segment.payload.empty() && !segment.has(fin) && (same_window || !held_.empty())) {
    if (++duplicates_ == kDuplicatesOfLoss && !in_recovery_) {
      in_recovery_ = true;
      recover_ = max_;
      repaired_ = una_;
      threshold_ = congestion_window_ = std::max<uint64_t>((max_ - una_) / 2, uint64_t{4} * mss_);
    }
  }
  if (is_done()) resend_at_ = keep_alive_at_ = abort_at_ = std::nullopt;
  if (!is_done() && una_ != max_ && !resend_at_) arm(now);
  return true;
}

void PeerTcp::receive_data(const wire::TcpSegment& segment, Position at, TimePoint now) {
  if (plan_.throws_away && dice_.chance(kShortage)) short_of_memory_until_ = now + kShortOfMemory;
  if (short_of_memory_until_) return send_ack();
  const Position end = at + segment.payload.size();
  if (end > told_edge_) complain(fmt::format("data up to {} beyond the window's edge {}", end, told_edge_));
  if (at == 0 || end - 1 > plan_.down_bytes) complain(fmt::format("data {}-{} that nobody sent", at, end));
  if (const auto wrong = down_.first_wrong(at - 1, segment.payload)) complain(fmt::format("a wrong byte at {}", *wrong));
  if (segment.has(fin)) {
    if (end != 1 + plan_.down_bytes) complain(fmt::format("a FIN at {}", end));
    if (end_ && *end_ != end) complain(fmt::format("a FIN at {} and at {}", *end_, end));
    end_ = end;
  }
  const bool in_order = at <= next_expected_;
  if (!segment.payload.empty() && end > next_expected_) join(std::max(at, next_expected_), end);
  const bool ended = end_ && *end_ == next_expected_ && !heard_end_;
  if (ended) {
    heard_end_ = true;
    ++next_expected_;
  }
  if (unread_ != 0 && !read_at_) read_at_ = now + dice_.between(0us, 300us);
  if (is_done()) resend_at_ = keep_alive_at_ = abort_at_ = std::nullopt;
  if (!in_order || ended || !early_.empty() || plan_.acks_within == Duration::zero()) return send_ack();
  if (!ack_at_) ack_at_ = now + plan_.acks_within;
}

/// [begin, end) is here.
void PeerTcp::join(Position begin, Position end) {
  for (auto old = early_.begin(); old != early_.end();) {
    if (old->second < begin || old->first > end) {
      ++old;
      continue;
    }
    begin = std::min(begin, old->first);
    end = std::max(end, old->second);
    old = early_.erase(old);
  }
  newest_.reset();
  if (begin <= next_expected_) {
    unread_ += end - next_expected_;
    next_expected_ = end;
  } else {
    early_[begin] = end;
    newest_ = {begin, end};
  }
}

}  // namespace postern::chaos
