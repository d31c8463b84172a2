// byte_queue.h - bytes in the order they came, in chunks of the pool: what a side has sent that the other cannot take yet.
//
//   front ──►  [ ..gone..|bytes ]  [ bytes bytes ]  [ bytes|..room.. ]  ◄── append
//                 a chunk             a chunk
#pragma once

#include <sys/uio.h>

#include <span>

#include "postern/wire/bytes.h"

#include "chunk_pool.h"
#include "ring.h"

namespace postern::flow {

/// What gather() has put into the caller's iovecs. Fewer bytes than there are: the iovecs are all in use.
struct Gathered {
  size_t parts = 0;
  size_t bytes = 0;
  bool operator==(const Gathered&) const = default;
};

class ByteQueue {
 public:
  /// Copies all of `bytes` behind the last, or nothing and false when the pool has no room. What is left of the last chunk is
  /// used first; the longer the queue, the larger the chunks, while the pool is at ease.
  [[nodiscard]] bool append(ChunkPool& pool, wire::Bytes bytes);
  /// Takes over a chunk that holds the next `bytes` bytes, from `begin` on. The rest of it serves later copies.
  void append(Chunk chunk, size_t begin, size_t bytes);

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  /// Points `parts` at the bytes from the front on; they stay valid until they are consumed.
  Gathered gather(std::span<iovec> parts) const { return gather(0, size_, parts); }
  /// At most `most_bytes` from the `offset`-th byte on, found in O(log n) of the chunks.
  Gathered gather(size_t offset, size_t most_bytes, std::span<iovec> parts) const;

  /// Forgets that many bytes from the front; there are as many. A chunk goes back to the pool with its last byte.
  void consume(size_t bytes);
  void clear() { consume(size_); }
  /// Also gives back the memory of the queue itself, as far as it is not in use: for a connection that has become idle.
  void trim() { pieces_.trim(); }

 private:
  struct Piece {
    Chunk chunk;
    uint32_t begin = 0, end = 0;  // in the chunk
    uint32_t position = 0;        // of its first byte in the stream, modulo 2^32: what to search by
    size_t size() const { return end - begin; }
    size_t room() const { return chunk.capacity() - end; }
  };
  uint32_t end_position() const;
  bool add_room(ChunkPool& pool, size_t bytes);
  uint32_t piece_at(size_t offset) const;

  Ring<Piece> pieces_;
  size_t size_ = 0;
};
static_assert(sizeof(ByteQueue) <= 32, "ten thousand connections have several");

}  // namespace postern::flow
