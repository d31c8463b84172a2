#include "stream.h"

#include <cstring>

namespace postern::chaos {

/// SplitMix64 (Steele, Lea, Flood 2014).
uint64_t Stream::word(uint64_t number) const {
  uint64_t z = seed_ + (number + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

void Stream::read(uint64_t offset, wire::MutableBytes room) const {
  size_t i = 0;
  while (i < room.size() && (offset + i) % 8 != 0) {
    room[i] = at(offset + i);
    ++i;
  }
  for (; i + 8 <= room.size(); i += 8) {
    const uint64_t eight = word((offset + i) / 8);
    std::memcpy(room.data() + i, &eight, 8);
  }
  for (; i < room.size(); ++i) room[i] = at(offset + i);
}

std::optional<uint64_t> Stream::first_wrong(uint64_t offset, wire::Bytes bytes) const {
  std::array<uint8_t, 4096> right;
  for (size_t done = 0; done < bytes.size();) {
    const size_t some = std::min(bytes.size() - done, right.size());
    read(offset + done, wire::MutableBytes(right).first(some));
    const auto [wrong, _] =
        std::mismatch(right.begin(), right.begin() + static_cast<ptrdiff_t>(some), bytes.begin() + static_cast<ptrdiff_t>(done));
    if (wrong != right.begin() + static_cast<ptrdiff_t>(some))
      return offset + done + static_cast<uint64_t>(wrong - right.begin());
    done += some;
  }
  return std::nullopt;
}

}  // namespace postern::chaos
