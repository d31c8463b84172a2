#include "engine_witness.h"

#include "postern/base/assert.h"
#include "postern/wire/tcp_options.h"

namespace postern::fuzz {

namespace {

using namespace wire::tcp_flag;

constexpr int64_t kMostInFlight = 1 << 20;  // of one connection, docs/fast-engine.md

}  // namespace

void Witness::make_up_data(uint32_t sequence, wire::MutableBytes room) const {
  const Place place = place_of(sequence);
  const auto before_all = std::min(room.size(), static_cast<size_t>(std::max<Place>(-place, 0)));
  up_.read(static_cast<uint64_t>(std::max<Place>(place, 0)), room.subspan(before_all));
}

void Witness::segment_sent(const wire::TcpSegment& segment) {
  if (segment.has(rst)) return;
  if (awaits_syn_) return syn_sent(segment);
  if (!segment.has(syn)) {
    Place begin = std::max<Place>(place_of(segment.sequence), 0);
    Place end = place_of(segment.sequence) + static_cast<Place>(segment.payload.size());
    if (segment.has(fin) && end >= 0) fins_.insert(end);
    for (auto old = spans_.begin(); begin < end && old != spans_.end();) {
      const bool apart = old->second < begin || old->first > end;
      if (!apart) {
        begin = std::min(begin, old->first);
        end = std::max(end, old->second);
      }
      old = apart ? std::next(old) : spans_.erase(old);
    }
    if (begin < end) spans_[begin] = end;
  }
  if (!segment.has(ack) || !initial_) return;
  const Place has = own_place_of(segment.acknowledgment);
  if (has < 0 || has > highest_) return;  // of what was never sent: nobody may believe it
  guest_spoke_ = true;
  guest_has_ = std::max(guest_has_, has);
  guest_edge_ = std::max(guest_edge_, has + (Place{segment.window} << (segment.has(syn) ? 0 : guest_shift_)));
}

uint64_t Witness::acknowledged_bytes() const {
  if (!acknowledged_) return 0;
  const Place place = place_of(*acknowledged_);
  return static_cast<uint64_t>(fins_.contains(place - 1) ? place - 1 : place);
}

/// Nothing else counts before it: what the engine takes of the namespace begins here.
void Witness::syn_sent(const wire::TcpSegment& segment) {
  const bool answers = segment.has(ack) && segment.acknowledgment == *initial_ + 1;
  if (!segment.has(syn) || (segment.has(ack) && !answers)) return;
  awaits_syn_ = false;
  guest_initial_ = segment.sequence;
  const auto options = wire::TcpOptions::parse(segment.options);
  guest_shift_ = options.window_scale.value_or(0);
  shift_ = options.window_scale ? 7 : 0;
  acknowledged_ = guest_initial_ + 1;
  edge_ = *acknowledged_ + promised_;
  guest_spoke_ = answers;
  guest_edge_ = segment.window;
}

void Witness::syn_came(const wire::TcpFrame& frame) {
  POSTERN_ASSERT(awaits_syn_ && frame.flags == syn && frame.acknowledgment == 0);
  POSTERN_ASSERT(!initial_ || *initial_ == frame.sequence);
  initial_ = frame.sequence;
  promised_ = frame.window;
}

void Witness::frame_came(const wire::TcpFrame& frame, std::span<const iovec> payload) {
  if ((frame.flags & ack) == 0) return syn_came(frame);
  if ((frame.flags & syn) != 0) {
    const auto options = wire::TcpOptions::parse(frame.options);
    shift_ = options.window_scale.value_or(0);
    if (!options.window_scale) guest_shift_ = 0;
    POSTERN_ASSERT(!initial_ || *initial_ == frame.sequence);
    POSTERN_ASSERT(!awaits_syn_ && frame.acknowledgment == guest_initial_ + 1 && payload.empty());
    initial_ = frame.sequence;
    acknowledged_ = frame.acknowledgment;
    edge_ = frame.acknowledgment + frame.window;
    return;
  }
  POSTERN_ASSERT(initial_.has_value());
  check_acknowledgment(frame);
  check_data(frame.sequence, payload, (frame.flags & fin) != 0);
}

/// It was sent, without a gap; and neither it nor the window's edge goes back, but for what the scale cannot say.
void Witness::check_acknowledgment(const wire::TcpFrame& frame) {
  const Place now = place_of(frame.acknowledgment);
  const auto whole = spans_.find(0);
  const Place in_order = whole == spans_.end() ? 0 : whole->second;
  POSTERN_ASSERT(now >= place_of(*acknowledged_));
  POSTERN_ASSERT(now <= in_order || (fins_.contains(now - 1) && now - 1 <= in_order));
  acknowledged_ = frame.acknowledgment;
  const uint32_t told = frame.acknowledgment + (uint32_t{frame.window} << shift_);
  const auto grain = static_cast<int32_t>((1u << shift_) - 1);
  POSTERN_ASSERT(static_cast<int32_t>(told - *edge_) >= -grain);
  if (static_cast<int32_t>(told - *edge_) > 0) edge_ = told;
}

/// What the host gave, no more than the namespace has room for, and no more than we mean to hold.
void Witness::check_data(uint32_t sequence, std::span<const iovec> payload, bool ends) {
  Place place = own_place_of(sequence);
  for (const iovec& piece : payload) {
    const wire::Bytes bytes(static_cast<const uint8_t*>(piece.iov_base), piece.iov_len);
    POSTERN_ASSERT(!bytes.empty() && place >= 0 && place + static_cast<Place>(bytes.size()) <= static_cast<Place>(given_));
    POSTERN_ASSERT(!down_.first_wrong(static_cast<uint64_t>(place), bytes));
    place += static_cast<Place>(bytes.size());
  }
  if (!payload.empty()) POSTERN_ASSERT(guest_spoke_ && place <= guest_edge_);
  if (ends) POSTERN_ASSERT(host_ended_ && place == static_cast<Place>(given_));
  if (payload.empty() && !ends) return;
  POSTERN_ASSERT(place - guest_has_ <= kMostInFlight);
  highest_ = std::max(highest_, place + (ends ? 1 : 0));
}

void Witness::host_took(wire::Bytes bytes) {
  POSTERN_ASSERT(!up_.first_wrong(taken_, bytes));
  taken_ += bytes.size();
  const auto whole = spans_.find(0);
  POSTERN_ASSERT(bytes.empty() || (whole != spans_.end() && taken_ <= static_cast<uint64_t>(whole->second)));
}

void Witness::host_heard_end() { POSTERN_ASSERT(fins_.contains(static_cast<Place>(taken_))); }

void Witness::host_gives(wire::MutableBytes room) {
  down_.read(given_, room);
  given_ += room.size();
}

}  // namespace postern::fuzz
