#include "chunk_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <random>

namespace postern::flow {
namespace {

constexpr size_t kSlab = ChunkPool::kSlabBytes;

/// Takes until there is no more.
std::vector<Chunk> take_all(ChunkPool& pool, size_t bytes) {
  std::vector<Chunk> chunks;
  while (auto chunk = pool.take(bytes)) chunks.push_back(*std::move(chunk));
  return chunks;
}

TEST(ChunkPool, GivesTheSmallestOfThreeSizesThatWillDo) {
  ChunkPool pool;
  const std::map<size_t, size_t> capacity_by_wish = {{0, 2'048},       {1, 2'048},       {2'048, 2'048},  {2'049, 16'384},
                                                     {16'384, 16'384}, {16'385, 65'536}, {65'536, 65'536}};
  for (const auto& [wish, capacity] : capacity_by_wish) {
    const auto chunk = pool.take(wish);
    ASSERT_TRUE(chunk);
    EXPECT_EQ(chunk->capacity(), capacity);
    EXPECT_EQ(chunk->bytes().size(), capacity);
    EXPECT_EQ(pool.used_bytes(), capacity);
  }
  EXPECT_FALSE(pool.take(65'537));
  EXPECT_FALSE(pool.take(SIZE_MAX));
  EXPECT_EQ(pool.used_bytes(), 0u);
}

TEST(ChunkPool, TakesNoMemoryBeforeTheFirstChunk) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
  const rlimit none{1, before.rlim_max};  // what is mapped stays
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &none), 0);
  ChunkPool pool;
  const bool was_given = pool.take(1).has_value();
  ::setrlimit(RLIMIT_AS, &before);
  EXPECT_FALSE(was_given) << "a mapping that fails is an empty pool";
  EXPECT_TRUE(pool.take(1)) << "and is tried again";
}

TEST(ChunkPool, ThereIsNoMoreThanTheLimit) {
  ChunkPool pool(3 * kSlab + 1);
  EXPECT_EQ(pool.limit_bytes(), 3 * kSlab);
  for (const size_t bytes : {2'048u, 16'384u, 65'536u}) {
    const std::vector<Chunk> chunks = take_all(pool, bytes);
    EXPECT_EQ(chunks.size(), 3 * kSlab / bytes);
    EXPECT_EQ(pool.used_bytes(), pool.limit_bytes());
    EXPECT_FALSE(pool.take(1));
  }
  EXPECT_EQ(pool.used_bytes(), 0u);
}

TEST(ChunkPool, WithoutASlabThereIsNothing) {
  ChunkPool pool(kSlab - 1);
  EXPECT_FALSE(pool.take(1));
  EXPECT_EQ(pool.pressure(), Pressure::none);
}

TEST(ChunkPool, ChunksLieApart) {
  ChunkPool pool(6 * kSlab);
  std::vector<Chunk> chunks;
  for (const size_t bytes : {2'048u, 65'536u, 16'384u, 2'048u, 65'536u, 16'384u, 16'384u}) chunks.push_back(*pool.take(bytes));
  for (size_t i = 0; i < chunks.size(); ++i) std::ranges::fill(chunks[i].bytes(), static_cast<uint8_t>(i));
  for (size_t i = 0; i < chunks.size(); ++i) {
    EXPECT_EQ(std::ranges::count(chunks[i].bytes(), static_cast<uint8_t>(i)), std::ssize(chunks[i].bytes()));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(chunks[i].data()) % 2'048, 0u);
  }
}

TEST(ChunkPool, TheChunkThatCameBackLastGoesOutFirst) {
  ChunkPool pool;
  for (const size_t bytes : {2'048u, 16'384u, 65'536u}) {
    std::vector<Chunk> chunks;
    chunks.reserve(100);
    for (int i = 0; i < 100; ++i) chunks.push_back(*pool.take(bytes));
    for (const size_t i : {5u, 70u, 71u, 40u}) {
      const uint8_t* memory = chunks[i].data();
      chunks[i] = Chunk();
      EXPECT_EQ(pool.take(bytes)->data(), memory);
    }
  }
}

TEST(ChunkPool, ASlabThatIsFreeServesAnySize) {
  ChunkPool pool(2 * kSlab);
  for (const size_t bytes : {2'048u, 65'536u, 16'384u, 65'536u, 2'048u, 16'384u})
    EXPECT_EQ(take_all(pool, bytes).size(), 2 * kSlab / bytes);
}

TEST(ChunkPool, ASlabThatAChunkIsOutOfServesNoOtherSize) {
  ChunkPool pool(2 * kSlab);
  auto small = pool.take(1);
  auto medium = pool.take(16'384);
  EXPECT_EQ(pool.used_bytes(), 2'048 + 16'384u);
  EXPECT_EQ(pool.held_bytes(), 2 * kSlab);
  EXPECT_FALSE(pool.take(65'536));
  medium.reset();
  EXPECT_EQ(pool.held_bytes(), kSlab);
  EXPECT_TRUE(pool.take(65'536));
}

TEST(ChunkPool, PressureFollowsTheSlabsThatAreHeld) {
  ChunkPool pool(100 * kSlab);
  std::vector<Chunk> chunks;
  const auto hold = [&](size_t slabs) {
    while (chunks.size() < slabs) chunks.push_back(*pool.take(kSlab));
    chunks.resize(slabs);
    return pool.pressure();
  };
  EXPECT_EQ(hold(0), Pressure::none);
  EXPECT_EQ(hold(75), Pressure::none);
  EXPECT_EQ(hold(76), Pressure::high);
  EXPECT_EQ(hold(95), Pressure::high);
  EXPECT_EQ(hold(96), Pressure::critical);
  EXPECT_EQ(hold(100), Pressure::critical);
  EXPECT_EQ(hold(95), Pressure::high);
  EXPECT_EQ(hold(75), Pressure::none);
}

TEST(ChunkPool, AMovedChunkComesBackOnce) {
  ChunkPool pool;
  auto taken = pool.take(1);
  uint8_t* memory = taken->data();
  Chunk chunk = *std::move(taken);
  taken.reset();  // NOLINT(bugprone-use-after-move): what was moved out of it has left nothing to give back
  EXPECT_EQ(pool.used_bytes(), 2'048u);
  Chunk other;
  EXPECT_FALSE(other);
  EXPECT_EQ(other.data(), nullptr);
  EXPECT_EQ(other.capacity(), 0u);
  other = std::move(chunk);
  EXPECT_EQ(other.data(), memory);
  EXPECT_FALSE(chunk);  // NOLINT(bugprone-use-after-move): that is the claim
  other = *pool.take(1);
  EXPECT_EQ(pool.used_bytes(), 2'048u);
}

bool is_resident(const uint8_t* slab) {
  std::vector<unsigned char> pages(kSlab / static_cast<size_t>(::sysconf(_SC_PAGESIZE)));
  EXPECT_EQ(::mincore(const_cast<uint8_t*>(slab), kSlab, pages.data()), 0);
  return std::ranges::any_of(pages, [](unsigned char page) { return (page & 1) != 0; });
}

TEST(ChunkPool, TrimmingGivesTheKernelAllFreeSlabsButTheHottest) {
  ChunkPool pool(32 * kSlab);
  std::vector<const uint8_t*> slabs;  // as they come back
  auto kept = pool.take(kSlab);
  std::ranges::fill(kept->bytes(), uint8_t{7});
  for (Chunk& chunk : take_all(pool, kSlab)) {
    std::ranges::fill(chunk.bytes(), uint8_t{8});
    slabs.push_back(chunk.data());
    chunk = Chunk();
  }
  EXPECT_EQ(std::ranges::count_if(slabs, is_resident), std::ssize(slabs));
  pool.trim();
  pool.trim();
  for (size_t i = 0; i < slabs.size(); ++i) EXPECT_EQ(is_resident(slabs[i]), i >= slabs.size() - ChunkPool::kHotSlabs);
  EXPECT_EQ(std::ranges::count(kept->bytes(), uint8_t{7}), std::ssize(kept->bytes()));
  EXPECT_EQ(take_all(pool, kSlab).size(), slabs.size());
}

TEST(ChunkPool, OneSmallChunkMakesOneSmallChunkResident) {
  ChunkPool pool;
  const auto chunk = pool.take(1);
  chunk->data()[0] = 1;
  EXPECT_FALSE(is_resident(chunk->data() + kSlab));
  EXPECT_FALSE(is_resident(chunk->data() + 32 * kSlab));
}

#ifdef __SANITIZE_ADDRESS__
TEST(ChunkPool, AChunkThatIsTouchedAfterItWentBackIsFoundByTheSanitizer) {
  ChunkPool pool;
  const auto neighbour = pool.take(1);
  uint8_t* memory = pool.take(1)->data();
  EXPECT_DEATH(++memory[2'047], "use-after-poison");
}
#endif

TEST(ChunkPool, KeepsItsBooksOverAnyHistory) {
  std::mt19937 random(8);
  ChunkPool pool(40 * kSlab);
  struct Held {
    Chunk chunk;
    uint8_t mark;
  };
  std::vector<Held> held;
  const auto is_whole = [](const Held& one) {
    return one.chunk.bytes().front() == one.mark && one.chunk.bytes().back() == one.mark;
  };
  for (uint32_t step = 0; step < 100'000; ++step) {
    const bool growing = step / 10'000 % 2 == 0;
    if (random() % 8 < (growing ? 5u : 3u)) {
      auto chunk = pool.take(size_t{1} << (8 + random() % 9));
      if (!chunk) continue;
      held.push_back({*std::move(chunk), static_cast<uint8_t>(step)});
      held.back().chunk.bytes().front() = held.back().chunk.bytes().back() = static_cast<uint8_t>(step);
    } else if (!held.empty()) {
      std::swap(held[random() % held.size()], held.back());
      ASSERT_TRUE(is_whole(held.back()));
      held.pop_back();
    }
    if (random() % 1'000 == 0) pool.trim();
    size_t used = 0;
    if (step % 64 == 0) {
      for (const Held& one : held) used += one.chunk.capacity();
      ASSERT_EQ(pool.used_bytes(), used);
      ASSERT_LE(used, pool.held_bytes());
      ASSERT_LE(pool.held_bytes(), pool.limit_bytes());
    }
  }
  ASSERT_TRUE(std::ranges::all_of(held, is_whole));
  held.clear();
  EXPECT_EQ(pool.held_bytes(), 0u);
  EXPECT_EQ(take_all(pool, kSlab).size(), 40u);
}

}  // namespace
}  // namespace postern::flow
