#include "retained.h"

#include <algorithm>

#include "postern/base/assert.h"

namespace postern::flow {

void Retained::begin_at(Sequence sequence) {
  if (queue_.empty()) first_ = sequence;
  POSTERN_ASSERT(sequence == end());
}

void Retained::append(Sequence sequence, Chunk chunk, size_t bytes, size_t begin) {
  begin_at(sequence);
  queue_.append(std::move(chunk), begin, bytes);
}

bool Retained::append(Sequence sequence, ChunkPool& pool, wire::Bytes bytes) {
  begin_at(sequence);
  return queue_.append(pool, bytes);
}

void Retained::acknowledge(Sequence up_to) {
  const int32_t distance = up_to - first_;
  if (queue_.empty() || distance <= 0) return;
  const size_t bytes = std::min(static_cast<size_t>(distance), queue_.size());
  queue_.consume(bytes);
  first_ += bytes;
}

Gathered Retained::gather(Sequence from, size_t most_bytes, std::span<iovec> parts) const {
  if (before(from, first_)) return {};
  return queue_.gather(static_cast<size_t>(from - first_), most_bytes, parts);
}

}  // namespace postern::flow
