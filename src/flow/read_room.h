// read_room.h - what a read of a host's socket goes into: a chunk for each frame that it is to become.
//
//   recvmsg ──►  [ frame | ]  [ frame | ]  [ fra..  | ]  [         ]  ...      chunks of the pool
//                    │            │            │
//                    └── written to the TAP, then retained: the chunk is taken, and the next read has another one
//
// One read for several frames, for what a read costs besides copying (an acknowledgment to the remote, and all that this sets
// going) is the same for one frame as for six. What stays behind is read into again, while it is in the processor's cache; under
// pressure no more than one chunk stays, for others need it.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "chunk_pool.h"

namespace postern::flow {

class ReadRoom {
 public:
  static constexpr size_t kMostFrames = 6;  // 384 KiB of the processor's cache

  /// Has room for one frame at least. False: the pool has none.
  bool is_ready(ChunkPool& pool) {
    if (pool.pressure() != Pressure::none) keep_one();
    return fill(pool, chunks_.front());
  }
  /// Room for `bytes` in frames of `frame_bytes` each, the last one shorter; for fewer frames where the pool is not at ease. What
  /// it points at stays until the next call. After is_ready().
  std::span<const iovec> prepare(ChunkPool& pool, size_t bytes, size_t frame_bytes) {
    size_t count = 0;
    for (; count < kMostFrames && bytes != 0; ++count) {
      Chunk& chunk = chunks_[count];
      if (count != 0 && (pool.pressure() != Pressure::none || !fill(pool, chunk))) break;
      room_[count] = {chunk.data(), std::min(bytes, frame_bytes)};
      bytes -= room_[count].iov_len;
    }
    return std::span(room_).first(count);
  }
  /// That of the n-th frame; may be moved from.
  Chunk& chunk(size_t n) { return chunks_[n]; }

  bool empty() const {
    return std::none_of(chunks_.begin(), chunks_.end(), [](const Chunk& each) { return bool(each); });
  }
  void clear() {
    for (Chunk& each : chunks_) each = {};
  }

 private:
  void keep_one() {
    for (Chunk& each : std::span(chunks_).subspan(1)) {
      Chunk spare = std::move(each);
      if (!chunks_.front()) chunks_.front() = std::move(spare);
    }
  }
  static bool fill(ChunkPool& pool, Chunk& chunk) {
    if (chunk) return true;
    if (auto fresh = pool.take(ChunkPool::kSlabBytes)) chunk = *std::move(fresh);
    return bool(chunk);
  }

  std::array<Chunk, kMostFrames> chunks_;
  std::array<iovec, kMostFrames> room_{};
};

}  // namespace postern::flow
