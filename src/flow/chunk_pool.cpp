#include "chunk_pool.h"

#include <sys/mman.h>

#include <algorithm>

#include "postern/base/assert.h"

#include "poison.h"

namespace postern::flow {

namespace {

constexpr size_t kMaxSlabs = (size_t{1} << 32) / ChunkPool::kSlabBytes;  // a chunk's offset has 32 bits

}  // namespace

ChunkPool::ChunkPool(size_t limit_bytes) : limit_slabs_(std::min(limit_bytes / kSlabBytes, kMaxSlabs)) {}

ChunkPool::~ChunkPool() {
  POSTERN_ASSERT(used_bytes_ == 0);
  if (!arena_) return;
  unpoison(arena_, limit_bytes());
  ::munmap(arena_, limit_bytes());
}

bool ChunkPool::reserve() {
  void* arena = ::mmap(nullptr, limit_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (arena == MAP_FAILED) return false;
  ::madvise(arena, limit_bytes(),
            MADV_NOHUGEPAGE);  // or a first chunk of 2 KiB makes 2 MiB resident, where huge pages are the rule
  poison(arena, limit_bytes());
  arena_ = static_cast<uint8_t*>(arena);
  return true;
}

std::optional<Chunk> ChunkPool::take(size_t at_least_bytes) {
  const auto fits = std::find_if(kSizes.begin(), kSizes.end(), [&](uint32_t bytes) { return bytes >= at_least_bytes; });
  if (fits == kSizes.end()) return std::nullopt;
  const auto size = static_cast<uint8_t>(fits - kSizes.begin());
  List& list = partly_free_[size];
  if (list.first == kNone) {
    const std::optional<uint32_t> fresh = free_slab();
    if (!fresh) return std::nullopt;
    cut(*fresh, size);
  }
  const uint32_t number = list.first;
  Slab& slab = slabs_[number];
  const uint32_t offset = number * static_cast<uint32_t>(kSlabBytes) + slab.free[--slab.free_count] * *fits;
  if (slab.free_count == 0) unlink(list, number);
  used_bytes_ += *fits;
  unpoison(arena_ + offset, *fits);
  return Chunk(*this, offset, *fits);
}

/// A slab that nothing is out of, the hottest there is; it is in no list any more.
std::optional<uint32_t> ChunkPool::free_slab() {
  for (List* list : {&hot_, &cold_}) {
    const uint32_t number = list->first;
    if (number == kNone) continue;
    unlink(*list, number);
    return number;
  }
  if (slabs_.size() == limit_slabs_ || (!arena_ && !reserve())) return std::nullopt;
  slabs_.emplace_back();
  return static_cast<uint32_t>(slabs_.size() - 1);
}

void ChunkPool::cut(uint32_t number, uint8_t size) {
  Slab& slab = slabs_[number];
  slab.size = size;
  slab.free_count = chunks_of(slab);
  for (uint8_t i = 0; i < slab.free_count; ++i) slab.free[i] = static_cast<uint8_t>(slab.free_count - 1 - i);
  push(partly_free_[size], number);
  ++held_slabs_;
}

void ChunkPool::give_back(uint32_t offset) noexcept {
  const auto number = static_cast<uint32_t>(offset / kSlabBytes);
  Slab& slab = slabs_[number];
  const uint32_t bytes = kSizes[slab.size];
  poison(arena_ + offset, bytes);
  used_bytes_ -= bytes;
  List& list = partly_free_[slab.size];
  if (slab.free_count > 0) unlink(list, number);
  slab.free[slab.free_count++] = static_cast<uint8_t>(offset % kSlabBytes / bytes);
  const bool all_are_in = slab.free_count == chunks_of(slab);
  if (all_are_in) --held_slabs_;
  push(all_are_in ? hot_ : list, number);
}

Pressure ChunkPool::pressure() const {
  if (held_slabs_ * 100 > limit_slabs_ * 95) return Pressure::critical;
  return held_slabs_ * 100 > limit_slabs_ * 75 ? Pressure::high : Pressure::none;
}

void ChunkPool::trim() {
  uint32_t number = hot_.first;
  for (size_t kept = 0; kept < kHotSlabs && number != kNone; ++kept) number = slabs_[number].next;
  while (number != kNone) {
    const uint32_t next = slabs_[number].next;
    ::madvise(arena_ + number * kSlabBytes, kSlabBytes, MADV_DONTNEED);
    unlink(hot_, number);
    push(cold_, number);
    number = next;
  }
}

void ChunkPool::push(List& list, uint32_t number) {
  Slab& slab = slabs_[number];
  slab.previous = kNone;
  slab.next = list.first;
  if (list.first != kNone) slabs_[list.first].previous = number;
  list.first = number;
}

void ChunkPool::unlink(List& list, uint32_t number) {
  const Slab& slab = slabs_[number];
  if (slab.next != kNone) slabs_[slab.next].previous = slab.previous;
  (slab.previous != kNone ? slabs_[slab.previous].next : list.first) = slab.next;
}

}  // namespace postern::flow
