#include "scoreboard.h"

#include <algorithm>

namespace postern::flow {

void Scoreboard::add(Sequence begin, Sequence end) {
  if (!before(begin, end)) return;
  // What it touches becomes part of it; the rest keeps its order around it.
  std::array<Stretch, kMostStretches + 1> merged{};
  size_t count = 0;
  bool placed = false;
  for (size_t i = 0; i < count_; ++i) {
    const Stretch& old = stretches_[i];
    if (before(old.end, begin)) {
      merged[count++] = old;
    } else if (before(end, old.begin)) {
      if (!placed) merged[count++] = {begin, end};
      placed = true;
      merged[count++] = old;
    } else {
      if (before(old.begin, begin)) begin = old.begin;
      if (before(end, old.end)) end = old.end;
    }
  }
  if (!placed) merged[count++] = {begin, end};
  count_ = std::min(count, kMostStretches);
  std::copy_n(merged.begin(), count_, stretches_.begin());
}

void Scoreboard::forget_before(Sequence una) {
  size_t kept = 0;
  for (size_t i = 0; i < count_; ++i) {
    Stretch stretch = stretches_[i];
    if (!before(una, stretch.end)) continue;
    if (before(stretch.begin, una)) stretch.begin = una;
    stretches_[kept++] = stretch;
  }
  count_ = kept;
}

uint32_t Scoreboard::bytes() const { return count_ == 0 ? 0 : bytes_before(highest()); }

uint32_t Scoreboard::bytes_before(Sequence limit) const {
  uint32_t bytes = 0;
  for (size_t i = 0; i < count_ && before(stretches_[i].begin, limit); ++i) {
    const Sequence end = before(limit, stretches_[i].end) ? limit : stretches_[i].end;
    bytes += static_cast<uint32_t>(end - stretches_[i].begin);
  }
  return bytes;
}

std::optional<Scoreboard::Hole> Scoreboard::hole_after(Sequence from) const {
  for (size_t i = 0; i < count_; ++i) {
    if (before(from, stretches_[i].begin)) return Hole{from, stretches_[i].begin};
    if (before(from, stretches_[i].end)) from = stretches_[i].end;
  }
  return std::nullopt;
}

}  // namespace postern::flow
