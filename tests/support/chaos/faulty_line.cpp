#include "faulty_line.h"

namespace postern::chaos {

namespace {

using namespace std::chrono_literals;

constexpr Duration kLeastReorder = 20us, kMostReorder = 500us;
constexpr Duration kLeastDelay = 2ms, kMostDelay = 400ms;  // beyond a retransmission timeout

}  // namespace

void FaultyLine::take(wire::Bytes bytes, TimePoint now) {
  ++tally_.taken;
  if (dice_.chance(faults_.drop)) {
    ++tally_.dropped;
    return;
  }
  Frame frame(bytes.begin(), bytes.end());
  TimePoint due = now + latency_;
  if (dice_.chance(faults_.duplicate)) {
    ++tally_.duplicated;
    under_way_.emplace(due + dice_.between(0us, kMostReorder), frame);
  }
  if (dice_.chance(faults_.reorder)) {
    ++tally_.reordered;
    due += dice_.between(kLeastReorder, kMostReorder);
  }
  if (dice_.chance(faults_.delay)) {
    ++tally_.delayed;
    due += dice_.between(kLeastDelay, kMostDelay);
  }
  damage(frame);
  under_way_.emplace(due, std::move(frame));
}

void FaultyLine::damage(Frame& frame) {
  if (!frame.empty() && dice_.chance(faults_.truncate)) {
    ++tally_.truncated;
    frame.resize(dice_.below(frame.size()));
  }
  if (frame.size() > checked_from_ && dice_.chance(faults_.flip)) {
    ++tally_.flipped;
    const uint64_t bit = dice_.between(8 * checked_from_, 8 * frame.size() - 1);
    frame[bit / 8] = static_cast<uint8_t>(frame[bit / 8] ^ 1 << bit % 8);
  }
}

std::optional<TimePoint> FaultyLine::next_due() const {
  if (under_way_.empty()) return std::nullopt;
  return under_way_.begin()->first;
}

std::optional<FaultyLine::Frame> FaultyLine::due(TimePoint now) {
  if (under_way_.empty() || now < under_way_.begin()->first) return std::nullopt;
  Frame frame = std::move(under_way_.begin()->second);
  under_way_.erase(under_way_.begin());
  return frame;
}

}  // namespace postern::chaos
