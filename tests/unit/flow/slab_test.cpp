#include "slab.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <unordered_map>

namespace postern::flow {
namespace {

using testing::ElementsAre;

struct Tenant {
  explicit Tenant(int name, int* departures = nullptr) : number(name), gone(departures) {}
  ~Tenant() {
    if (gone) ++*gone;
  }
  Tenant(const Tenant&) = delete;
  Tenant& operator=(const Tenant&) = delete;
  int number;
  int* gone;
};

Handle let(Slab<Tenant>& slab, int number) { return slab.handle_of(*slab.emplace(number)); }

std::vector<int> numbers(Slab<Tenant>& slab) {
  std::vector<int> all;
  slab.for_each([&](Tenant& tenant) { all.push_back(tenant.number); });
  return all;
}

TEST(Handle, FitsIntoThirtyTwoBits) {
  const Handle last{Handle::kMaxObjects - 1, Handle::kLastGeneration};
  EXPECT_EQ(last.packed(), 0xffff'ffffu);
  EXPECT_EQ(Handle::unpack(last.packed()), last);
  EXPECT_EQ(Handle::unpack((Handle{7, 3}).packed()), (Handle{7, 3}));
}

TEST(Handle, ZeroNamesNobody) {
  Slab<Tenant> slab;
  slab.emplace(1);
  EXPECT_EQ(slab.get(Handle()), nullptr);
  EXPECT_EQ(slab.get(Handle::unpack(0)), nullptr);
}

TEST(Slab, AnObjectStaysWhereItIs) {
  Slab<Tenant> slab;
  Tenant* first = slab.emplace(0);
  for (int i = 1; i < 1'000; ++i) slab.emplace(i);
  EXPECT_EQ(slab.get(slab.handle_of(*first)), first);
  EXPECT_EQ(first->number, 0);
  EXPECT_EQ(&slab.at(0), first);
  EXPECT_EQ(slab.at(999).number, 999);
}

TEST(Slab, AHandleDoesNotReachTheNextTenant) {
  Slab<Tenant> slab;
  const Handle before = let(slab, 1);
  EXPECT_TRUE(slab.erase(before));
  const Handle after = let(slab, 2);
  EXPECT_EQ(after.index, before.index);
  EXPECT_EQ(slab.get(before), nullptr);
  EXPECT_FALSE(slab.erase(before));
  EXPECT_EQ(slab.get(after)->number, 2);
}

TEST(Slab, AHandleStaysStaleWhenItsBlockWasFreedAndCameBack) {
  Slab<Tenant> slab;
  std::vector<Handle> handles;
  handles.reserve(256);
  for (int i = 0; i < 256; ++i) handles.push_back(let(slab, i));
  for (const Handle handle : handles) slab.erase(handle);
  EXPECT_EQ(slab.blocks(), 1u);
  for (int i = 0; i < 256; ++i) slab.emplace(i);
  for (const Handle handle : handles) EXPECT_EQ(slab.get(handle), nullptr);
}

TEST(Slab, GenerationsComeRoundWithoutTheOneThatIsNobodys) {
  Slab<Tenant> slab;
  const Handle first = let(slab, 0);
  slab.erase(first);
  for (int i = 1; i < Handle::kLastGeneration; ++i) {
    const Handle next = let(slab, i);
    ASSERT_NE(next.generation, 0);
    ASSERT_NE(next.generation, first.generation);
    slab.erase(next);
  }
  EXPECT_EQ(let(slab, 0), first);
}

TEST(Slab, AHandleOfNoPlaceNamesNobody) {
  Slab<Tenant> slab;
  EXPECT_EQ(slab.get({0, 1}), nullptr);
  slab.emplace(1);
  EXPECT_EQ(slab.get({1, 1}), nullptr) << "never let";
  EXPECT_EQ(slab.get({64, 1}), nullptr) << "beyond the directory";
  EXPECT_EQ(slab.get({Handle::kMaxObjects - 1, 1}), nullptr);
}

TEST(Slab, GivesNothingAtItsLimit) {
  Slab<Tenant> slab(65);
  for (int i = 0; i < 65; ++i) EXPECT_NE(slab.emplace(i), nullptr);
  EXPECT_EQ(slab.emplace(65), nullptr);
  slab.erase(slab.handle_of(slab.at(3)));
  EXPECT_EQ(let(slab, 66).index, 3u);
  EXPECT_EQ(slab.emplace(67), nullptr);
  EXPECT_EQ(slab.size(), 65u);
}

TEST(Slab, DestroysEachObjectOnce) {
  int gone = 0;
  {
    Slab<Tenant> slab;
    for (int i = 0; i < 100; ++i) slab.emplace(i, &gone);
    slab.erase(slab.handle_of(slab.at(50)));
    EXPECT_EQ(gone, 1);
  }
  EXPECT_EQ(gone, 100);
}

TEST(Slab, TenThousandThatCameAndWentLeaveOneBlock) {
  Slab<Tenant> slab;
  for (int i = 0; i < 10'000; ++i) slab.emplace(i);
  EXPECT_EQ(slab.blocks(), 157u);
  slab.for_each([&](Tenant& tenant) { slab.erase(slab.handle_of(tenant)); });
  EXPECT_EQ(slab.size(), 0u);
  EXPECT_EQ(slab.blocks(), 1u);
}

TEST(Slab, ACountAtTheEdgeOfABlockAllocatesNothing) {
  Slab<Tenant> slab;
  for (int i = 0; i < 65; ++i) slab.emplace(i);
  for (int i = 0; i < 3; ++i) {
    slab.erase(slab.handle_of(slab.at(64)));
    EXPECT_EQ(slab.blocks(), 2u);
    slab.emplace(i);
    EXPECT_EQ(slab.blocks(), 2u);
  }
}

TEST(Slab, TheLowestPlaceIsLetFirstSoThatUpperBlocksRunEmpty) {
  Slab<Tenant> slab;
  for (int i = 0; i < 256; ++i) slab.emplace(i);
  for (const uint32_t index : {200u, 3u, 130u}) slab.erase(slab.handle_of(slab.at(index)));
  EXPECT_EQ(let(slab, 1).index, 3u);
  EXPECT_EQ(let(slab, 1).index, 130u);
  EXPECT_EQ(let(slab, 1).index, 200u);
  EXPECT_EQ(let(slab, 1).index, 256u);
}

TEST(Slab, AVisitorMayEraseAnyAndEmplace) {
  Slab<Tenant> slab;
  for (int i = 0; i < 5; ++i) slab.emplace(i);
  std::vector<int> seen;
  slab.for_each([&](Tenant& tenant) {
    seen.push_back(tenant.number);
    if (tenant.number == 1) {
      slab.erase(slab.handle_of(slab.at(0)));
      slab.erase(slab.handle_of(slab.at(3)));
      slab.erase(slab.handle_of(tenant));
      for (int i = 100; i < 200; ++i) slab.emplace(i);
    }
  });
  seen.resize(3);
  EXPECT_THAT(seen, ElementsAre(0, 1, 2));
  EXPECT_EQ(slab.size(), 102u);
}

TEST(Slab, AnObjectIsNobodyWhileItIsDestroyed) {
  struct Curious {
    ~Curious() { found = slab->get(own) != nullptr; }
    Slab<Curious>* slab;
    bool& found;
    Handle own = {};
  };
  bool found = false;
  Slab<Curious> slab;
  Curious* curious = slab.emplace(Curious{&slab, found});
  curious->own = slab.handle_of(*curious);
  found = true;
  slab.erase(curious->own);
  EXPECT_FALSE(found);
}

#ifdef __SANITIZE_ADDRESS__
TEST(Slab, AnErasedObjectThatIsTouchedIsFoundByTheSanitizer) {
  Slab<Tenant> slab;
  Tenant* tenant = slab.emplace(1);
  slab.emplace(2);
  slab.erase(slab.handle_of(*tenant));
  EXPECT_DEATH(++tenant->number, "use-after-poison");
}
#endif

TEST(Slab, KeepsTheAlignmentOfItsObjects) {
  struct alignas(64) Line {
    char bytes[64];
  };
  Slab<Line> slab;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(reinterpret_cast<uintptr_t>(slab.emplace()) % 64, 0u);
}

TEST(Slab, AgreesWithAMapOverAnyHistory) {
  std::mt19937 random(64);
  Slab<Tenant> slab(500);
  std::unordered_map<uint32_t, int> living;  // by packed handle
  std::vector<uint32_t> gone;
  for (int step = 0; step < 50'000; ++step) {
    const bool growing = step / 5'000 % 2 == 0;
    if (random() % 8 < (growing ? 5u : 3u)) {
      Tenant* tenant = slab.emplace(step);
      ASSERT_EQ(tenant == nullptr, living.size() == 500);
      if (!tenant) continue;
      ASSERT_TRUE(living.emplace(slab.handle_of(*tenant).packed(), step).second);
    } else if (!living.empty()) {
      const auto victim = std::next(living.begin(), static_cast<int>(random() % std::min<size_t>(living.size(), 8)));
      ASSERT_TRUE(slab.erase(Handle::unpack(victim->first)));
      gone.push_back(victim->first);
      living.erase(victim);
    }
    if (!gone.empty()) {
      const uint32_t stale = gone[random() % gone.size()];
      ASSERT_EQ(slab.get(Handle::unpack(stale)) != nullptr, living.contains(stale));
    }
    ASSERT_EQ(slab.size(), living.size());
  }
  for (const auto& [handle, number] : living) ASSERT_EQ(slab.get(Handle::unpack(handle))->number, number);
  EXPECT_EQ(numbers(slab).size(), living.size());
}

}  // namespace
}  // namespace postern::flow
