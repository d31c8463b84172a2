// recent_ports.h - which UDP ports of the namespace have a host socket by now, so that a full house turns only strangers away;
// and which clients of its published ports may be answered.
//
// Of a fixed size and O(1): a port's place is given by a keyed hash; a set of four that is full forgets who would expire first.
// Forgetting one costs it datagrams while the house is full, or until its client speaks again; nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "postern/base/address.h"
#include "postern/base/clock.h"

namespace postern::relay {

class RecentPorts {
 public:
  static constexpr size_t kPorts = 4096;

  explicit RecentPorts(const std::array<uint64_t, 2>& hash_key);

  /// What stands for a port (and what it speaks to); two of the 2^64 keys being equal is not a case we provide for.
  uint64_t key(const IpAddress& address, Port port, Port peer = {}) const;
  bool contains(uint64_t key, TimePoint now) const;
  void remember(uint64_t key, TimePoint expires);

 private:
  struct Entry {
    uint64_t key = 0;
    TimePoint expires = TimePoint::min();
  };
  using Set = std::array<Entry, 4>;

  size_t index(uint64_t key) const { return key % sets_.size(); }

  std::array<uint64_t, 2> hash_key_;
  std::vector<Set> sets_{kPorts / std::tuple_size_v<Set>};
};

}  // namespace postern::relay
