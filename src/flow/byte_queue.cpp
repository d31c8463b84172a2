#include "byte_queue.h"

#include <algorithm>

#include "postern/base/assert.h"

namespace postern::flow {

namespace {

// Near the edge of 2^32, so that every long stream passes it, and not only one in thousands.
constexpr uint32_t kFirstPosition = UINT32_MAX - 40'000;

}  // namespace

bool ByteQueue::append(ChunkPool& pool, wire::Bytes bytes) {
  const uint32_t before = pieces_.size();
  const size_t room = before == 0 ? 0 : pieces_.back().room();
  uint32_t position = end_position();
  if (bytes.size() > room && !add_room(pool, bytes.size() - room)) return false;
  size_ += bytes.size();
  for (uint32_t i = room == 0 ? before : before - 1; !bytes.empty(); ++i) {
    Piece& piece = pieces_[i];
    if (piece.size() == 0) piece.position = position;
    const wire::Bytes part = bytes.first(std::min(piece.room(), bytes.size()));
    std::copy(part.begin(), part.end(), piece.chunk.data() + piece.end);
    piece.end += static_cast<uint32_t>(part.size());
    position += static_cast<uint32_t>(part.size());
    bytes = bytes.subspan(part.size());
  }
  return true;
}

void ByteQueue::append(Chunk chunk, size_t begin, size_t bytes) {
  POSTERN_ASSERT(begin <= chunk.capacity() && bytes <= chunk.capacity() - begin);
  if (bytes == 0) return;
  const uint32_t position = end_position();
  pieces_.push_back({std::move(chunk), static_cast<uint32_t>(begin), static_cast<uint32_t>(begin + bytes), position});
  size_ += bytes;
}

uint32_t ByteQueue::end_position() const {
  if (pieces_.empty()) return kFirstPosition;
  const Piece& last = pieces_[pieces_.size() - 1];
  return last.position + static_cast<uint32_t>(last.size());
}

/// All the room that is asked for, or none.
bool ByteQueue::add_room(ChunkPool& pool, size_t bytes) {
  const uint32_t before = pieces_.size();
  const bool at_ease = pool.pressure() == Pressure::none;
  while (bytes > 0) {
    const size_t least = std::min(bytes, ChunkPool::kSlabBytes);
    auto chunk = pool.take(at_ease ? std::clamp(size_, least, ChunkPool::kSlabBytes) : least);
    if (!chunk) {
      while (pieces_.size() > before) pieces_.pop_back();
      return false;
    }
    bytes -= std::min(bytes, chunk->capacity());
    pieces_.push_back({*std::move(chunk)});
  }
  return true;
}

uint32_t ByteQueue::piece_at(size_t offset) const {
  uint32_t at = 0, behind = pieces_.size();  // it is in [at, behind)
  while (behind - at > 1) {
    const uint32_t middle = at + (behind - at) / 2;
    (pieces_[middle].position - pieces_[0].position <= offset ? at : behind) = middle;
  }
  return at;
}

Gathered ByteQueue::gather(size_t offset, size_t most_bytes, std::span<iovec> parts) const {
  Gathered gathered;
  if (offset >= size_) return gathered;
  most_bytes = std::min(most_bytes, size_ - offset);
  uint32_t i = piece_at(offset);
  size_t skip = offset - (pieces_[i].position - pieces_[0].position);
  for (; gathered.bytes < most_bytes && gathered.parts < parts.size(); ++i, skip = 0) {
    const Piece& piece = pieces_[i];
    const size_t bytes = std::min(piece.size() - skip, most_bytes - gathered.bytes);
    parts[gathered.parts++] = {piece.chunk.data() + piece.begin + skip, bytes};
    gathered.bytes += bytes;
  }
  return gathered;
}

void ByteQueue::consume(size_t bytes) {
  POSTERN_ASSERT(bytes <= size_);
  size_ -= bytes;
  while (bytes > 0) {
    Piece& piece = pieces_.front();
    const auto part = static_cast<uint32_t>(std::min(piece.size(), bytes));
    piece.begin += part;
    piece.position += part;
    bytes -= part;
    if (piece.size() == 0) pieces_.pop_front();
  }
}

}  // namespace postern::flow
