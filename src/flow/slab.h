// slab.h - where the engine's connections live: at an address that does not change, under a Handle that cannot reach a successor.
//
//   directory   [ block 0 | block 1 | block 2 | ... ]     generations and what is live; kept for good, 2.3 bytes a place
//                   │         │         └ none            all 64 places of it are free
//                   ▼         ▼
//               64 places  64 places
//
// The lowest free place is taken first, so after a burst the upper blocks run empty, and an empty block is freed at once; only
// one is kept, lest a count that sways about a multiple of 64 allocate each time. Generations outlive their block: a stale handle
// stays stale.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "postern/base/assert.h"

#include "handle.h"
#include "poison.h"

namespace postern::flow {

template <class T>
class Slab {
 public:
  explicit Slab(uint32_t limit = Handle::kMaxObjects) : limit_(limit) { POSTERN_ASSERT(limit <= Handle::kMaxObjects); }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() {
    for_each([this](T& object) { erase(handle_of(object)); });
  }

  /// nullptr at the limit. handle_of() tells the new object's name.
  template <class... Arguments>
  T* emplace(Arguments&&... arguments) {
    if (size_ == limit_) return nullptr;
    const uint32_t index = free_place();
    Place& place = open(index);
    unpoison(&place.memory, sizeof place.memory);
    T* object = ::new (&place.memory) T(std::forward<Arguments>(arguments)...);
    take(index);
    return object;
  }

  /// nullptr if it is gone, whoever lives there now.
  T* get(Handle handle) {
    if (handle.index / kBlockPlaces >= directory_.size()) return nullptr;
    const Block& block = directory_[handle.index / kBlockPlaces];
    const uint32_t at = handle.index % kBlockPlaces;
    if ((block.live >> at & 1) == 0 || block.generations[at] != handle.generation) return nullptr;
    return object_at(handle.index);
  }

  /// The live object at a place, for a caller who knows that there is one: the flow table names places.
  T& at(uint32_t index) {
    POSTERN_ASSERT(is_live(index));
    return *object_at(index);
  }

  /// `object` was emplaced here and lives.
  Handle handle_of(const T& object) const {
    const uint32_t index = reinterpret_cast<const Place*>(&object)->index;
    return {index, directory_[index / kBlockPlaces].generations[index % kBlockPlaces]};
  }

  /// Destroys it; false if it was gone already. While its destructor runs, its handle names nobody.
  bool erase(Handle handle) {
    T* object = get(handle);
    if (!object) return false;
    uint16_t& generation = directory_[handle.index / kBlockPlaces].generations[handle.index % kBlockPlaces];
    generation = generation == Handle::kLastGeneration ? uint16_t{1} : static_cast<uint16_t>(generation + 1);
    object->~T();
    poison(object, sizeof(T));
    release(handle.index);
    return true;
  }

  /// Calls `visit(T&)` for every live object, by ascending place. `visit` may erase any, and emplace; what it emplaces may be
  /// visited.
  template <class Visit>
  void for_each(Visit&& visit) {
    for (uint32_t block = 0; block < directory_.size(); ++block) {
      for (uint64_t rest = directory_[block].live; rest != 0; rest &= rest - 1) {
        const uint32_t index = block * kBlockPlaces + static_cast<uint32_t>(std::countr_zero(rest));
        if (is_live(index)) visit(*object_at(index));
      }
    }
  }

  uint32_t size() const { return size_; }
  uint32_t limit() const { return limit_; }
  /// Blocks of 64 places that have memory.
  uint32_t blocks() const { return blocks_; }

 private:
  static constexpr uint32_t kBlockPlaces = 64;

  struct Place {
    alignas(T) alignas(8) std::array<std::byte, sizeof(T)> memory;  // first, so that a T's address is its Place's
    uint32_t index;
  };
  struct Block {
    std::unique_ptr<std::array<Place, kBlockPlaces>> places;
    uint64_t live = 0;                                    // one bit a place
    std::array<uint16_t, kBlockPlaces> generations = {};  // of the tenant, or of the next one
  };
  static constexpr uint64_t kFull = ~uint64_t{0};
  static constexpr uint32_t kNoBlock = ~uint32_t{0};

  bool is_live(uint32_t index) const {
    return index / kBlockPlaces < directory_.size() && (directory_[index / kBlockPlaces].live >> index % kBlockPlaces & 1) != 0;
  }

  T* object_at(uint32_t index) {
    Place& place = (*directory_[index / kBlockPlaces].places)[index % kBlockPlaces];
    return std::launder(reinterpret_cast<T*>(&place.memory));
  }

  /// The lowest place that is free, in a directory that is longer by a block if none was.
  uint32_t free_place() {
    for (size_t word = 0; word < roomy_.size(); ++word) {
      if (roomy_[word] == 0) continue;
      const auto block = static_cast<uint32_t>(word * 64) + static_cast<uint32_t>(std::countr_zero(roomy_[word]));
      return block * kBlockPlaces + static_cast<uint32_t>(std::countr_one(directory_[block].live));
    }
    const auto block = static_cast<uint32_t>(directory_.size());
    directory_.emplace_back().generations.fill(1);
    if (block % 64 == 0) roomy_.push_back(0);
    roomy_[block / 64] |= uint64_t{1} << block % 64;
    return block * kBlockPlaces;
  }

  Place& open(uint32_t index) {
    Block& block = directory_[index / kBlockPlaces];
    if (!block.places) {
      block.places = std::make_unique_for_overwrite<std::array<Place, kBlockPlaces>>();
      for (uint32_t i = 0; i < kBlockPlaces; ++i) {
        Place& place = (*block.places)[i];
        place.index = index / kBlockPlaces * kBlockPlaces + i;
        poison(&place.memory, sizeof place.memory);
      }
      ++blocks_;
    }
    return (*block.places)[index % kBlockPlaces];
  }

  void take(uint32_t index) {
    const uint32_t number = index / kBlockPlaces;
    Block& block = directory_[number];
    if (spare_ == number) spare_ = kNoBlock;
    block.live |= uint64_t{1} << index % kBlockPlaces;
    if (block.live == kFull) roomy_[number / 64] &= ~(uint64_t{1} << number % 64);
    ++size_;
  }

  void release(uint32_t index) {
    const uint32_t number = index / kBlockPlaces;
    Block& block = directory_[number];
    block.live &= ~(uint64_t{1} << index % kBlockPlaces);
    roomy_[number / 64] |= uint64_t{1} << number % 64;
    --size_;
    if (block.live == 0) retire(number);
  }

  /// An empty block becomes the spare one. There is one spare: of two the upper goes, for the lower is wanted first.
  void retire(uint32_t number) {
    if (spare_ != kNoBlock) {
      directory_[std::max(spare_, number)].places.reset();
      --blocks_;
    }
    spare_ = std::min(spare_, number);
  }

  uint32_t limit_;
  uint32_t size_ = 0;
  uint32_t blocks_ = 0;
  uint32_t spare_ = kNoBlock;
  std::vector<Block> directory_;
  std::vector<uint64_t> roomy_;  // one bit a block: it has a free place
};

}  // namespace postern::flow
