// flow_table.h - from a four-tuple to its connection, in one or two cache lines however many there are.
//
//   slots   [ - | index tag | index tag | - | ... ]     open addressing, linear probing, at most half full; 8 bytes a slot
//                    │
//                    └► key_of(index): the connection itself holds the key
//
// The tag is half of the keyed hash: it says where a slot's entry belongs, so that growing, shrinking and deleting need no key,
// and it keeps a probe from asking strangers for theirs. A deleted entry is filled by those behind it that belong further up
// (Knuth, The Art of Computer Programming 3, 6.4, algorithm R): no tombstones, so a table that lives for months stays as quick as
// on its first day.
#pragma once

#include <optional>
#include <vector>

#include "postern/flow/flow_key.h"

namespace postern::flow {

class FlowTable {
 public:
  explicit FlowTable(const std::array<uint64_t, 2>& secret) : secret_(secret) {}

  /// The index that `key` was inserted with. `key_of(index)` gives the key of an index in the table.
  template <class KeyOf>
  std::optional<uint32_t> find(const FlowKey& key, KeyOf&& key_of) const {
    if (slots_.empty()) return std::nullopt;
    const uint32_t tag = tag_of(key);
    for (size_t at = home(tag); slots_[at].index != kEmpty; at = next(at)) {
      if (slots_[at].tag == tag && key_of(slots_[at].index) == key) return slots_[at].index;
    }
    return std::nullopt;
  }

  /// `key` is not in the table; `index` is any but UINT32_MAX.
  void insert(const FlowKey& key, uint32_t index);
  /// False: they were not in the table.
  bool erase(const FlowKey& key, uint32_t index);

  size_t size() const { return size_; }
  size_t slots() const { return slots_.size(); }

 private:
  static constexpr uint32_t kEmpty = UINT32_MAX;
  static constexpr size_t kLeastSlots = 64;

  struct Slot {
    uint32_t index = kEmpty;
    uint32_t tag = 0;
  };

  uint32_t tag_of(const FlowKey& key) const { return static_cast<uint32_t>(hash(key, secret_)); }
  size_t home(uint32_t tag) const { return tag & (slots_.size() - 1); }
  size_t next(size_t at) const { return (at + 1) & (slots_.size() - 1); }
  void put(Slot slot);
  void take_out(size_t at);
  void resize(size_t slots);

  std::array<uint64_t, 2> secret_;
  size_t size_ = 0;
  std::vector<Slot> slots_;  // a power of two, or none before the first insert
};

}  // namespace postern::flow
