// retained.h - what was sent to the guest and not acknowledged yet, so that any stretch of it can be sent again.
//
//   first()                                         end()
//     ▼                                               ▼
//     [ sent, sent again maybe ............. just sent ]      one byte a sequence number; acknowledge() moves first()
//
// SYN and FIN have numbers too but no bytes: they are before first() or at end(), and whoever sends them keeps count.
#pragma once

#include "byte_queue.h"
#include "sequence.h"

namespace postern::flow {

class Retained {
 public:
  /// Takes over a chunk whose `bytes` bytes from `begin` on have the numbers from `sequence` on: end(), or any if nothing is
  /// retained.
  void append(Sequence sequence, Chunk chunk, size_t bytes, size_t begin = 0);
  /// The same with a copy, which shares a chunk with what came before where it can; false, and nothing done, if the pool has no
  /// room.
  [[nodiscard]] bool append(Sequence sequence, ChunkPool& pool, wire::Bytes bytes);

  /// Forgets what lies before `up_to`. Numbers before first() or behind end() are no error: the guest's acknowledgment covers our
  /// FIN.
  void acknowledge(Sequence up_to);

  /// Points `parts` at no more than `most_bytes` from `from` on, which lies in what is retained; else there is nothing. O(log n)
  /// of the chunks, so a hole in the middle costs no walk.
  Gathered gather(Sequence from, size_t most_bytes, std::span<iovec> parts) const;

  Sequence first() const { return first_; }  // means something while there are bytes
  Sequence end() const { return first_ + queue_.size(); }
  size_t bytes() const { return queue_.size(); }
  bool empty() const { return queue_.empty(); }
  void clear() { queue_.clear(); }
  /// For a connection that has become idle.
  void trim() { queue_.trim(); }

 private:
  void begin_at(Sequence sequence);

  Sequence first_;
  ByteQueue queue_;
};

}  // namespace postern::flow
