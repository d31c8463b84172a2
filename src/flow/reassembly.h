// reassembly.h - bytes from the namespace that came before those in front of them: kept, bounded, and named in our SACK options.
//
// Out of order is rare on a TAP (its queue ran over and later frames had room again; a namespace that forwards), so what matters
// here is the bound, not the speed: a guest that leaves a hole open holds at most kMostBytes of us.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "postern/wire/bytes.h"
#include "postern/wire/tcp_options.h"

#include "chunk_pool.h"
#include "sequence.h"

namespace postern::flow {

class Reassembly {
 public:
  static constexpr size_t kMostBytes = size_t{256} * 1024;
  static constexpr size_t kMostStretches = 16;

  /// Keeps what it does not have yet of `bytes`, which begin at `sequence`; the first copy of a byte counts. What does not fit is
  /// dropped: it was not acknowledged, so it comes again.
  void add(ChunkPool& pool, Sequence sequence, wire::Bytes bytes);
  bool empty() const { return stretches_.empty(); }
  size_t size() const { return bytes_; }

  /// The bytes that continue at `next`, if they are here; the caller takes them over, and asks again behind their end. What lies
  /// before `next` is forgotten.
  struct Part {
    Chunk chunk;
    size_t offset;
    size_t bytes;
  };
  std::optional<Part> take(Sequence next);
  void clear();

  /// The stretches that are here, adjoining ones joined; the one that changed last comes first, RFC 2018 4. Returns their number.
  size_t blocks(std::array<wire::TcpOptions::Block, 4>& room) const;

 private:
  struct Stretch {
    Sequence begin;
    uint32_t bytes;
    Chunk chunk;
    Sequence end() const { return begin + bytes; }
  };
  static constexpr size_t kRunBytes = size_t{16} * 1024;  // a second segment in a row: more will follow
  bool keep(ChunkPool& pool, size_t position, Sequence begin, wire::Bytes bytes);
  size_t extend(Stretch& stretch, wire::Bytes bytes);

  std::vector<Stretch> stretches_;  // in order, without overlap
  size_t bytes_ = 0;
  Sequence latest_{};  // lies in the stretch that changed last
};

}  // namespace postern::flow
