#include "reassembly.h"

#include <algorithm>

namespace postern::flow {

void Reassembly::add(ChunkPool& pool, Sequence sequence, wire::Bytes bytes) {
  latest_ = sequence;
  for (size_t i = 0; !bytes.empty();) {
    const bool last = i == stretches_.size();
    if (!last && !before(sequence, stretches_[i].end())) {  // all of it lies behind this one
      ++i;
      continue;
    }
    const Sequence limit = last ? sequence + static_cast<uint32_t>(bytes.size()) : stretches_[i].begin;
    if (before(sequence, limit)) {  // a piece in front of this one
      const size_t missing = std::min(bytes.size(), static_cast<size_t>(limit - sequence));
      if (!keep(pool, i, sequence, bytes.first(missing))) return;
      sequence = sequence + static_cast<uint32_t>(missing);
      bytes = bytes.subspan(missing);
    } else {
      const size_t known = std::min(bytes.size(), static_cast<size_t>(stretches_[i].end() - sequence));
      sequence = sequence + static_cast<uint32_t>(known);
      bytes = bytes.subspan(known);
    }
  }
}

/// Behind the stretch that it adjoins, if that has room; else in a stretch of its own, before `position`.
bool Reassembly::keep(ChunkPool& pool, size_t position, Sequence begin, wire::Bytes bytes) {
  if (bytes_ + bytes.size() > kMostBytes) return false;
  const bool adjoins = position != 0 && stretches_[position - 1].end() == begin;
  if (adjoins) {
    const size_t some = extend(stretches_[position - 1], bytes);
    begin = begin + static_cast<uint32_t>(some);
    bytes = bytes.subspan(some);
    if (bytes.empty()) return true;
  }
  if (stretches_.size() == kMostStretches) return false;
  auto chunk = pool.take(adjoins ? std::max(bytes.size(), kRunBytes) : bytes.size());
  if (!chunk) return false;
  std::ranges::copy(bytes, chunk->data());
  stretches_.insert(stretches_.begin() + static_cast<ptrdiff_t>(position),
                    Stretch{begin, static_cast<uint32_t>(bytes.size()), std::move(*chunk)});
  bytes_ += bytes.size();
  return true;
}

size_t Reassembly::extend(Stretch& stretch, wire::Bytes bytes) {
  const size_t some = std::min(bytes.size(), stretch.chunk.capacity() - stretch.bytes);
  std::copy_n(bytes.data(), some, stretch.chunk.data() + stretch.bytes);
  stretch.bytes += static_cast<uint32_t>(some);
  bytes_ += some;
  return some;
}

std::optional<Reassembly::Part> Reassembly::take(Sequence next) {
  while (!stretches_.empty() && !before(next, stretches_.front().begin)) {
    Stretch first = std::move(stretches_.front());
    stretches_.erase(stretches_.begin());
    bytes_ -= first.bytes;
    if (!before(next, first.end())) continue;  // came again, in order
    const auto offset = static_cast<size_t>(next - first.begin);
    return Part{std::move(first.chunk), offset, first.bytes - offset};
  }
  return std::nullopt;
}

void Reassembly::clear() {
  stretches_.clear();
  bytes_ = 0;
}

size_t Reassembly::blocks(std::array<wire::TcpOptions::Block, 4>& room) const {
  size_t count = 0;
  std::optional<wire::TcpOptions::Block> newest;
  for (size_t i = 0; i < stretches_.size();) {
    wire::TcpOptions::Block block{stretches_[i].begin.number, stretches_[i].end().number};
    for (++i; i < stretches_.size() && stretches_[i].begin.number == block.end; ++i) block.end = stretches_[i].end().number;
    const bool is_newest = !before(latest_, Sequence{block.begin}) && before(latest_, Sequence{block.end});
    if (is_newest) {
      newest = block;
    } else if (count < room.size()) {
      room[count++] = block;
    }
  }
  if (!newest) return count;
  count = std::min(count + 1, room.size());
  std::copy_backward(room.begin(), room.begin() + static_cast<ptrdiff_t>(count) - 1,
                     room.begin() + static_cast<ptrdiff_t>(count));
  room[0] = *newest;
  return count;
}

}  // namespace postern::flow
