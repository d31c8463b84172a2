// stream_bytes.h - bytes that say where in a stream they belong, so that a missing or doubled one is seen.
#pragma once

#include <gtest/gtest.h>
#include <sys/uio.h>

#include <cstdint>
#include <span>
#include <vector>

namespace postern::flow::test {

inline uint8_t stream_byte(uint64_t position) { return static_cast<uint8_t>((position * 0x9e3779b97f4a7c15) >> 56); }

inline std::vector<uint8_t> stream_bytes(uint64_t position, size_t length) {
  std::vector<uint8_t> bytes(length);
  for (size_t i = 0; i < length; ++i) bytes[i] = stream_byte(position + i);
  return bytes;
}

/// What gathered iovecs hold, put together. None is there for nothing.
inline std::vector<uint8_t> joined(std::span<const iovec> parts) {
  std::vector<uint8_t> bytes;
  for (const iovec& part : parts) {
    EXPECT_GT(part.iov_len, 0u);
    const auto* data = static_cast<const uint8_t*>(part.iov_base);
    bytes.insert(bytes.end(), data, data + part.iov_len);
  }
  return bytes;
}

}  // namespace postern::flow::test
