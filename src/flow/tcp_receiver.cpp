#include "tcp_receiver.h"

namespace postern::flow {

namespace {

constexpr uint32_t kGreatestField = 0xffff;

}  // namespace

bool TcpReceiver::is_acceptable(Sequence sequence, size_t length) const {
  const auto is_inside = [&](Sequence any) { return !before(any, next_) && before(any, edge_); };
  if (sequence == next_) return true;  // also where the window is closed: it may be a FIN, a RST, or a probe
  if (length == 0) return is_inside(sequence) || sequence == edge_;  // who has filled the window speaks from its edge
  return is_inside(sequence) || is_inside(sequence + static_cast<uint32_t>(length - 1));
}

TcpReceiver::Fresh TcpReceiver::fresh_part(Sequence sequence, wire::Bytes bytes, bool fin) const {
  if (before(sequence, next_)) {
    const auto old = std::min(bytes.size(), static_cast<size_t>(next_ - sequence));
    bytes = bytes.subspan(old);
    sequence = sequence + static_cast<uint32_t>(old);
    if (before(sequence, next_)) fin = false;  // the FIN itself is old
  }
  const auto end = sequence + static_cast<uint32_t>(bytes.size());
  if (before(edge_, end)) {
    const size_t most = before(sequence, edge_) ? static_cast<size_t>(edge_ - sequence) : 0;
    bytes = bytes.first(std::min(bytes.size(), most));
    fin = false;
  }
  return {sequence, bytes, fin};
}

uint16_t TcpReceiver::announce(size_t waiting) {
  const uint32_t room = free(waiting);
  const Sequence wanted = next_ + room;
  const Sequence edge = !edge_is_held_ && before(edge_, wanted) && room >= worth_telling() ? wanted : edge_;
  const auto window = before(next_, edge) ? static_cast<uint32_t>(edge - next_) : 0;
  // Rounded up, for rounding down takes back a little of what was promised. But not again and again: many small segments would
  // move the edge without end. Then a little less is told; what was promised is still taken, RFC 7323 2.4.
  const uint32_t grain = 1u << shift_;
  const uint32_t above = (window + grain - 1) >> shift_;
  const bool creeps = edge_is_held_ || waiting + (size_t{above} << shift_) > size_t{budget_} + grain;
  const uint32_t field = std::min(creeps ? window >> shift_ : above, kGreatestField);
  const Sequence told = next_ + (field << shift_);
  if (before(edge_, told)) edge_ = told;
  return static_cast<uint16_t>(field);
}

uint16_t TcpReceiver::announce_unscaled() {
  const uint32_t field = std::min(budget_, kGreatestField);
  edge_ = next_ + field;
  return static_cast<uint16_t>(field);
}

bool TcpReceiver::has_news(size_t waiting) const {
  const Sequence wanted = next_ + free(waiting);
  if (edge_is_held_ || !before(edge_, wanted)) return false;
  const auto gain = static_cast<uint32_t>(wanted - edge_);
  return gain >= (edge_ == next_ ? worth_telling() : std::min(2 * least_step_, budget_ / 2));
}

void TcpReceiver::grow(size_t waiting) {
  if (waiting != 0) {
    taken_ = 0;
  } else if (taken_ >= budget_) {
    taken_ = 0;
    budget_ = std::min(budget_ * 2, kMostBudget);
  }
}

}  // namespace postern::flow
