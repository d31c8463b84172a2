// siphash.h - SipHash-2-4 (Aumasson, Bernstein 2012): a hash whose collisions a guest cannot make without the key.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace postern {

uint64_t siphash(const std::array<uint64_t, 2>& key, std::span<const uint8_t> bytes);

}  // namespace postern
