// sequence.h - a number of TCP's sequence space, RFC 9293 3.4: it goes round at 2^32, so "before" holds only between neighbours.
#pragma once

#include <concepts>
#include <cstdint>

namespace postern::flow {

struct Sequence {
  uint32_t number = 0;
  constexpr bool operator==(const Sequence&) const = default;
};

/// Any width of `bytes` will do, signed or not: all that counts is its value modulo 2^32.
template <std::integral Count>
constexpr Sequence operator+(Sequence from, Count bytes) {
  return {from.number + static_cast<uint32_t>(bytes)};
}
template <std::integral Count>
constexpr Sequence operator-(Sequence from, Count bytes) {
  return {from.number - static_cast<uint32_t>(bytes)};
}
template <std::integral Count>
constexpr Sequence& operator+=(Sequence& sequence, Count bytes) {
  return sequence = sequence + bytes;
}

/// How far `to` lies behind `from`; negative if it lies before it.
constexpr int32_t operator-(Sequence to, Sequence from) { return static_cast<int32_t>(to.number - from.number); }

// Words and no operators, for it is no order: a before b and b before c does not make a before c, and of two numbers 2^31 apart
// each is before the other. Windows end at 2^30 (RFC 7323 2.3), which keeps what we compare neighbours.
constexpr bool before(Sequence a, Sequence b) { return a - b < 0; }
constexpr bool after(Sequence a, Sequence b) { return before(b, a); }
constexpr bool at_or_before(Sequence a, Sequence b) { return !before(b, a); }
constexpr bool at_or_after(Sequence a, Sequence b) { return !before(a, b); }
constexpr Sequence earlier(Sequence a, Sequence b) { return before(b, a) ? b : a; }
constexpr Sequence later(Sequence a, Sequence b) { return before(a, b) ? b : a; }

/// Whether `sequence` is one of the `bytes` numbers from `first` on: RFC 9293's "in the window", for windows of any size.
constexpr bool is_within(Sequence sequence, Sequence first, uint32_t bytes) { return sequence.number - first.number < bytes; }

}  // namespace postern::flow
