// byte_writer.h - numbers in network byte order, one behind the other.
#pragma once

#include <algorithm>

#include "postern/wire/bytes.h"

namespace postern::wire {

/// Appends to a room that has been measured: it looks for no end.
class ByteWriter {
 public:
  explicit ByteWriter(MutableBytes room) : room_(room) {}
  void put8(uint8_t value) { room_[at_++] = value; }
  void put16(uint16_t value) {
    store16(room_, at_, value);
    at_ += 2;
  }
  void put32(uint32_t value) {
    store32(room_, at_, value);
    at_ += 4;
  }
  void put(Bytes bytes) {
    std::copy(bytes.begin(), bytes.end(), room_.begin() + static_cast<ptrdiff_t>(at_));
    at_ += bytes.size();
  }
  size_t written() const { return at_; }

 private:
  MutableBytes room_;
  size_t at_ = 0;
};

}  // namespace postern::wire
