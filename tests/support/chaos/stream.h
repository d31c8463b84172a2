// stream.h - bytes that are known by their place: whoever receives one can tell whether it is the right one, and nobody keeps
// them.
#pragma once

#include <optional>

#include "postern/wire/bytes.h"

namespace postern::chaos {

/// An endless stream of bytes, another one for each seed.
class Stream {
 public:
  explicit Stream(uint64_t seed) : seed_(seed) {}

  /// Fills `room` with the bytes from `offset` on.
  void read(uint64_t offset, wire::MutableBytes room) const;
  /// The place of the first byte of `bytes`, which claim to begin at `offset`, that is another one.
  std::optional<uint64_t> first_wrong(uint64_t offset, wire::Bytes bytes) const;

 private:
  uint64_t word(uint64_t number) const;
  uint8_t at(uint64_t offset) const { return static_cast<uint8_t>(word(offset / 8) >> (offset % 8 * 8)); }

  uint64_t seed_;
};

}  // namespace postern::chaos
