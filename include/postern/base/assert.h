// assert.h - a state that cannot be is a bug of ours: say where and stop, also in release builds.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace postern {

[[noreturn]] inline void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "postern: bug: %s does not hold at %s:%d\n", expression, file, line);
  std::abort();
}

}  // namespace postern

#define POSTERN_ASSERT(expression) \
  (static_cast<bool>(expression) ? static_cast<void>(0) : ::postern::assertion_failed(#expression, __FILE__, __LINE__))
