// handle.h - the name of an object that may be gone by the time it is used: its place, and which of the place's tenants is meant.
//
// An epoll event, a timer or a queue entry outlives its connection, and the place is let again; a handle then finds another
// generation and means nobody. A generation returns after 4095 tenants of one place: whatever holds handles must not hold them
// for so long.
#pragma once

#include <cstdint>

namespace postern::flow {

struct Handle {
  static constexpr unsigned kIndexBits = 20;
  static constexpr uint32_t kMaxObjects = 1u << kIndexBits;
  static constexpr uint16_t kLastGeneration = 0xfff;

  uint32_t index = 0;       // < kMaxObjects
  uint16_t generation = 0;  // 1..kLastGeneration; 0 is nobody's, so a default Handle and a packed 0 name nobody

  constexpr uint32_t packed() const { return uint32_t{generation} << kIndexBits | index; }
  static constexpr Handle unpack(uint32_t key) { return {key & (kMaxObjects - 1), static_cast<uint16_t>(key >> kIndexBits)}; }
  constexpr bool operator==(const Handle&) const = default;
};

}  // namespace postern::flow
