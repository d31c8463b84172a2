// chunk_pool.h - the memory that payload passes through, with a limit that no guest and no remote can move.
//
//   arena   [ slab 64 KiB | slab | slab | slab | ... | reserved, never touched ]     one mapping, made at the first take
//               │           │
//               │           └── one chunk of 64 KiB
//               └── 4 chunks of 16 KiB, or 32 of 2 KiB
//
// The chunk that came back last is handed out first, for its bytes are still in the processor's cache: a connection that keeps up
// needs few for all its traffic. A slab whose chunks are all back may be cut for another size. What a burst has touched
// stays resident until trim(), for the next burst is likely near; then the kernel gets it back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "postern/wire/bytes.h"

namespace postern::flow {

class ChunkPool;

/// Owns a piece of a pool's memory, whose content is whatever it was; an empty one owns none. The pool must outlive it.
class [[nodiscard]] Chunk {
 public:
  Chunk() = default;
  Chunk(Chunk&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)), offset_(other.offset_), capacity_(std::exchange(other.capacity_, 0)) {}
  Chunk& operator=(Chunk other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(offset_, other.offset_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~Chunk();

  explicit operator bool() const { return pool_ != nullptr; }
  uint8_t* data() const;  // nullptr if empty
  size_t capacity() const { return capacity_; }
  wire::MutableBytes bytes() const { return {data(), capacity_}; }

 private:
  friend class ChunkPool;
  Chunk(ChunkPool& pool, uint32_t offset, uint32_t capacity) : pool_(&pool), offset_(offset), capacity_(capacity) {}
  ChunkPool* pool_ = nullptr;
  uint32_t offset_ = 0;  // in the arena
  uint32_t capacity_ = 0;
};

/// How much of the limit is spoken for: more than three quarters, more than 95 %.
enum class Pressure : uint8_t { none, high, critical };

class ChunkPool {
 public:
  static constexpr size_t kSlabBytes = 65'536;  // and the largest chunk
  static constexpr size_t kDefaultLimitBytes = 1024 * kSlabBytes;
  static constexpr size_t kHotSlabs = 4;  // of the free ones; trim() leaves them be

  /// Of whole slabs, at most 65 536 (4 GiB). Takes no memory yet.
  explicit ChunkPool(size_t limit_bytes = kDefaultLimitBytes);
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;
  ~ChunkPool();

  /// A chunk of 2, 16 or 64 KiB, the smallest that will do. Nothing: more than 64 KiB was asked for, the limit is reached, or the
  /// kernel has no memory for us; the next take() asks it again.
  std::optional<Chunk> take(size_t at_least_bytes);

  size_t used_bytes() const { return used_bytes_; }  // chunks that are out, by their capacity
  /// Slabs that a chunk is out of: no chunk of another size can be had of them. Pressure is measured by this.
  size_t held_bytes() const { return held_slabs_ * kSlabBytes; }
  size_t limit_bytes() const { return limit_slabs_ * kSlabBytes; }
  Pressure pressure() const;

  /// Gives the free slabs' memory back to the kernel, but for a few. A system call for each: for a quiet moment after a burst.
  void trim();

 private:
  friend class Chunk;
  static constexpr std::array<uint32_t, 3> kSizes = {2'048, 16'384, kSlabBytes};
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Slab {
    uint32_t previous = kNone, next = kNone;  // in the list that it is in, if any
    uint8_t size = 0;                         // which of kSizes it is cut for
    uint8_t free_count = 0;
    std::array<uint8_t, kSlabBytes / kSizes[0]> free;  // the chunks that are in; the last goes out first
  };
  struct List {
    uint32_t first = kNone;
  };

  static uint8_t chunks_of(const Slab& slab) { return static_cast<uint8_t>(kSlabBytes / kSizes[slab.size]); }
  bool reserve();
  std::optional<uint32_t> free_slab();
  void cut(uint32_t number, uint8_t size);
  void give_back(uint32_t offset) noexcept;
  void push(List& list, uint32_t number);
  void unlink(List& list, uint32_t number);

  size_t limit_slabs_;
  size_t held_slabs_ = 0;
  size_t used_bytes_ = 0;
  uint8_t* arena_ = nullptr;
  std::vector<Slab> slabs_;                      // those that were ever cut; the rest of the arena is untouched
  std::array<List, kSizes.size()> partly_free_;  // by size; what was last given back to comes first
  List hot_, cold_;                              // free; the cold ones have no memory
};

inline uint8_t* Chunk::data() const { return pool_ ? pool_->arena_ + offset_ : nullptr; }
inline Chunk::~Chunk() {
  if (pool_) pool_->give_back(offset_);
}

}  // namespace postern::flow
