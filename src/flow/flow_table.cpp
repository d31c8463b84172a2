#include "flow_table.h"

#include <algorithm>
#include <utility>

#include "postern/base/assert.h"

namespace postern::flow {

void FlowTable::insert(const FlowKey& key, uint32_t index) {
  POSTERN_ASSERT(index != kEmpty);
  if (2 * (size_ + 1) > slots_.size()) resize(std::max(kLeastSlots, 2 * slots_.size()));
  put({index, tag_of(key)});
  ++size_;
}

bool FlowTable::erase(const FlowKey& key, uint32_t index) {
  if (slots_.empty()) return false;
  const uint32_t tag = tag_of(key);
  for (size_t at = home(tag); slots_[at].index != kEmpty; at = next(at)) {
    if (slots_[at].index != index || slots_[at].tag != tag) continue;
    take_out(at);
    --size_;
    // To a quarter full: the flows must double or halve before the size changes again.
    if (slots_.size() > kLeastSlots && 8 * size_ < slots_.size()) resize(slots_.size() / 2);
    return true;
  }
  return false;
}

void FlowTable::put(Slot slot) {
  size_t at = home(slot.tag);
  while (slots_[at].index != kEmpty) at = next(at);
  slots_[at] = slot;
}

void FlowTable::take_out(size_t hole) {
  const size_t mask = slots_.size() - 1;
  for (size_t at = next(hole); slots_[at].index != kEmpty; at = next(at)) {
    const size_t from_home = (at - home(slots_[at].tag)) & mask;
    if (from_home < ((at - hole) & mask)) continue;  // it belongs behind the hole
    slots_[hole] = slots_[at];
    hole = at;
  }
  slots_[hole] = {};
}

void FlowTable::resize(size_t slots) {
  std::vector<Slot> before = std::exchange(slots_, std::vector<Slot>(slots));
  for (const Slot& slot : before) {
    if (slot.index != kEmpty) put(slot);
  }
}

}  // namespace postern::flow
